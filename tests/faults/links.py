"""The links that people get by mail, read from where a person would find them."""

import re

from accounts.models import OutboxMail

RESET, CONFIRM, CANCEL = "/password/reset/", "/email/confirm/", "/email/cancel/"


def mailed_link(begins: str, *, to: str = "") -> str:
    """Return the path of the newest link that begins so, in a mail to `to` or to anybody; fail where there is none."""
    mails = OutboxMail.objects.filter(to__startswith=to).order_by("-pk").values_list("text", flat=True)
    found = [match[0] for text in mails if (match := re.search(rf"{begins}[^/\s]+/\S+|{begins}[^/\s]+/", text))]
    assert found, f"no link {begins} was mailed"
    return found[0]


def key_in(link: str) -> str:
    """Return the key, its last part."""
    return link.strip("/").split("/")[-1]
