import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_must_enrol_and_rehearsed_limit"),
        ("twofactor", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EnrolmentDue",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="ResetRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=accounts.ids.new_id, max_length=32, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "waits for a second member of support"),
                            ("agreed", "the person can object"),
                            ("done", "done"),
                            ("objected", "the person objected"),
                            ("withdrawn", "withdrawn by support"),
                            ("overtaken", "overtaken by the person"),
                        ],
                        default="asked",
                        max_length=9,
                    ),
                ),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("asked_reason", models.CharField(max_length=500)),
                ("agreed_at", models.DateTimeField(null=True)),
                ("agreed_reason", models.CharField(blank=True, max_length=500)),
                ("due_at", models.DateTimeField(null=True)),
                ("epoch", models.PositiveIntegerField()),
                ("key_digest", models.CharField(max_length=64, unique=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "agreed_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("asked_by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("state", "agreed")), fields=["due_at"], name="twofactor_reset_due")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["asked", "agreed"])), fields=("user",), name="twofactor_one_open_reset"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("agreed_by", None), models.Q(("agreed_by", models.F("asked_by")), _negated=True), _connector="OR"
                        ),
                        name="twofactor_reset_by_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["agreed", "done"]), _negated=True),
                            models.Q(("agreed_at__isnull", False), ("agreed_by__isnull", False), ("due_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="twofactor_reset_agreed_by_somebody",
                    ),
                ],
            },
        ),
    ]
