import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0004_stoppedlogin"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Enrolment",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.session",
                    ),
                ),
                ("codes", models.BinaryField(null=True)),
                ("created", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("downloaded_at", models.DateTimeField(null=True)),
                ("app", models.CharField(max_length=64)),
                (
                    "step",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "App"), (2, "Password"), (3, "Scan"), (4, "Code"), (5, "Backup codes")], default=2
                    ),
                ),
                ("epoch", models.PositiveIntegerField()),
                ("secret", models.BinaryField(null=True)),
                ("last_step", models.BigIntegerField(default=-1)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Handout",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.session",
                    ),
                ),
                ("codes", models.BinaryField(null=True)),
                ("created", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("downloaded_at", models.DateTimeField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="The human-readable name of this device.", max_length=64)),
                ("confirmed", models.BooleanField(default=True, help_text="Is this device ready for use?")),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, help_text="The date and time when this device was initially created in the system.", null=True
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, help_text="The most recent date and time this device was used.", null=True),
                ),
                ("secret", models.BinaryField()),
                ("last_step", models.BigIntegerField(default=-1)),
                ("missed_step", models.BigIntegerField(null=True)),
                ("missed_at", models.BigIntegerField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user",), name="twofactor_one_authenticator")],
            },
        ),
        migrations.CreateModel(
            name="BackupCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("salt", models.CharField(max_length=32)),
                ("key_name", models.CharField(max_length=12)),
                ("digest", models.CharField(max_length=64)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="backup_codes", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("used_at", None)), fields=["key_name"], name="twofactor_codes_by_key")],
            },
        ),
        migrations.CreateModel(
            name="WrongCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "at"], name="twofactor_wrong_of_user"),
                    models.Index(fields=["at"], name="twofactor_wrong_old"),
                ],
            },
        ),
    ]
