import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0002_scope"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="parent",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="children", to="tokens.token"),
        ),
        migrations.AddField(
            model_name="token",
            name="replaces",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="replaced_by", to="tokens.token"
            ),
        ),
        migrations.AddField(
            model_name="token",
            name="retires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="token",
            index=models.Index(
                condition=models.Q(("retires_at__isnull", False), ("state", "active")), fields=["retires_at"], name="tokens_retiring"
            ),
        ),
    ]
