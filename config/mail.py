"""Mail by SMTP, where a whole delivery has a limit (REL-05, F10).

EMAIL_TIMEOUT bounds each wait for bytes. A server that sends one now and then would hold the worker for ever, and longer than its
lease of the mail lasts.
"""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import Any

from django.core.mail.backends.smtp import EmailBackend

DELIVERY_SECONDS = 30.0  # less than accounts.limits.OUTBOX_LEASE_SECONDS


class _Cut:
    """Cuts the connection when its time is over: whoever waits for the server gets SMTPServerDisconnected."""

    sock: socket.socket | None

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and let the time begin."""
        self._alarm = threading.Timer(DELIVERY_SECONDS, self._cut)
        self._alarm.daemon = True
        self._alarm.start()
        return super().connect(*args, **kwargs)  # type: ignore[misc]  # smtplib's

    def close(self) -> None:
        """Close, and let the alarm go."""
        self._alarm.cancel()
        super().close()  # type: ignore[misc]  # smtplib's

    def _cut(self) -> None:
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


class _Plain(_Cut, smtplib.SMTP):
    """Without TLS, or with STARTTLS."""


class _Tls(_Cut, smtplib.SMTP_SSL):
    """With TLS from the first byte on."""


class BoundedBackend(EmailBackend):
    """Django's, with connections that end."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """Return what connects."""
        return _Tls if self.use_ssl else _Plain
