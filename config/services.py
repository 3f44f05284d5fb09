"""The services that a URL names: database, cache, mail. Each becomes the dict that Django wants, every wait limited."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.checks import refuse

SQLITE_BUSY_SECONDS = 20
SQLITE_WAL_MAX_BYTES = 64 * 1024 * 1024
STATEMENT_TIMEOUT_MS = 10_000  # SECURITY REL-05
LOCK_TIMEOUT_MS = 5_000
IDLE_TRANSACTION_TIMEOUT_MS = 15_000  # of a process that was stopped, or that thinks: what it locked, others wait for (F13)
POOL_WAIT_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 5
RECONNECT_SECONDS = 3  # attempts at 0, 1 and 3 s, and again from there
CACHE_TIMEOUT_SECONDS = 0.25  # SECURITY REL-03
MAIL_TIMEOUT_SECONDS = 10  # of each wait; config.mail limits the whole
S3_MEMORY_BYTES = 1024 * 1024  # of a part that is read; the rest waits in a temporary file
# synchronous=FULL: with NORMAL a power loss may take back a revoke that was answered (REL-01).
SQLITE_PRAGMAS = f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit={SQLITE_WAL_MAX_BYTES}"


def database(url: str, *, var_dir: Path, pool_size: int) -> dict[str, Any]:
    """Return DATABASES["default"] for DATABASE_URL; without one, SQLite in `var_dir`. Refuses other engines."""
    try:
        parsed: dict[str, Any] = environ.Env.db_url_config(url or f"sqlite:///{var_dir / 'gatehouse.sqlite3'}")
    except (ImproperlyConfigured, ValueError):
        refuse("DATABASE_URL", "must look like postgres://user:password@host:5432/name or sqlite:////path/to/file")
    engine = parsed.get("ENGINE")
    if engine == "django.db.backends.sqlite3":
        return parsed | _sqlite(var_dir)
    if engine == "django.db.backends.postgresql":
        return parsed | _postgresql(parsed.get("OPTIONS", {}), pool_size)
    refuse("DATABASE_URL", "must begin with postgres:// or sqlite://")


def _sqlite(var_dir: Path) -> dict[str, Any]:
    var_dir.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "config.sqlite",
        "CONN_MAX_AGE": None,
        # IMMEDIATE: a transaction that reads first and writes later would else fail at once, without waiting.
        "OPTIONS": {"timeout": SQLITE_BUSY_SECONDS, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_PRAGMAS},
        # A file, for a database in memory has no second connection to race with.
        "TEST": {"NAME": str(var_dir / "test.sqlite3")},
    }


def _postgresql(options: dict[str, Any], pool_size: int) -> dict[str, Any]:
    # JIT is for reports: compiling one of our larger statements takes longer than running it.
    limits = (
        f"-c jit=off -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT_MS}"
    )
    pool = {
        "min_size": 1,
        "max_size": pool_size,
        "timeout": POOL_WAIT_SECONDS,
        # By default the pauses between attempts double for five minutes: after an hour away it would be missed for minutes more.
        "reconnect_timeout": RECONNECT_SECONDS,
        "reconnect_failed": _try_again,
    }
    return {
        "ENGINE": "config.postgresql",
        "CONN_MAX_AGE": 0,  # the pool keeps the connections
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | {"pool": pool, "options": limits, "connect_timeout": CONNECT_TIMEOUT_SECONDS},
    }


def _try_again(pool: Any) -> None:
    pool.check()


def cache(url: str) -> dict[str, Any]:
    """Return CACHES["default"] for CACHE_URL: Redis with short time-outs, or by default the memory of each process."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "gatehouse"}
    if not url.startswith(("redis://", "rediss://", "unix://")):
        refuse("CACHE_URL", "must look like redis://host:6379/0")
    limits = {"socket_timeout": CACHE_TIMEOUT_SECONDS, "socket_connect_timeout": CACHE_TIMEOUT_SECONDS}
    return {
        "BACKEND": "config.cache.TolerantRedisCache",
        "LOCATION": url,
        "OPTIONS": limits,
        "KEY_PREFIX": "gatehouse",
    }


def files(url: str, *, var_dir: Path) -> dict[str, Any]:
    """Return STORAGES["default"], where the bytes of files go: a folder of `var_dir`, or for FILES_URL an S3-compatible store.

    `s3://bucket/prefix?endpoint=https://…&region=…`; its keys are read from the environment by the store's own library.
    """
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": var_dir / "files"}}
    parts, asked = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    if parts.scheme != "s3" or not parts.netloc or set(asked) - {"endpoint", "region"}:
        refuse("FILES_URL", "must look like s3://bucket/prefix?endpoint=https://host&region=name")
    if find_spec("storages") is None or find_spec("boto3") is None:
        refuse("FILES_URL", "needs the package django-storages[s3]; install it beside the others")
    named = {"endpoint_url": asked.get("endpoint"), "region_name": asked.get("region"), "location": parts.path.strip("/")}
    # Read in the thread that answers, one piece after the other: what looks at the token, and bounds the memory, is in that reading.
    transfer = import_module("boto3.s3.transfer").TransferConfig(use_threads=False)
    options: dict[str, Any] = {
        "transfer_config": transfer,
        "bucket_name": parts.netloc,
        "file_overwrite": True,
        "max_memory_size": S3_MEMORY_BYTES,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options | {name: value for name, value in named.items() if value}}


def mail(url: str, *, development: bool, var_dir: Path) -> dict[str, Any]:
    """Return the EMAIL_* settings for EMAIL_URL; only in development mails may default to files in `var_dir`/mail."""
    if not url and not development:
        refuse("EMAIL_URL", "is missing: set it to smtp+tls://user:password@host:587 or the like")
    if not url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(var_dir / "mail"),
        }
    try:
        parsed = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        refuse("EMAIL_URL", "must look like smtp+tls://user:password@host:587")
    named = {name: value for name, value in parsed.items() if name.startswith("EMAIL_")}
    by_smtp = named.get("EMAIL_BACKEND") == "django.core.mail.backends.smtp.EmailBackend"
    return named | ({"EMAIL_BACKEND": "config.mail.BoundedBackend"} if by_smtp else {})
