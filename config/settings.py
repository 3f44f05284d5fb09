"""Every setting, read from the environment once; a value that cannot be is refused by name. docs/ has the list."""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from config import checks, services
from config.logs import logging_config

# *_FILE works too: SECRET_KEY_FILE=/run/secrets/key reads the key from there.
_environment: Any = environ.FileAwareEnv().ENVIRON


def _read(name: str, default: str = "") -> str:
    # The mapping and not env.str(): that takes a value beginning with $ for the name of another variable.
    return str(_environment.get(name, default)).strip()


BASE_DIR: Path = Path(__file__).resolve().parent.parent
VAR_DIR: Path = Path(_read("VAR_DIR", str(BASE_DIR / "var")))

# DEVELOPMENT allows demo keys, demo data, plain http. Django's own DEBUG stays off: its pages show settings and locals.
DEVELOPMENT: bool = checks.boolean("DEBUG", _read("DEBUG"))
DEBUG: bool = False

# Signs sessions, links and cookies; old keys in SECRET_KEY_FALLBACKS (comma-separated) still check.
SECRET_KEY: str = checks.key("SECRET_KEY", _read("SECRET_KEY"), demo=checks.DEMO_SECRET_KEY, development=DEVELOPMENT)
SECRET_KEY_FALLBACKS: list[str] = checks.old_keys("SECRET_KEY_FALLBACKS", _read("SECRET_KEY_FALLBACKS"), development=DEVELOPMENT)

# Where it is reached
HOST: str = _read("HOST", "127.0.0.1")
PORT: int = checks.integer("PORT", _read("PORT", "8000"), least=1, most=65_535)
SITE_URL: str = checks.site_url("SITE_URL", _read("SITE_URL", f"http://127.0.0.1:{PORT}" if DEVELOPMENT else ""), development=DEVELOPMENT)
_HTTPS: bool = SITE_URL.startswith("https://")
_SITE_HOST: str = urlsplit(SITE_URL).hostname or ""
ALLOWED_HOSTS: list[str] = checks.allowed_hosts("ALLOWED_HOSTS", _read("ALLOWED_HOSTS"), development=DEVELOPMENT, site_host=_SITE_HOST)
TRUSTED_PROXIES: list[str] = checks.networks("TRUSTED_PROXIES", _read("TRUSTED_PROXIES"))
CSRF_TRUSTED_ORIGINS: list[str] = [SITE_URL]
APPEND_SLASH: bool = False  # a redirect is poison for the dx client
WEB_WORKERS: int = checks.integer("WEB_WORKERS", _read("WEB_WORKERS", "1"), least=1, most=256)
WEB_THREADS: int = checks.integer("WEB_THREADS", _read("WEB_THREADS", "64"), least=2, most=1024)
# Where Prometheus reads; 0: nothing is counted. Nobody is asked who they are there, so it is never the public port.
METRICS_HOST: str = _read("METRICS_HOST", "127.0.0.1")
METRICS_PORT: int = checks.integer("METRICS_PORT", _read("METRICS_PORT", "0"), least=0, most=65_535)
checks.ports_differ({"PORT": PORT, "METRICS_PORT": METRICS_PORT})

