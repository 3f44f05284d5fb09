from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0003_parent_and_successor"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="tried_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="token",
            name="tried_ip",
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AddField(
            model_name="token",
            name="tries",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="token",
            index=models.Index(condition=models.Q(("tried_at__isnull", False)), fields=["user", "tried_at"], name="tokens_tried"),
        ),
    ]
