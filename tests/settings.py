"""The product's settings in development mode, with a password hash that costs nothing (one test uses the real one)."""

import os

os.environ.setdefault("DEBUG", "1")

from config.settings import *  # noqa: E402, F403

# Each of the parallel runs has a Redis database of its own: emptying the cache empties the whole of it.
if CACHES["default"]["BACKEND"].endswith("RedisCache"):  # noqa: F405
    _server = CACHES["default"]["LOCATION"].rpartition("/")[0]  # noqa: F405
    CACHES["default"]["LOCATION"] = f"{_server}/{2 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]) % 13}"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
HASH_CONCURRENCY = 8
