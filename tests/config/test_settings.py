"""A setting that cannot be is refused at the start, by the variable's name (OPS-01)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import checks, services

pytestmark = pytest.mark.once

GOOD = {
    "DEBUG": "0",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghij",
    "DEVICE_COOKIE_KEY": "zyxwvutsrqponmlkjihgfedcba-9876543210-zyxwvutsrqponmlkjihg",
    "TOTP_KEY": "the-quick-brown-fox-jumps-over-the-lazy-dog-0123456789-totp",
    "BACKUP_CODE_KEY": "pack-my-box-with-five-dozen-liquor-jugs-0123456789-backup",
    "ALLOWED_HOSTS": "gatehouse.example.org",
    "SITE_URL": "https://gatehouse.example.org",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
}
READ_BY_SETTINGS = (*GOOD, "DATABASE_URL", "CACHE_URL", "FILES_URL", "FAILPOINTS", "PORT", "HOST", "METRICS_PORT")


def start(var_dir: Path, changes: dict[str, str | None], *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in READ_BY_SETTINGS}
    given = {**GOOD, "VAR_DIR": str(var_dir), "DJANGO_SETTINGS_MODULE": "config.settings", **changes}
    environment |= {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", checks.DEMO_SECRET_KEY),
        ("SECRET_KEY", "$" + "0123456789" * 6),
        ("SECRET_KEY_FALLBACKS", checks.DEMO_SECRET_KEY),
        ("SECRET_KEY_FALLBACKS", "short"),
        ("DEVICE_COOKIE_KEY_FALLBACKS", GOOD["SECRET_KEY"] + ",short"),
        ("DEVICE_COOKIE_KEY", None),
        ("DEVICE_COOKIE_KEY", GOOD["SECRET_KEY"]),
        ("TOTP_KEY", None),
        ("TOTP_KEY", "gatehouse-demo-totp-key-for-development-only-0123456789"),
        ("TOTP_KEY", GOOD["DEVICE_COOKIE_KEY"]),
        ("TOTP_KEY_FALLBACKS", "gatehouse-demo-totp-key-for-development-only-0123456789"),
        ("BACKUP_CODE_KEY", None),
        ("BACKUP_CODE_KEY", "a" * 60),
        ("BACKUP_CODE_KEY", GOOD["TOTP_KEY"]),
        ("ALLOWED_HOSTS", None),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "elsewhere.example.org"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("METRICS_PORT", "70000"),
        ("METRICS_PORT", "8000"),  # the public port
        ("SITE_URL", None),
        ("SITE_URL", "http://gatehouse.example.org"),
        ("SITE_URL", "https://gatehouse.example.org/path"),
        ("EMAIL_URL", None),
        ("SECURITY_CONTACT", "security@example.org"),
        ("SECURITY_CONTACT", "mailto:a@example.org\nExpires: never"),
        ("RESET_WAIT_HOURS", "0"),
        ("DATABASE_URL", "mysql://host/name"),
        ("FILES_URL", "ftp://host/folder"),
        ("FILES_URL", "s3://bucket?secret=x"),
        ("FILES_URL", "s3://bucket/prefix"),  # without the package for it
        ("IDLE_LIMIT_SECONDS", "59"),
        ("FAILPOINTS", "login.end=kill"),
        ("DEBUG", "perhaps"),
    ],
)
def test_ops_01_production_refuses_a_bad_value_and_names_the_variable(tmp_path: Path, name: str, value: str | None) -> None:
    answer = start(tmp_path, {name: value}, "check")
    assert answer.returncode != 0
    assert name in answer.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "hosts", [["gatehouse.example.org"], [".example.org"], [".gatehouse.example.org"], ["a.example", "GATEHOUSE.example.org"]]
)
def test_the_host_of_the_site_is_among_the_allowed_ones(hosts: list[str]) -> None:
    allowed = checks.allowed_hosts("ALLOWED_HOSTS", ",".join(hosts), development=False, site_host="gatehouse.example.org")
    assert allowed == hosts


def test_ops_01_a_good_production_passes_the_deployment_check(tmp_path: Path) -> None:
    answer = start(tmp_path, {}, "check", "--deploy", "--fail-level", "WARNING")
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "System check identified no issues (3 silenced).\n")


def test_no_refusal_shows_the_value(tmp_path: Path) -> None:
    assert "weak-but-secret" not in start(tmp_path, {"SECRET_KEY": "weak-but-secret"}, "check").stderr


def test_demo_data_is_refused_where_debug_is_off(tmp_path: Path) -> None:
    answer = start(tmp_path, {}, "load_demo")
    assert answer.returncode != 0
    assert "DEBUG" in answer.stderr


def test_ops_01_plain_http_is_for_loopback_only() -> None:
    assert checks.site_url("SITE_URL", "http://127.0.0.1:8000/", development=False) == "http://127.0.0.1:8000"
    with pytest.raises(ImproperlyConfigured, match="SITE_URL"):
        checks.site_url("SITE_URL", "http://10.0.0.1", development=False)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example.org", "10.0.0.1;10.0.0.2"])
def test_a_trusted_proxy_is_an_address_or_a_network(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        checks.networks("TRUSTED_PROXIES", text)


def test_rel_01_sqlite_waits_for_locks_and_survives_a_power_loss(tmp_path: Path) -> None:
    options = services.database("", var_dir=tmp_path, pool_size=1)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] >= 5
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_limits_every_wait(tmp_path: Path) -> None:
    database = services.database("postgres://u:p@db:5432/name", var_dir=tmp_path, pool_size=7)
    assert database["CONN_MAX_AGE"] == 0
    waits = ("min_size", "max_size", "timeout", "reconnect_timeout")
    assert [database["OPTIONS"]["pool"][name] for name in waits] == [1, 7, 5, 3]
    assert "statement_timeout=10000" in database["OPTIONS"]["options"]
    assert "lock_timeout=5000" in database["OPTIONS"]["options"]


def test_redis_is_given_250_ms() -> None:
    assert services.cache("redis://127.0.0.1:6379/0")["OPTIONS"]["socket_timeout"] == 0.25
