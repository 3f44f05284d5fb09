"""The WSGI application, for any WSGI server: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# After the line above, which loads the models.
from config.demo import refuse_demo_people  # noqa: E402

refuse_demo_people()
