"""The frames between a worker and its caller: four bytes of length, then JSON. Light."""

from __future__ import annotations

import json
import struct
from typing import Any

LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 256 * 2**20


def encode_frame(frame: dict[str, Any]) -> bytes:
    """Return a frame as bytes; a value that JSON cannot carry becomes its text."""
    try:
        data = json.dumps(frame, default=str).encode()
    except (TypeError, ValueError, RecursionError):  # odd keys, circles
        data = json.dumps({key: _plain(value) for key, value in frame.items()}).encode()
    return LENGTH.pack(len(data)) + data


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
