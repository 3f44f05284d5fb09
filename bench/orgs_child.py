"""One process with a Django of its own. `python -m bench.orgs_child MEMBERS SESSIONS` prints as JSON what policies cost."""

import importlib
import json
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    # The models exist from here on.
    sys.stdout.write(json.dumps(importlib.import_module("bench.orgs_policies").measured(int(sys.argv[1]), int(sys.argv[2]))))
