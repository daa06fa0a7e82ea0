"""Names of content: equal content has equal hashes, on every machine and in every version."""

from __future__ import annotations

import hashlib
import json
from typing import Any

HASH_LENGTH = 16


def content_hash(content: Any) -> str:
    """Return a short hash of anything that JSON can spell.

    Parameters
    ----------
    content : JSON value
        The order of an object's fields does not matter.

    Returns
    -------
    str
        16 hexadecimal digits: 64 bits of SHA-256.

    Examples
    --------
    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]
