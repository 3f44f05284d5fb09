from django.db import migrations, models

from accounts.migrating import AddIndexOnline, prefix_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0005_must_enrol_and_rehearsed_limit"),
    ]

    operations = [
        AddIndexOnline("securityevent", models.Index(fields=["-at", "-id"], name="accounts_event_newest")),
        AddIndexOnline("securityevent", models.Index(fields=["event", "-at", "-id"], name="accounts_event_of_kind")),
        AddIndexOnline("securityevent", models.Index(fields=["actor", "-at", "-id"], name="accounts_event_of_actor")),
        prefix_index("accounts_user_by_username", "accounts_user", "username"),
        prefix_index("accounts_user_by_email", "accounts_user", "email"),
        prefix_index("accounts_user_by_first_name", "accounts_user", "first_name"),
        prefix_index("accounts_user_by_last_name", "accounts_user", "last_name"),
    ]
