import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_tags_and_properties"),
    ]

    operations = [
        migrations.CreateModel(
            name="Folder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=512)),
                ("parent", models.CharField(max_length=512)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="folders", to="projects.project")),
            ],
            options={
                "indexes": [models.Index(fields=["project", "parent"], name="projects_folder_children")],
                "constraints": [models.UniqueConstraint(fields=("project", "path"), name="projects_folder_once")],
            },
        ),
    ]
