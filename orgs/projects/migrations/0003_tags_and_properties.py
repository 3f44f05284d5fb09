import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0002_project_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProjectProperty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=128)),
                ("value", models.CharField(blank=True, max_length=700)),
                (
                    "project",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="properties", to="projects.project"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "key"), name="projects_property_once")],
            },
        ),
        migrations.CreateModel(
            name="ProjectTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tag", models.CharField(max_length=128)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="tags", to="projects.project")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "tag"), name="projects_tag_once")],
            },
        ),
    ]
