from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="description",
            field=models.TextField(blank=True, db_default="", default="", max_length=10000),
        ),
        migrations.AddField(
            model_name="project",
            name="summary",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
        migrations.AddField(
            model_name="project",
            name="modified",
            field=models.DateTimeField(null=True),
        ),
    ]
