from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_stoppedlogin"),
    ]

    operations = [
        # The column itself stays: the release before, which may still serve while this runs, reads and writes it (F17).
        # Whoever drops it in a later release says IF EXISTS, for this migration once did so itself.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField(model_name="session", name="must_enrol_at")]),
        migrations.AddField(
            model_name="session",
            name="rehearsed_limit_seconds",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="must_enrol_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
