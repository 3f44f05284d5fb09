from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0004_tries"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="reminded_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
    ]
