"""The one way in which ids and input hashes are made from text."""

import hashlib


def digest(*parts: str) -> str:
    """Thirty-two hex digits over the parts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
