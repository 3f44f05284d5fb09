# Everything that is done with this house. `make` alone lists it.
# Needs GNU make and Python 3.11 or newer; all else goes into .venv, from the pinned and hashed requirements.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .venv-audit
T ?= tests
# Many tests wait for a server or a client: some more of them than there are cores.
TESTERS = $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 2)")
# By fours, for a test may take a minute: what waits in a long queue behind it, another could run.
PYTEST = $(BIN)/python -m pytest -n $(TESTERS) --dist load --maxschedchunk 4
DATABASE_URL_SERVICES := $(or $(DATABASE_URL),postgres://postgres@127.0.0.1:5432/gatehouse)
CACHE_URL_SERVICES := $(or $(CACHE_URL),redis://127.0.0.1:6379/1)

# What production must name, with keys made for one run: `check --deploy` judges these settings, not the demo's.
PRODUCTION_LIKE = SITE_URL=https://gatehouse.example.org ALLOWED_HOSTS=gatehouse.example.org EMAIL_URL=smtp://localhost \
	SECRET_KEY=$$($(KEY)) DEVICE_COOKIE_KEY=$$($(KEY)) TOTP_KEY=$$($(KEY)) BACKUP_CODE_KEY=$$($(KEY))
KEY = $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(60))'

# Servers start by dozens in the tests: each would compile the house again.
unexport PYTHONDONTWRITEBYTECODE

# Demo keys, demo data, plain http. Where it is off, settings refuse to start without real ones.
export DEBUG ?= 1

.PHONY: help run test test-services test-faults check lint format audit bench soak requirements

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: $(VENV)/.run ## Start everything on PORT (8000): migrations, demo data, web server, worker
	@$(BIN)/python manage.py migrate --verbosity 0
	@case "$$DEBUG" in 0|false|no|off) $(BIN)/python manage.py collectstatic --noinput --verbosity 0;; *) $(BIN)/python manage.py load_demo;; esac
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.dev ## Run the suite on the embedded defaults; T=tests/tokens narrows it
	@env -u DATABASE_URL -u CACHE_URL DEBUG=1 $(PYTEST) -m "not faults" $(T)

test-services: $(VENV)/.dev ## Run it on PostgreSQL and Redis (DATABASE_URL, CACHE_URL), without what is marked `once`
	@DEBUG=1 DATABASE_URL=$(DATABASE_URL_SERVICES) CACHE_URL=$(CACHE_URL_SERVICES) $(PYTEST) -m "not once and not faults" $(T)

test-faults: $(VENV)/.dev ## Break processes, disks, PostgreSQL, Redis and mail servers of its own, and see what holds
	@env -u DATABASE_URL -u CACHE_URL DEBUG=1 $(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 tests/faults

check: lint ## Lint, types, missing migrations, Django's own checks
	@DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	@DEBUG=1 $(BIN)/python manage.py check --fail-level WARNING
	@env DEBUG=0 $(PRODUCTION_LIKE) $(BIN)/python manage.py check --deploy --fail-level WARNING

lint: $(VENV)/.dev ## Check format, rules and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@DEBUG=1 $(BIN)/mypy .

format: $(VENV)/.dev ## Format the code, and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# --strict: what could not be looked up, as where the network has no such list, is an error and does not pass for clean.
audit: $(AUDIT)/.done ## Look every pin up in a list of known vulnerabilities
	@$(AUDIT)/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements-dev.txt || \
		{ echo "Not clean, or not looked up: the lines above say which." >&2; exit 1; }

bench: $(VENV)/.dev ## Measure speed, as ratios, and write docs/performance.md; P="load console" measures some parts
	@env -u DATABASE_URL -u CACHE_URL DEBUG=1 $(BIN)/python -m bench $(P)

soak: $(VENV)/.dev ## Twenty minutes of mixed traffic, PostgreSQL restarted twice, held against the security log (MINUTES=20)
	@env -u DATABASE_URL -u CACHE_URL DEBUG=1 $(BIN)/python -m bench.soak --write --minutes $(or $(MINUTES),20)

requirements: ## Compile the pins again after a change of requirements*.in (needs uv 0.13.9)
	@$(UV) pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make requirements" requirements.in -o requirements.txt
	@$(UV) pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make requirements" requirements-dev.in -o requirements-dev.txt
	@$(UV) pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make requirements" requirements-audit.in -o requirements-audit.txt

# The stamps make a second run start in seconds.
$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the server needs ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run

$(AUDIT)/.done: requirements-audit.txt
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@
