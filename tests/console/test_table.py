"""Who may do what in the console: every address, by every kind of person, GET and POST; one table says it (S8.1, ADM-01, ADM-03).

A new address without a row here fails.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import Resolver404, URLPattern, URLResolver, resolve

from accounts import limits
from accounts.models import SecurityEvent, Session, User
from config.admin import console
from orgs.models import Membership, Organization, OrgLevel
from tests.conftest import WebDoor
from tests.console.conftest import REASON, Desk, Furnished, staff
from tests.factories import PASSWORD, UserFactory
from tests.tokens.factories import token_and_text
from tokens.models import Token
from twofactor.models import Authenticator, ResetRequest

pytestmark = pytest.mark.django_db
# Each address, and what support gets for a POST with nothing but hidden fields: 405 none taken, 302 leads on, 422 says what is missing,
# 200 asks whether that is meant.
TABLE = {
    "": 405,
    "people/": 302,
    "people/<username>/": 405,
    "people/<username>/end-sessions/": 422,
    "people/<username>/send-reset/": 422,
    "people/<username>/unlock/": 422,
    "people/<username>/deactivate/": 422,
    "people/<username>/reactivate/": 422,
    "people/<username>/ask-2fa-reset/": 422,
    "people/<username>/agree-2fa-reset/": 422,
    "people/<username>/withdraw-2fa-reset/": 422,
    "people/<username>/revoke-tokens/": 422,
    "tokens/": 405,
    "tokens/<public_id>/": 405,
    "orgs/": 405,
    "orgs/new/": 422,
    "orgs/<handle>/": 200,
    "orgs/<handle>/invite/": 422,
    "orgs/<handle>/members/<username>/": 422,
    "orgs/<handle>/members/<username>/remove/": 422,
    "resets/": 405,
    "mails/": 405,
    "server/": 405,
    "log/": 405,
    "log/export/": 422,
    "log/<event_id>/": 405,
}
# What a form of Django's own admin would take, and more.
HIDDEN = {
    "is_superuser": "on", "is_staff": "on", "is_active": "", "groups": "1", "user_permissions": "1", "password": "pbkdf2_sha256$1",
    "new_password1": "chosen by support", "email": "sam@evil.example", "user": "sam", "username": "sam", "person": "sam", "staff": "root",
    "actor": "root", "_selected_action": "1", "action": "delete_selected", "_popup": "1", "_to_field": "password", "session_epoch": "0",
    "level": "ADMIN", "state": "agreed", "agreed_by": "root",
}  # fmt: skip
LOGIN, ENROL = "/login/", "/security/2fa/enable/"
# Who asks, and where they end up: a status, or an address that they are led to.
OUTSIDERS = {
    "nobody": LOGIN, "a person": 404, "an org admin": 404, "a person with a code": 404, "support without a code": ENROL,
    "support with an old code": LOGIN, "support whose login gave no code": LOGIN, "staff without the group": 403,
    "support who is switched off": LOGIN, "a former member of support": 404,
}  # fmt: skip


def addresses(resolver_patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Give every address of the console, its parts named as in `<username>`."""
    for pattern in resolver_patterns:
        here = before + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, here)
        else:
            yield here


def filled(address: str, amys: Furnished) -> str:
    """Return an address with what amy has in it."""
    parts = {"<username>": amys.user.username, "<public_id>": amys.token.public_id, "<handle>": amys.org.handle}
    parts["<event_id>"] = amys.event.public_id
    for name, value in parts.items():
        address = address.replace(name, value)
    return f"/admin/{address}"


def outsider(who: str) -> Desk:
    """Return the browser of somebody who must not come in."""
    desk = Desk()
    if who == "nobody":
        return desk
    if who.startswith("support") or who == "a former member of support":
        user = staff("sid")
    else:
        user = UserFactory(username="sid", is_staff="staff" in who)
    if who == "an org admin":
        org = Organization.objects.create(handle="acme", name="Acme")
        Membership.objects.create(org=org, user=user, level=OrgLevel.ADMIN)
    if who == "support without a code":
        Authenticator.objects.filter(user=user).delete()
        return desk.enter(user, with_code=False)
    if who == "support whose login gave no code":
        return desk.enter(user, with_code=False)
    desk.enter(user, code_age_seconds=limits.STAFF_CODE_SECONDS if who == "support with an old code" else 0)
    if who == "support who is switched off":
        User.objects.filter(pk=user.pk).update(is_active=False)
    if who == "a former member of support":
        User.objects.filter(pk=user.pk).update(is_staff=False)
    return desk


