import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0003_policies_and_invitations"),
        ("projects", "0004_folders"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="org",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="projects", to="orgs.organization"
            ),
        ),
    ]
