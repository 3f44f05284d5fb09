"""Keys of mailed links: 256 random bits, of which only the SHA-256 is stored (DESIGN 2.4)."""

import hashlib
import secrets

KEY_BYTES = 32


def new_key() -> str:
    """Return a fresh key, safe in a URL."""
    return secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> str:
    """Return what is stored for `key`: its SHA-256, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()
