"""One process with a Django of its own. `python -m bench.console_child ROWS MEMBERS` prints as JSON what pages of a full house take."""

import importlib
import json
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)
    # The models exist from here on.
    sys.stdout.write(json.dumps(importlib.import_module("bench.console_pages").measured(int(sys.argv[1]), int(sys.argv[2]))))