def state() -> dict[str, Any]:
    """Return what no visit may change."""
    people = User.objects.order_by("pk")
    return {
        "people": list(people.values("username", "email", "password", "is_active", "is_staff", "is_superuser", "session_epoch")),
        "groups": list(people.values_list("username", "groups__name", "user_permissions")),
        "sessions": set(Session.objects.exclude(user=None).values_list("pk", flat=True)),
        "tokens": list(Token.objects.order_by("pk").values_list("pk", "state")),
        "resets": list(ResetRequest.objects.order_by("pk").values_list("pk", "state", "agreed_by")),
        "orgs": list(Organization.objects.order_by("pk").values()),
        "members": list(Membership.objects.order_by("pk").values()),
        "support acts": SecurityEvent.objects.filter(event__startswith="support.").count(),
    }


def reached(answer: Any) -> str | int:
    """Return where an answer leads, else its status."""
    return str(answer["Location"]).partition("?")[0] if answer.status_code == 302 else int(answer.status_code)


def test_adm_02_the_table_has_every_address_of_the_console_and_no_other() -> None:
    assert list(addresses(console.get_urls())) == list(TABLE)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_adm_01_an_outsider_reaches_no_address_by_get_or_post(who: str, amys: Furnished) -> None:
    desk = outsider(who)
    csrf = desk.csrf()
    before = state()
    for address, posted in TABLE.items():
        path = filled(address, amys)
        assert reached(desk.get(path)) == OUTSIDERS[who], path
        sent = desk.post(path, {**HIDDEN, "csrfmiddlewaretoken": csrf})
        # A page that takes no POST says so before it looks who asks.
        assert reached(sent) == (405 if posted == 405 else OUTSIDERS[who]), path
    assert state() == before


@pytest.mark.parametrize("who", ["support", "superuser"])
def test_adm_03_support_reaches_every_address_and_hidden_fields_do_nothing(who: str, amys: Furnished, sam: User, root: User) -> None:
    desk = Desk().enter(sam if who == "support" else root)
    before = state()
    csrf = desk.csrf()
    for address, posted in TABLE.items():
        path = filled(address, amys)
        assert desk.get(path).status_code == 200, path
        assert desk.post(path, {**HIDDEN, "csrfmiddlewaretoken": csrf}).status_code == posted, path
        assert desk.post(path, HIDDEN).status_code == (405 if posted == 405 else 403), path
    assert state() == before


def test_a_token_opens_nothing(client: Any, amys: Furnished, sam: User) -> None:
    text = token_and_text(user=sam)[1]
    for address in TABLE:
        assert client.get(filled(address, amys), headers={"authorization": f"Bearer {text}"}).status_code == 401


DJANGOS = (
    "login/", "logout/", "password_change/", "password_change/done/", "jsi18n/", "autocomplete/", "r/1/1/", "accounts/", "auth/",
    "accounts/user/", "accounts/user/1/change/", "accounts/user/add/", "auth/group/", "tokens/token/1/change/", "nothing/",
)  # fmt: skip


def test_adm_02_nothing_of_djangos_own_admin_is_there() -> None:
    for path in DJANGOS:
        with pytest.raises(Resolver404):
            resolve(f"/admin/{path}")


def test_adm_01_a_right_password_at_djangos_own_login_form_opens_nothing(web: WebDoor, sam: User) -> None:
    web.get("/login/")
    sent = {"username": "sam", "password": PASSWORD, "csrfmiddlewaretoken": str(web.get("/login/").context["csrf_token"])}
    assert web.post("/admin/login/", sent).status_code == 404
    assert not Session.objects.exclude(user=None).exists()


def test_adm_02_no_model_can_be_registered() -> None:
    assert not console._registry
    with pytest.raises(TypeError, match="shows no model"):
        console.register(User)


def test_ids_of_nobody_are_404(desk: Desk) -> None:
    csrf = desk.csrf()
    for path in ("people/nobody/", "people/nobody/unlock/", "people/%00/", "tokens/token-nothing/", "orgs/nothing/"):
        assert desk.get(f"/admin/{path}").status_code == 404, path
        assert desk.post(f"/admin/{path}", {"reason": REASON, "csrfmiddlewaretoken": csrf}).status_code in (404, 405), path
