"""Of the organizations' idle limits the strictest holds; without any, the house's own."""

import pytest
from django.conf import LazySettings
from django.db import IntegrityError

from accounts.models import User
from orgs.models import Membership, Organization
from orgs.policies import idle_limit_for


def join(user: User, *minutes: int | None) -> None:
    for number, limit in enumerate(minutes):
        org = Organization.objects.create(handle=f"org{number}", name=f"Org {number}", auto_logout_after_minutes=limit)
        Membership.objects.create(org=org, user=user)


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [((), 900), ((None,), 900), ((5,), 300), ((60, 5, None), 300), ((120,), 7200), ((1440,), 86_400)],
)
def test_the_strictest_policy_holds(amy: User, settings: LazySettings, minutes: tuple[int | None, ...], seconds: int) -> None:
    settings.IDLE_LIMIT_SECONDS = 900
    join(amy, *minutes)
    assert idle_limit_for(amy) == seconds


def test_another_person_s_organization_has_no_say(amy: User, ben: User) -> None:
    join(ben, 5)
    assert idle_limit_for(amy) == 900


@pytest.mark.parametrize("minutes", [0, 1441])
def test_the_database_holds_the_bounds(db: None, minutes: int) -> None:
    with pytest.raises(IntegrityError):
        Organization.objects.create(handle="wrong", name="Wrong", auto_logout_after_minutes=minutes)
