"""Pages of lists whose rows nobody counts (accounts.paging)."""

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import paging
from accounts.models import User
from accounts.paging import page_of
from tests.factories import UserFactory


@pytest.mark.parametrize(("number", "queries"), [("2", 2), ("3", 2), ("4", 2), ("9", 2), ("no number", 1)])
def test_a_page_far_down_has_the_rows_that_it_would_have_further_up(
    db: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries, number: str, queries: int
) -> None:
    UserFactory.create_batch(7)
    people = User.objects.order_by("-username")
    near = page_of(people, number, 2)
    monkeypatch.setattr(paging, "_FAR_ROWS", 1)
    assert page_of(people, number, 2) == near
    with django_assert_num_queries(queries):
        page_of(people, number, 2)
