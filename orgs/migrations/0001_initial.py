import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "handle",
                    models.CharField(
                        max_length=30,
                        unique=True,
                        validators=[django.core.validators.RegexValidator("^[a-z][a-z0-9._]{2,29}\\Z")],
                    ),
                ),
                ("name", models.CharField(max_length=150)),
                ("auto_logout_after_minutes", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("auto_logout_after_minutes", None),
                            ("auto_logout_after_minutes__range", (1, 1440)),
                            _connector="OR",
                        ),
                        name="orgs_auto_logout_1_minute_to_24_hours",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(choices=[("MEMBER", "Member"), ("ADMIN", "Admin")], default="MEMBER", max_length=6),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="orgs.organization"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("org", "user"), name="orgs_member_once"),
                    models.CheckConstraint(condition=models.Q(("level__in", ["MEMBER", "ADMIN"])), name="orgs_level_known"),
                ],
            },
        ),
    ]