# Signs the cookie by which a browser that once completed a login has a failure counter of its own.
DEVICE_COOKIE_KEY: str = checks.key(
    "DEVICE_COOKIE_KEY", _read("DEVICE_COOKIE_KEY"), demo=checks.DEMO_DEVICE_COOKIE_KEY, development=DEVELOPMENT
)
DEVICE_COOKIE_KEY_FALLBACKS: list[str] = checks.old_keys(
    "DEVICE_COOKIE_KEY_FALLBACKS", _read("DEVICE_COOKIE_KEY_FALLBACKS"), development=DEVELOPMENT
)
# Encrypts the keys of authenticator apps; old ones still decrypt until `manage.py rotate_totp_key` has re-encrypted all.
TOTP_KEY: str = checks.key("TOTP_KEY", _read("TOTP_KEY"), demo=checks.DEMO_TOTP_KEY, development=DEVELOPMENT)
TOTP_KEY_FALLBACKS: list[str] = checks.old_keys("TOTP_KEY_FALLBACKS", _read("TOTP_KEY_FALLBACKS"), development=DEVELOPMENT)
# Hashes backup codes; codes hashed with an old one still check until they are used or renewed.
BACKUP_CODE_KEY: str = checks.key("BACKUP_CODE_KEY", _read("BACKUP_CODE_KEY"), demo=checks.DEMO_BACKUP_CODE_KEY, development=DEVELOPMENT)
BACKUP_CODE_KEY_FALLBACKS: list[str] = checks.old_keys(
    "BACKUP_CODE_KEY_FALLBACKS", _read("BACKUP_CODE_KEY_FALLBACKS"), development=DEVELOPMENT
)
checks.all_different(
    {"SECRET_KEY": SECRET_KEY, "DEVICE_COOKIE_KEY": DEVICE_COOKIE_KEY, "TOTP_KEY": TOTP_KEY, "BACKUP_CODE_KEY": BACKUP_CODE_KEY}
)

# Services
DB_POOL_SIZE: int = checks.integer("DB_POOL_SIZE", _read("DB_POOL_SIZE", "20"), least=1, most=1000)
DATABASES: dict[str, dict[str, Any]] = {"default": services.database(_read("DATABASE_URL"), var_dir=VAR_DIR, pool_size=DB_POOL_SIZE)}
DEFAULT_AUTO_FIELD: str = "django.db.models.BigAutoField"
CACHES: dict[str, dict[str, Any]] = {"default": services.cache(_read("CACHE_URL"))}
_MAIL: dict[str, Any] = services.mail(_read("EMAIL_URL"), development=DEVELOPMENT, var_dir=VAR_DIR)
EMAIL_BACKEND: str = _MAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH: str | None = _MAIL.get("EMAIL_FILE_PATH") or None
EMAIL_HOST: str = _MAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = _MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS: bool = _MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT: int = services.MAIL_TIMEOUT_SECONDS
_MAIL_HOST: str = "example.com" if DEVELOPMENT else _SITE_HOST
SUPPORT_EMAIL: str = _read("SUPPORT_EMAIL", f"support@{_MAIL_HOST}")
SECURITY_CONTACT: str = checks.contact("SECURITY_CONTACT", _read("SECURITY_CONTACT", f"mailto:{SUPPORT_EMAIL}"))
DEFAULT_FROM_EMAIL: str = _read("DEFAULT_FROM_EMAIL", f"Gatehouse <gatehouse@{_MAIL_HOST}>")

