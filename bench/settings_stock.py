"""Django as `startproject` makes it, as far as sessions go: stock users, stock sessions in the database.

Fair to it: the product's own database options with a kept connection, and on SQLite a cheaper commit than the product's own
(synchronous=NORMAL), so that a write per request looks no worse than it must.
"""

from config.settings import DATABASES as PRODUCT_DATABASES
from config.settings import SECRET_KEY as SECRET_KEY

DATABASES = PRODUCT_DATABASES
if "init_command" in DATABASES["default"]["OPTIONS"]:
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
ROOT_URLCONF = "bench.urls"
USE_TZ = True
