"""Who is of support: decided by whoever runs the server, and by no page (ADM-03)."""

from django.contrib.auth.models import Group
from django.db import transaction

from accounts import audit, support
from accounts.audit import Actor
from accounts.events import SupportAppointed, SupportDismissed
from accounts.models import User


def appoint(*, person: User, actor: Actor) -> bool:
    """Make `person` staff of the group Support; return whether they were not. The console opens once they have a second factor."""
    with transaction.atomic():
        locked = User.objects.lock(person.pk)
        group, _ = Group.objects.get_or_create(name=support.GROUP)
        if locked.is_staff and locked.groups.filter(pk=group.pk).exists():
            return False
        locked.is_staff = True
        locked.save(update_fields=["is_staff"])
        locked.groups.add(group)
        audit.record(SupportAppointed(), subject=locked, actor=actor)
    return True


def dismiss(*, person: User, actor: Actor) -> bool:
    """Take `person` out of support; return whether they were of it. Their next request to the console finds nothing."""
    with transaction.atomic():
        locked = User.objects.lock(person.pk)
        if not locked.is_staff:
            return False
        locked.is_staff = False
        locked.save(update_fields=["is_staff"])
        locked.groups.remove(*Group.objects.filter(name=support.GROUP))
        audit.record(SupportDismissed(), subject=locked, actor=actor)
    return True