# People: users, passwords, sessions
AUTH_USER_MODEL: str = "accounts.User"
AUTHENTICATION_BACKENDS: list[str] = ["django.contrib.auth.backends.ModelBackend"]
LOGIN_URL: str = "accounts:login"
LOGIN_REDIRECT_URL: str = "/"
LOGIN_STAGES: list[str] = ["twofactor.stages.code_stage"]
# Below 15 only where a second factor is enforced for everybody (NIST SP 800-63B-4, 3.1.1.2).
PASSWORD_MIN_LENGTH: int = checks.integer("PASSWORD_MIN_LENGTH", _read("PASSWORD_MIN_LENGTH", "15"), least=8, most=128)
PASSWORD_HASHERS: list[str] = ["accounts.passwords.Argon2Hasher"]
ARGON2_MEMORY_KIB: int = checks.integer("ARGON2_MEMORY_KIB", _read("ARGON2_MEMORY_KIB", "19456"), least=19_456, most=4_194_304)
ARGON2_TIME_COST: int = checks.integer("ARGON2_TIME_COST", _read("ARGON2_TIME_COST", "2"), least=2, most=100)
ARGON2_PARALLELISM: int = checks.integer("ARGON2_PARALLELISM", _read("ARGON2_PARALLELISM", "1"), least=1, most=64)
HASH_CONCURRENCY: int = checks.integer("HASH_CONCURRENCY", _read("HASH_CONCURRENCY", str(os.cpu_count() or 1)), least=1, most=1024)
IDLE_LIMIT_SECONDS: int = checks.integer(
    "IDLE_LIMIT_SECONDS", _read("IDLE_LIMIT_SECONDS", "900"), least=1 if DEVELOPMENT else 60, most=86_400
)  # 1 minute to 24 hours
IDLE_LIMIT_POLICY: str = "orgs.policies.idle_limits_for"
# How long a person can object before support takes their second factor off, where no organization of theirs says otherwise.
RESET_WAIT_HOURS: int = checks.integer("RESET_WAIT_HOURS", _read("RESET_WAIT_HOURS", "24"), least=1, most=168)
ENROLMENT_RULE: str = "twofactor.gate.must_enrol_from"
SECURITY_ROWS: list[str] = ["twofactor.overview.row"]
REPORT_SECTIONS: list[str] = [
    "accounts.report.sign_ins",
    "accounts.report.account",
    "twofactor.report.second_factor",
    "tokens.report.tokens",
    "orgs.report.changes",
    "orgs.projects.report.changes",
    "tokens.work.report.files_and_jobs",
]
STATE_CHECKS: list[str] = [
    "accounts.state.database",
    "accounts.state.log",
    "accounts.state.live_sessions",
    "accounts.state.mails",
    "twofactor.state.codes",
    "tokens.state.live_tokens",
    "tokens.work.state.running_work",
    "tokens.work.state.files",
]
RESTORE_STEPS: list[str] = [
    "accounts.restoring.end_logins",
    "accounts.restoring.end_links",
    "orgs.restoring.end_invitations",
    "twofactor.restoring.end_resets",
    "tokens.restoring.revoke_tokens",
]
HOME_SECTIONS: list[str] = ["twofactor.overview.home", "tokens.work.overview.home"]
TOKEN_SECTIONS: list[str] = ["tokens.work.overview.ran_on"]
PROJECT_SECTIONS: list[str] = ["tokens.work.overview.project_files"]
PROJECT_FACTS: list[str] = ["tokens.work.dx.descriptions.project_facts"]
MEMBER_FACTS: list[str] = ["twofactor.overview.member_facts", "tokens.overview.member_facts"]
MEMBERS_TO_LOOK_AT: list[str] = ["twofactor.overview.to_look_at", "tokens.overview.to_look_at"]
VISIBLE_PEOPLE: str = "orgs.projects.access.people_visible_to"
SESSION_ENGINE: str = "accounts.sessions"
SESSION_SAVE_EVERY_REQUEST: bool = False
_COOKIE_PREFIX: str = "__Host-" if _HTTPS else ""
SESSION_COOKIE_NAME: str = f"{_COOKIE_PREFIX}sessionid"
DEVICE_COOKIE_NAME: str = f"{_COOKIE_PREFIX}deviceid"
SESSION_COOKIE_HTTPONLY: bool = True
SESSION_COOKIE_SAMESITE: str = "Lax"
SESSION_COOKIE_SECURE: bool = _HTTPS
CSRF_COOKIE_NAME: str = f"{_COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY: bool = True
CSRF_COOKIE_SAMESITE: str = "Lax"
CSRF_COOKIE_SECURE: bool = _HTTPS
CSRF_FAILURE_VIEW: str = "config.pages.csrf_failure"

