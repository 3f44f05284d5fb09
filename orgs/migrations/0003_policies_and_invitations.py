import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0002_organization_second_factor_from"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(default=accounts.ids.new_id, max_length=32, unique=True)),
                ("email", models.EmailField(max_length=254)),
                ("level", models.CharField(choices=[("MEMBER", "Member"), ("ADMIN", "Admin")], default="MEMBER", max_length=6)),
                ("key_digest", models.CharField(max_length=64, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("replaced", "Replaced"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Rehearsal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "policy",
                    models.CharField(
                        choices=[
                            ("autoLogoutAfter", "Sign out after inactivity"),
                            ("require2fa", "Two-factor authentication"),
                            ("longestTokenLife", "Longest token life"),
                            ("tokensAllowed", "API tokens"),
                        ],
                        max_length=20,
                    ),
                ),
                ("value", models.PositiveSmallIntegerField(null=True)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="RehearsalHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("times", models.PositiveIntegerField(default=1)),
                ("first_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name="invitation",
            name="invited_by",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="invitation",
            name="org",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="orgs.organization"),
        ),
        migrations.AddField(
            model_name="invitation",
            name="user",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="rehearsal",
            name="org",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="rehearsals", to="orgs.organization"),
        ),
        migrations.AddField(
            model_name="rehearsalhit",
            name="rehearsal",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="hits", to="orgs.rehearsal"),
        ),
        migrations.AddField(
            model_name="rehearsalhit",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "pending")), fields=("org", "email"), name="orgs_one_pending_invitation"
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(condition=models.Q(("level__in", ["MEMBER", "ADMIN"])), name="orgs_invited_level_known"),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.UniqueConstraint(fields=("org", "policy"), name="orgs_one_rehearsal_of_a_policy"),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.CheckConstraint(
                condition=models.Q(("policy__in", ["autoLogoutAfter", "require2fa", "longestTokenLife", "tokensAllowed"])),
                name="orgs_rehearsed_policy_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rehearsalhit",
            constraint=models.UniqueConstraint(fields=("rehearsal", "user"), name="orgs_hit_once_a_member"),
        ),
        # Last, for from here on every login waits until the end (F17).
        migrations.AddField(
            model_name="organization",
            name="longest_token_life_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="policies_changed",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="reset_wait_hours",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="second_factor_grace_days",
            field=models.PositiveSmallIntegerField(db_default=14, default=14),
        ),
        migrations.AddField(
            model_name="organization",
            name="tokens_allowed",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("longest_token_life_days", None), ("longest_token_life_days__range", (1, 365)), _connector="OR"),
                name="orgs_token_life_1_to_365_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("reset_wait_hours", None), ("reset_wait_hours__range", (1, 24)), _connector="OR"),
                name="orgs_reset_wait_1_to_24_hours",
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(condition=models.Q(("second_factor_grace_days__lte", 90)), name="orgs_grace_0_to_90_days"),
        ),
    ]
