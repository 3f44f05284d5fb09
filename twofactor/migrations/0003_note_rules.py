"""Who must set it up stood in sessions; it stands at the person now. Written once for everybody who is under a rule."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, OuterRef, Subquery


def note_rules(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill `must_enrol_at` as twofactor.gate.settle does."""
    organization, user = apps.get_model("orgs", "Organization"), apps.get_model("accounts", "User")
    rules = organization.objects.exclude(second_factor_from=None).filter(memberships__user=OuterRef("pk")).order_by("second_factor_from")
    has_it = apps.get_model("twofactor", "Authenticator").objects.filter(user=OuterRef("pk"))
    under_rule = user.objects.filter(~Exists(has_it), Exists(rules))
    under_rule.update(must_enrol_at=Subquery(rules.values("second_factor_from")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("twofactor", "0002_resets"),
        ("orgs", "0003_policies_and_invitations"),
    ]

    operations = [migrations.RunPython(note_rules, migrations.RunPython.noop)]