# The house
INSTALLED_APPS: list[str] = [
    "config",
    "accounts",
    "orgs",
    "orgs.projects",
    "twofactor",
    "tokens",
    "tokens.work",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.messages",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE: list[str] = [
    "config.middleware.EveryAnswerMiddleware",
    "config.middleware.LimitsMiddleware",
    "config.programs.ProgramsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.LoginRequiredMiddleware",
    "twofactor.gate.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.ErrorsMiddleware",
]
ROOT_URLCONF: str = "config.urls"
WSGI_APPLICATION: str = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csrf",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.page",
            ],
            # Ours alone: no page of Django's own admin can be drawn.
            "loaders": [("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])],
        },
    },
    # Plain-text mails: nothing is to be escaped for HTML there.
    {
        "NAME": "text",
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {"autoescape": False},
    },
]
LANGUAGE_CODE: str = "en"
USE_I18N: bool = False
USE_TZ: bool = True
TIME_ZONE: str = "UTC"
STATIC_URL: str = "/static/"
STATICFILES_FINDERS: list[str] = ["django.contrib.staticfiles.finders.FileSystemFinder", "config.staticfiles.ReferenceFinder"]
STATICFILES_DIRS: list[Path] = [BASE_DIR / "static"]
STATIC_ROOT: Path = Path(_read("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
WHITENOISE_ALLOW_ALL_ORIGINS: bool = False
WHITENOISE_USE_FINDERS: bool = DEVELOPMENT
WHITENOISE_AUTOREFRESH: bool = DEVELOPMENT
_STATIC_STORAGE: str = "django.contrib.staticfiles.storage.StaticFilesStorage" if DEVELOPMENT else "config.staticfiles.HashedStorage"
STORAGES: dict[str, dict[str, Any]] = {
    "default": services.files(_read("FILES_URL"), var_dir=VAR_DIR),
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
}
STORAGE_QUOTA_GIB: int = checks.integer("STORAGE_QUOTA_GIB", _read("STORAGE_QUOTA_GIB", "0"), least=0, most=1_000_000)  # 0: no limit
DATA_UPLOAD_MAX_MEMORY_SIZE: int = 1024 * 1024
FILE_UPLOAD_HANDLERS: list[str] = []  # no form takes a file; without this a stranger could fill the disk with them

# What browsers are told
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_HSTS_SECONDS: int = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF: bool = True
SECURE_REFERRER_POLICY: str = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY: str = "same-origin"
X_FRAME_OPTIONS: str = "DENY"
SILENCED_SYSTEM_CHECKS: list[str] = [
    # The admin looks for a subclass of Django's session middleware; ours does the same and more, in a class of its own.
    "admin.E410",
    # The site is served on https only; a redirect here would send a script's token once in the clear and break dx.
    "security.W008",
    # To be on the browsers' preload list is the decision of whoever owns the domain.
    "security.W021",
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tokens.authentication.BearerAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.Renderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.Negotiation",
    "DEFAULT_PAGINATION_CLASS": "config.api.Pages",
    "EXCEPTION_HANDLER": "config.api.problem",
    # OPTIONS says which methods there are, and nothing of the code behind them.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,  # the header Accept says what is wanted, and ?format= nothing
    "DEFAULT_SCHEMA_CLASS": "config.openapi.RestSchema",
    "DEFAULT_THROTTLE_CLASSES": ["config.throttling.PersonLimit", "config.throttling.AddressLimit"],
    # "<throttle_scope of the view> per <person or address>" (API-08)
    "DEFAULT_THROTTLE_RATES": {
        "schema per address": "120/min",
        "search per person": "120/min",
        "search per address": "600/min",
        "preview per person": "60/min",
        "preview per address": "300/min",
    },
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Gatehouse",
    "VERSION": tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"],
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "PREPROCESSING_HOOKS": ["config.openapi.own_routes"],
    "POSTPROCESSING_HOOKS": ["config.openapi.introduced"],
    "ENFORCE_NON_BLANK_FIELDS": True,
    "COMPONENT_SPLIT_PATCH": False,
}

FAILPOINTS: dict[str, str] = checks.failpoints("FAILPOINTS", _read("FAILPOINTS"), development=DEVELOPMENT)
LOG_LEVEL: str = checks.word("LOG_LEVEL", _read("LOG_LEVEL", "INFO"), ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING: dict[str, Any] = logging_config(LOG_LEVEL)
