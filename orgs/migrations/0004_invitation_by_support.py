from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0003_policies_and_invitations"),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="by_support",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
