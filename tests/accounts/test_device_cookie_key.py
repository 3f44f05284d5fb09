"""The key of the device cookie can be changed: with a fallback known browsers stay known (OPS-03)."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core import signing

from accounts import devices
from accounts.devices import Device
from accounts.models import OutboxMail, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
NEW_KEY = "another-key-for-tests-" + "0123456789" * 4


def new_devices() -> int:
    return OutboxMail.objects.filter(subject="New sign-in to Gatehouse").count()


def sign_in_again(web: WebDoor, amy: User) -> None:
    web.send("/logout/", form_at="/security/")
    web.sign_in(amy, PASSWORD)


@pytest.fixture
def known(web: WebDoor, amy: User) -> WebDoor:
    """A browser that completed a login of amy."""
    web.sign_in(amy)
    assert new_devices() == 1
    return web


def test_ops_03_with_a_fallback_a_known_browser_stays_known_and_gets_a_cookie_of_the_new_key(
    known: WebDoor, amy: User, settings: LazySettings
) -> None:
    old, settings.DEVICE_COOKIE_KEY = settings.DEVICE_COOKIE_KEY, NEW_KEY
    settings.DEVICE_COOKIE_KEY_FALLBACKS = [old]
    sign_in_again(known, amy)
    settings.DEVICE_COOKIE_KEY_FALLBACKS = []
    sign_in_again(known, amy)
    assert new_devices() == 1


def test_ops_03_without_one_it_is_new_once(known: WebDoor, amy: User, settings: LazySettings) -> None:
    settings.DEVICE_COOKIE_KEY = NEW_KEY
    sign_in_again(known, amy)
    sign_in_again(known, amy)
    assert new_devices() == 2


def test_ops_03_a_former_secret_key_signs_no_device_cookie(rf: Any, amy: User, settings: LazySettings) -> None:
    settings.SECRET_KEY_FALLBACKS = [NEW_KEY]
    forged = signing.Signer(key=NEW_KEY, salt="accounts.devices").sign_object({"id": "mine", "users": ["x"]})
    request = rf.get("/")
    request.COOKIES[settings.DEVICE_COOKIE_NAME] = forged
    assert devices.read(request).id != "mine"
    assert not Device(id="mine", users=("x",)).knows(amy)
