"""How long somebody can object to a reset is settled when it is asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("twofactor", "0003_note_rules")]

    operations = [
        migrations.AddField("resetrequest", "wait_hours", models.PositiveSmallIntegerField(db_default=24)),
    ]
