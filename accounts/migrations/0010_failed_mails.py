from django.db import migrations, models

from accounts.migrating import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0009_log_search_indexes")]
    operations = [
        AddIndexOnline(
            model_name="outboxmail",
            index=models.Index(fields=["-done_at", "-id"], condition=models.Q(("state", "failed")), name="accounts_outbox_failed"),
        ),
    ]
