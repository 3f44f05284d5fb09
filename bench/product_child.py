"""One process with a Django of its own. `python -m bench.product_child MODULE NUMBER …` prints as JSON what `measured` of that module
of the bench finds in a new, empty house; the numbers say how many rows it is to have.
"""

import importlib
import json
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)
    # The models exist from here on.
    sys.stdout.write(json.dumps(importlib.import_module(sys.argv[1]).measured(*map(int, sys.argv[2:]))))
