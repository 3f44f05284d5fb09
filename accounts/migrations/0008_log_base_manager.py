from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_log_is_append_only"),
    ]

    operations = [migrations.AlterModelOptions("securityevent", {"base_manager_name": "objects"})]
