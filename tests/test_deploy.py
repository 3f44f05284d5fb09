"""What puts the server on a machine: units that systemd takes, and files that name settings, commands and folders that are there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.management.commands.serve import PARTS, STOP_SECONDS

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
SETTINGS = set(re.findall(r'_read\(\s*"([A-Z0-9_]+)"', (ROOT / "config" / "settings.py").read_text()))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "gatehouse"]


def lines(unit: Path) -> dict[str, str]:
    """Return what a unit sets; of a name that it sets twice the last."""
    return dict(line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"\w+=", line))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/gatehouse", str(ROOT)))
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", str(here)], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_unit_is_as_hardened_as_the_others_and_waits_for_a_graceful_stop() -> None:
    hardening = [re.search(r"^NoNewPrivileges=.*?(?=\n\n|\Z)", unit.read_text(), re.M | re.S) for unit in UNITS]
    assert len(UNITS) == 3
    assert len({found[0].strip() for found in hardening if found}) == 1
    assert all(hardening)
    # A process whose counts find no room there is killed (config/metrics.py), and everybody may write into the machine's.
    assert all(lines(unit)["TemporaryFileSystem"].partition(":")[0].endswith("shm") for unit in UNITS)
    for part in PARTS:
        told = lines(DEPLOY / f"gatehouse-{part}.service")
        assert told["ExecStart"].endswith(f"manage.py serve --only {part}")
        assert int(told["TimeoutStopSec"]) > STOP_SECONDS
        assert (told["KillMode"], told["Restart"]) == ("mixed", "always")


def test_the_file_of_settings_names_settings_and_holds_no_key() -> None:
    told = dict(re.findall(r'^([A-Z_]+)="(.*)"$', (DEPLOY / "gatehouse.env").read_text(), re.M))
    assert set(told) <= SETTINGS
    assert {name for name, value in told.items() if not value} == {"SECRET_KEY", "DEVICE_COOKIE_KEY", "TOTP_KEY", "BACKUP_CODE_KEY"}


def test_compose_names_settings_parts_secrets_and_volumes_that_are_there() -> None:
    assert set(OURS) == {"migrate", "web1", "web2", "worker"}
    for name in OURS:
        service = COMPOSE["services"][name]
        assert {variable.removesuffix("_FILE") for variable in service["environment"]} <= SETTINGS
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service["depends_on"]) <= set(COMPOSE["services"])
        assert int(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
        command = service["command"]
        assert command[:2] == ["python", "manage.py"]
        assert command[2:] == ["migrate"] or command[-1] in PARTS
    ports = [port for name in OURS for port in COMPOSE["services"][name].get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_log_08_compose_trusts_the_gateway_and_nobody_else() -> None:
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert {COMPOSE["services"][name]["environment"]["TRUSTED_PROXIES"] for name in OURS} == {network["gateway"]}


def test_web_05_nginx_leads_on_to_its_own_name_whatever_host_was_asked_for() -> None:
    led_to = re.findall(r"return 30\d (\S+);", (DEPLOY / "nginx.conf").read_text())
    assert led_to == ["https://$server_name$request_uri"]


def test_the_image_holds_every_room_and_nothing_that_is_not_in_the_context() -> None:
    dockerfile, ignored = (DEPLOY / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text()
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M) for word in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    assert {f"!{name}" for name in copied} == set(re.findall(r"^!.*$", ignored, re.M))
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")} | {"templates", "static"}
    assert rooms <= copied


def test_the_site_of_nginx_holds_nothing_back_on_the_way_of_bytes() -> None:
    site = (DEPLOY / "nginx.conf").read_text()
    transfers = re.search(r"location /transfers/ \{(.*?)\}", site, re.S)
    assert transfers
    assert "proxy_request_buffering off;" in transfers[1]
    assert "proxy_buffering off;" in transfers[1]
    assert "client_max_body_size 0;" in transfers[1]
    assert "X-Forwarded-For $proxy_add_x_forwarded_for" in site
