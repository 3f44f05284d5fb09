from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_event_seals"),
    ]

    operations = [
        migrations.CreateModel(
            name="StateCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("depth", models.CharField(max_length=5)),
                ("started_at", models.DateTimeField(db_index=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("findings", models.PositiveIntegerField(default=0)),
                ("detail", models.JSONField(default=list)),
            ],
        ),
    ]
