from django.db import migrations, models

from accounts.migrating import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0008_log_base_manager"),
    ]

    operations = [
        AddIndexOnline("securityevent", models.Index(fields=["door", "-at", "-id"], name="accounts_event_by_door")),
        AddIndexOnline(
            "securityevent",
            models.Index(fields=["ip", "-at", "-id"], condition=models.Q(ip__isnull=False), name="accounts_event_from_address"),
        ),
        AddIndexOnline("securityevent", models.Index(fields=["request_id"], name="accounts_event_of_request")),
    ]
