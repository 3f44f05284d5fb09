"""The WSGI application, for any WSGI server: `granian --interface wsgi config.wsgi:application`."""

import logging
import os
import sys

from django.core.wsgi import get_wsgi_application

# For so long a thread that reckons may hold up one that only answers (5 ms by default): parts of files come and go beside short
# requests, of which 99 % are to stay within three times of what they take alone (docs/performance.md).
SWITCH_SECONDS = 0.001

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
sys.setswitchinterval(SWITCH_SECONDS)
application = get_wsgi_application()

# After the line above, which loads the models.
from config import stalled  # noqa: E402
from config.demo import refuse_demo_people  # noqa: E402

refuse_demo_people()
logging.getLogger("gatehouse.server").info("web process started", extra={"pid": os.getpid()})
stalled.start()
