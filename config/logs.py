"""Log lines: one JSON object each, in UTC, with the request's id, and nothing that opens a door (OPS-04, OPS-05)."""

import logging
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="")

ACCESS = "gatehouse.access"  # the logger of one line for each request
MASK = "[masked]"
# Names of `extra` fields whose values never leave the process.
_SECRET_NAME = re.compile(
    r"authorization|cookie|passw|otp|secret|token$|token_text|session_key|csrf|^code$|^key$|_key$|^body$|^post$|^request$",
    re.IGNORECASE,
)
# Addresses whose next part opens something; they stand in `?next=`, too.
_KEYED = ("/email/confirm", "/email/cancel", "/invitations", "/security/2fa/object", r"/transfers/[\w-]+/content")
_SECRET_TEXTS = [
    (re.compile(r"(Failing row contains )\(.*?\)(?=\.?(?:\n|\\n|$))", re.DOTALL), rf"\1({MASK})"),
    (re.compile(r"(?<![0-9A-Za-z])ght_[0-9A-Za-z]{4,}"), MASK),
    (re.compile(r"(bearer\s+)[^\s,;\"']+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(/password/reset/)[^/\s]+/[^/\s]+"), rf"\1{MASK}"),
    (re.compile(f"((?:{'|'.join(_KEYED)})/)".replace("/", "(?:/|%2F)") + r"[^/\s&\"']+"), rf"\1{MASK}"),
    (
        re.compile(
            r"(\b(?:sessionid|deviceid|csrftoken|csrfmiddlewaretoken|password|new_password[12]|otp)[\"']?\s*[=:]\s*[\"']?)[^\s;&,\"'}]+"
        ),
        rf"\1{MASK}",
    ),
]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def mask(text: str) -> str:
    """Return `text` with token texts, bearer values, keys in links, cookies and password fields replaced by a mark."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def escape_controls(text: str, *, keep_lines: bool = False) -> str:
    """Return `text` with control characters spelt out (`\\x1b`): no terminal obeys them. `keep_lines` spares \\n."""
    if not keep_lines:
        text = text.replace("\n", "\\n").replace("\t", "\\t")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class AccessRecord(logging.LogRecord):
    """What is written of each request: `ms` it took, `actor` the public id. Of it only the method comes as the client sent it.

    Each request pays for it, so it is not asked where in the code and in which thread it was made, and not looked through for secrets:
    both together cost as much as checking a token.
    """

    _BLANK = logging.LogRecord(ACCESS, logging.INFO, "", 0, "request", None, None).__dict__ | dict.fromkeys(
        ("thread", "threadName", "process", "processName")
    )

    def __init__(self, *, request_id: str, method: str, route: str, status: int, ms: float, actor: str | None, ip: str | None) -> None:
        self.__dict__.update(self._BLANK)
        self.created, self.request_id = time.time(), request_id
        self.method, self.route, self.status, self.ms, self.actor, self.ip = method, route, status, ms, actor, ip

    def as_json(self) -> str:
        """Return the line."""
        return (
            f'{{"time": "{datetime.fromtimestamp(self.created, UTC).isoformat()}", "level": "INFO", "logger": "{ACCESS}"'
            f', "message": "request", "request_id": "{self.request_id}", "method": {_quoted(self.method)}, "route": {_quoted(self.route)}'
            f', "status": {self.status}, "ms": {self.ms}, "actor": {_quoted(self.actor) if self.actor else "null"}'
            f', "ip": {_quoted(self.ip) if self.ip else "null"}}}'
        )


class SafeFilter(logging.Filter):
    """Adds the request's id, renders the message, and takes out what must not be written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record passes, cleaned."""
        if isinstance(record, AccessRecord):
            return True
        _forget_path(record)
        record.request_id = request_id.get()
        record.msg = escape_controls(mask(record.getMessage()))
        record.args = None
        for name, value in list(record.__dict__.items()):
            if name in _STANDARD:
                continue
            record.__dict__[name] = _clean(name, value)
        return True


_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request_id"}


def _clean(name: str, value: object) -> object:
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, dict):
        return {key: _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return escape_controls(mask(str(value)))


def _forget_path(record: logging.LogRecord) -> None:
    # Django names the raw path in these lines; a path may hold a key, its pattern does not.
    request = record.__dict__.pop("request", None)
    path = getattr(request, "path", None)
    if isinstance(record.args, tuple) and path is not None:
        record.args = tuple(route_of(request) if part == path else part for part in record.args)


def route_of(request: Any) -> str:
    """Return what the request's path matched, such as `/password/reset/<uid>/<key>/`; `-` where nothing did."""
    named = getattr(request, "route_name", None)
    if named:
        return str(named)
    match = getattr(request, "resolver_match", None)
    return f"/{match.route}" if match else "-"


class SafeFormatter(JsonFormatter):
    """One JSON object per record: time, level, logger, message, request_id, and the record's extra fields."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s %(request_id)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=True,
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return record.as_json() if isinstance(record, AccessRecord) else super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        """Return the traceback, masked: the text of an exception may quote a value."""
        return escape_controls(mask("".join(super().formatException(ei))), keep_lines=True)


def logging_config(level: str) -> dict[str, Any]:
    """Return the setting LOGGING: everything from `level` up, to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"safe": {"()": "config.logs.SafeFilter"}},
        "formatters": {"json": {"()": "config.logs.SafeFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["safe"], "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Its 4xx lines repeat the access line and name raw paths; 5xx come with their traceback.
            "django.request": {"level": "ERROR"},
            # A stranger's Host header is answered with 400; it is no fault of ours, and anybody can send thousands.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
