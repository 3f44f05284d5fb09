import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("tokens", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="everywhere",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "VIEW"), (2, "UPLOAD"), (3, "CONTRIBUTE"), (4, "ADMINISTER")], db_default=4, default=4, null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.CheckConstraint(
                condition=models.Q(("everywhere", None), ("everywhere__in", [1, 2, 3, 4]), _connector="OR"), name="tokens_everywhere_known"
            ),
        ),
        migrations.CreateModel(
            name="TokenProject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.PositiveSmallIntegerField(choices=[(1, "VIEW"), (2, "UPLOAD"), (3, "CONTRIBUTE"), (4, "ADMINISTER")])),
                (
                    "project",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="token_scopes", to="projects.project"),
                ),
                ("token", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="projects", to="tokens.token")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("token", "project"), name="tokens_project_once"),
                    models.CheckConstraint(condition=models.Q(("level__in", [1, 2, 3, 4])), name="tokens_level_known"),
                ],
            },
        ),
    ]
