"""What is stored of a random secret that somebody else holds: a cookie's key, a link's key, a token's text."""

import hashlib


def digest(secret: str) -> str:
    """Return the SHA-256 of `secret`, in lower-case hex. Enough where the secret has 128 random bits or more (DESIGN 2.4)."""
    return hashlib.sha256(secret.encode()).hexdigest()
