"""What is installed is pinned, with hashes, and looked up in a list of known vulnerabilities (OPS-07)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[1]
PINNED = ["requirements.txt", "requirements-dev.txt", "requirements-audit.txt"]
PIN = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==\S+( ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(name: str) -> list[str]:
    """Return the entries of a requirements file, each with its hashes in one line."""
    joined = (ROOT / name).read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", PINNED)
def test_ops_07_every_package_is_pinned_with_hashes(name: str) -> None:
    assert len(entries(name)) > 20
    for entry in entries(name):
        pin, *hashes = re.split(r"\s+(?=--hash)", entry)
        assert PIN.fullmatch(pin.strip()), entry[:80]
        assert hashes, pin
        assert all(HASH.fullmatch(one) for one in hashes), pin


@pytest.mark.parametrize("name", [name.replace(".txt", ".in") for name in PINNED])
def test_ops_07_what_is_asked_for_is_an_exact_version_that_the_pins_have(name: str) -> None:
    pins = {
        entry.split()[0].partition("[")[0].partition("==")[0] + "==" + entry.split()[0].partition("==")[2]
        for entry in entries(name[:-2] + "txt")
    }
    asked = [line for line in entries(name) if not line.startswith("-r ")]
    assert asked
    for line in asked:
        bare = re.sub(r"\[.+\]", "", line)
        assert "==" in bare
        assert bare in pins


def test_ops_07_django_is_of_the_series_with_long_support_and_the_one_that_is_pinned() -> None:
    assert django.VERSION[:2] == (5, 2)
    assert f"django=={django.get_version()}" in {entry.split()[0] for entry in entries("requirements.txt")}


def test_ops_07_every_install_asks_for_hashes() -> None:
    installs = re.findall(r"pip install .*", (ROOT / "Makefile").read_text())
    assert len(installs) == len(PINNED)
    assert all("--require-hashes" in line for line in installs)


@pytest.mark.parametrize(("status", "passes"), [(0, True), (1, False)])
def test_ops_07_an_audit_that_could_not_look_something_up_does_not_pass_for_clean(tmp_path: Path, status: int, passes: bool) -> None:
    # The make target alone, around a program that answers as pip-audit does.
    fake = tmp_path / "audit" / "bin" / "pip-audit"
    fake.parent.mkdir(parents=True)
    fake.write_text(f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:])\nsys.exit({status})\n")
    fake.chmod(0o755)
    (tmp_path / "audit" / ".done").touch()
    ran = subprocess.run(
        ["make", "audit", f"AUDIT={tmp_path / 'audit'}"], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode == 0) == passes, ran.stderr
    assert ("not looked up" in ran.stderr) != passes
    assert "--strict" in ran.stdout
    assert "requirements-dev.txt" in ran.stdout
