"""People and what belongs to them, made through the same doors as in the product."""

from typing import Any

import factory
from django.contrib.auth.hashers import make_password

from accounts.audit import Actor
from accounts.models import User

PASSWORD = "correct horse battery"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person with the password `PASSWORD`, hashed by the product's hasher."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda person: f"{person.username}@example.com")
    password = factory.LazyFunction(lambda: make_password(PASSWORD))


def actor(user: User | None = None, **fields: Any) -> Actor:
    """Return somebody who acts on a page from a documentation address."""
    return Actor(user, **{"door": "web", "ip": "192.0.2.10", "user_agent": FIREFOX, **fields})


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
