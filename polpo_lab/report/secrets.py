"""What looks like a key is left out of a report, wherever it comes from.

Keys of ours are typed and never reach a journal. But an agent may print one that it was given,
and a report travels further than a journal: so it shows no part of anything that has the form
of a key.
"""

from __future__ import annotations

import re

LEFT_OUT = "[… a key left out …]"
_KEYS = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{8,}"  # Polpo, OpenAI, Anthropic, Stripe
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bhf_[A-Za-z0-9]{16,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{12,}|\bAIza[\w-]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
# In front of these something says that a secret follows.
_TOLD = re.compile(
    r"(?i)\b(bearer\s+|(?:api[-_]?key|x-api-key|token|secret|password|passwd)[\"']?\s*[:=]\s*[\"']?)"
    r"[^\s\"',;]{8,}"
)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+@")


def without_secrets(text: str) -> str:
    """Return text without what has the form of a key, whole: no part of one is shown.

    Examples
    --------
    >>> without_secrets("Authorization: Bearer abcdefgh12345678 and sk_live_abcdefgh")
    'Authorization: Bearer [… a key left out …] and [… a key left out …]'
    """
    kept = _KEYS.sub(LEFT_OUT, text)
    kept = _TOLD.sub(rf"\1{LEFT_OUT}", kept) if ":" in kept or "=" in kept or " " in kept else kept
    return _IN_ADDRESS.sub(f"{LEFT_OUT}@", kept)
