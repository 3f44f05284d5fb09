"""What is stored of keys and backup codes: nothing that opens anything, bound to its person, with keys that can be changed."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory
from tests.twofactor.factories import SECRET, AuthenticatorFactory, code, turned_on
from twofactor import backup_codes, limits, totp, vault
from twofactor.models import Authenticator, BackupCode, Enrolment, WrongCode

pytestmark = pytest.mark.django_db
NEW_KEY, NEWER_KEY = "another-key-for-tests-" + "0123456789" * 4, "a-third-key-for-tests-" + "9876543210" * 4


def dump() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            rows += [repr([bytes(value) if isinstance(value, memoryview) else value for value in row]) for row in cursor.fetchall()]
    return "\n".join(rows)


def test_otp_01_neither_key_nor_backup_codes_stand_in_the_database(amy: User) -> None:
    codes = turned_on(amy)
    stored = dump()
    for secret in (totp.base32(SECRET), SECRET.decode(), SECRET.hex(), *codes, *(one.replace("-", "") for one in codes)):
        assert secret not in stored


def test_otp_01_a_key_moved_to_another_person_is_unreadable(amy: User, ben: User) -> None:
    hers = AuthenticatorFactory(user=amy)
    his = AuthenticatorFactory(user=ben)
    Authenticator.objects.filter(pk=his.pk).update(secret=hers.secret)
    with pytest.raises(vault.Unreadable):
        assert Authenticator.objects.get(pk=his.pk).key
    assert Authenticator.objects.get(pk=hers.pk).key == SECRET


def test_bkp_01_two_people_with_one_code_have_two_hashes(amy: User, ben: User) -> None:
    one, two, again = (backup_codes.hashed("k7fm2qxr9tbd", user_id=pk) for pk in (amy.pk, ben.pk, amy.pk))
    assert len({one.digest, two.digest, again.digest}) == 3
    assert backup_codes.matches("k7fm2qxr9tbd", one, user_id=amy.pk)
    assert not backup_codes.matches("k7fm2qxr9tbd", one, user_id=ben.pk)


def test_bkp_01_without_the_key_a_dump_cannot_be_searched(amy: User, settings: Any) -> None:
    codes, rows = turned_on(amy), list(BackupCode.objects.of(amy).order_by("pk"))
    settings.BACKUP_CODE_KEY = NEW_KEY
    found = [one for one in codes for row in rows if backup_codes.matches(one.replace("-", ""), row.hashed, user_id=amy.pk)]
    assert found == []


def test_bkp_01_ten_backup_codes_of_more_than_fifty_bits() -> None:
    codes = backup_codes.new_codes()
    assert len(set(codes)) == 10
    assert len(backup_codes.ALPHABET) ** limits.BACKUP_CODE_CHARS > 2**50
    assert all(backup_codes.parse(one) == one.replace("-", "") for one in codes)


@pytest.mark.parametrize("typed", ["k7fm-2qxr-9tbd", "K7FM2QXR9TBD", " k7fm 2qxr 9tbd ", "k7fm2qxr-9TBD\n"])
def test_bkp_03_case_spaces_and_dashes_of_a_backup_code_are_forgiven(typed: str) -> None:
    assert backup_codes.parse(typed) == "k7fm2qxr9tbd"


@pytest.mark.parametrize(
    "typed", ["", "k7fm-2qxr-9tb", "k7fm-2qxr-9tbdd", "k7fm.2qxr.9tbd", "k0fm-2qxr-9tbd", "ｋ7fm-2qxr-9tbd", "k7fm_2qxr_9tbd"]
)
def test_bkp_03_nothing_else_of_it_is(typed: str) -> None:
    assert backup_codes.parse(typed) is None


def test_a_new_key_encrypts_and_the_old_one_is_needed_until_the_command_ran(amy: User, settings: Any) -> None:
    AuthenticatorFactory(user=amy)
    old, settings.TOTP_KEY = settings.TOTP_KEY, NEW_KEY
    settings.TOTP_KEY_FALLBACKS = [old]
    assert Authenticator.objects.get().key == SECRET
    said = StringIO()
    call_command("rotate_totp_key", stdout=said)
    assert "1 encrypted again" in said.getvalue()
    settings.TOTP_KEY_FALLBACKS = []
    assert Authenticator.objects.get().key == SECRET
    call_command("rotate_totp_key", stdout=said)
    assert "0 encrypted again, 1 were already" in said.getvalue()


def test_the_command_goes_on_where_it_was_stopped_and_tells_of_what_no_key_opens(amy: User, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("twofactor.limits.REENCRYPT_BATCH_ROWS", 2)
    for _ in range(5):
        AuthenticatorFactory(user=UserFactory())
    old, settings.TOTP_KEY = settings.TOTP_KEY, NEW_KEY
    AuthenticatorFactory(user=amy)  # by the new key
    lost = AuthenticatorFactory(user=UserFactory(), secret=b"not of any key")
    settings.TOTP_KEY_FALLBACKS = [old]
    with pytest.raises(CommandError, match="1 can be read by no key"):
        call_command("rotate_totp_key", stdout=StringIO())
    lost.delete()
    said = StringIO()
    call_command("rotate_totp_key", stdout=said)
    assert "0 encrypted again, 6 were already" in said.getvalue()


def test_ops_03_the_old_key_is_not_droppable_while_a_set_up_or_shown_codes_need_it(
    web: WebDoor, amy: User, settings: Any, clock: Any
) -> None:
    web.sign_in(amy)
    web.send("/security/2fa/enable/", {"step": "app", "app": "Aegis"}, form_at="/security/")
    web.send("/security/2fa/enable/", {"step": "password", "current_password": PASSWORD}, form_at="/security/")
    assert Enrolment.objects.get().secret is not None
    old, settings.TOTP_KEY = settings.TOTP_KEY, NEW_KEY
    settings.TOTP_KEY_FALLBACKS = [old]
    said = StringIO()
    with pytest.raises(CommandError, match="1 half-made set-ups or shown codes still need TOTP_KEY_FALLBACKS"):
        call_command("rotate_totp_key", stdout=said)
    assert "Nothing needs" not in said.getvalue()
    clock.shift(limits.SHOWN_LIFE_SECONDS)
    call_command("rotate_totp_key", stdout=said)
    assert "Nothing needs TOTP_KEY_FALLBACKS any more" in said.getvalue()


def test_ops_03_backup_codes_of_a_key_that_nobody_names_are_counted(amy: User, settings: Any) -> None:
    turned_on(amy)
    settings.BACKUP_CODE_KEY = NEW_KEY
    said = StringIO()
    call_command("rotate_totp_key", stdout=said)
    assert "10 unused backup codes can be checked by no key that settings name" in said.getvalue()
    assert "still need BACKUP_CODE_KEY_FALLBACKS" not in said.getvalue()


def test_backup_codes_of_an_old_key_work_until_they_are_renewed(amy: User, settings: Any) -> None:
    first = turned_on(amy)[0]
    old, settings.BACKUP_CODE_KEY = settings.BACKUP_CODE_KEY, NEW_KEY
    row = BackupCode.objects.of(amy).earliest("pk")
    assert not backup_codes.matches(first.replace("-", ""), row.hashed, user_id=amy.pk)
    settings.BACKUP_CODE_KEY_FALLBACKS = [old]
    assert backup_codes.matches(first.replace("-", ""), row.hashed, user_id=amy.pk)
    said = StringIO()
    call_command("rotate_totp_key", stdout=said)
    assert "10 unused backup codes still need BACKUP_CODE_KEY_FALLBACKS" in said.getvalue()


def test_without_its_key_a_code_is_refused_with_a_word_about_support_and_a_backup_code_works(amy: User, web: Any, settings: Any) -> None:
    codes = turned_on(amy)
    settings.TOTP_KEY = NEWER_KEY
    web.send("/login/", {"username": "amy", "password": "correct horse battery"})
    answer = web.send("/login/verify/", {"otp": code()})
    assert answer.status_code == 401
    assert "contact support" in answer.content.decode()
    assert not WrongCode.objects.exists()
    assert web.send("/login/verify/", {"otp": codes[0]}).status_code == 302
    assert web.signed_in
