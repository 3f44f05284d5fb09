from django.db import migrations, models

from accounts.migrating import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tokens", "0007_search_indexes")]
    operations = [
        AddIndexOnline(model_name="token", index=models.Index(fields=["state", "-id"], name="tokens_in_state")),
        AddIndexOnline(model_name="token", index=models.Index(fields=["kind", "-id"], name="tokens_of_kind")),
    ]
