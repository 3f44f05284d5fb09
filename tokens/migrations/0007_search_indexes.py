from django.db import migrations

from accounts.migrating import prefix_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("tokens", "0006_idempotency_keys"),
    ]

    operations = [
        prefix_index("tokens_by_prefix", "tokens_token", "prefix", folded=False),
        prefix_index("tokens_by_label", "tokens_token", "label"),
    ]
