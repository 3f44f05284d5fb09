"""What the documents list is what the code has (STYLE B21)."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.exceptions import APIException

from accounts.audit import Event, Payload
from accounts.errors import GatehouseError
from config import api, dx, pages

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
DOCS = ("README.md", "CHANGELOG.md", "docs/api.md", "docs/architecture.md", "docs/guides.md", "docs/operations.md", "docs/security.md")
ROOMS = ("accounts", "orgs", "twofactor", "tokens", "config")


def text(name: str) -> str:
    """Return a document."""
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """Return what stands under one heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text(name), re.M | re.S)
    assert found, f"{name} has no heading {heading!r}"
    return found[1]


def first_column(table: str) -> list[str]:
    """Return what stands in backticks in the first column of the rows."""
    return re.findall(r"^\| `([^`]+)` \|", table, re.M)


def rows(table: str) -> list[list[str]]:
    """Return the cells of each row whose first cell is in backticks."""
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in re.findall(r"^\| `.*\|$", table, re.M)]


def every_subclass(of: type) -> Iterator[type]:
    """Give the subclasses, and theirs."""
    kind: type
    for kind in of.__subclasses__():
        yield kind
        yield from every_subclass(kind)


def product_errors() -> list[type[GatehouseError]]:
    """Return the refusals of the product; tests define some of their own."""
    assert get_resolver().url_patterns  # asking for them loads every room
    return [GatehouseError, *(kind for kind in every_subclass(GatehouseError) if kind.__module__.split(".")[0] in ROOMS)]


def routes(patterns: list[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[str]:
    """Give the address of every route, with its parts named as in `<id>`."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, address)
        else:
            yield "/" + re.sub(r"<\w+:(?:public_)?(\w+)>", r"<\1>", address)


def test_every_setting_is_documented_and_no_other() -> None:
    source = text("config/settings.py")
    read = set(re.findall(r'_read\(\s*"([A-Z0-9_]+)"', source))
    assert set(first_column(section("docs/operations.md", "Settings"))) == read


def test_only_settings_read_the_environment() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if path not in (ROOT / "config" / "settings.py", ROOT / "tokens" / "work" / "runner.py"):  # the runner is a client
                assert not re.search(r"os\.environ\b(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE)|getenv", path.read_text()), path


def test_defaults_of_numbers_are_the_documented_ones() -> None:
    written = {row[0]: row[1] for row in rows(section("docs/operations.md", "Settings"))}
    for name, default in re.findall(r'_read\(\s*"([A-Z0-9_]+)", "(\d+)"\)', text("config/settings.py")):
        assert written[name] == default


def test_every_error_code_is_documented_with_its_status_and_dx_type() -> None:
    documented = {row[0]: (row[1], row[3]) for row in rows(section("docs/api.md", "Errors"))}
    assert documented == {kind.code: (str(kind.status), kind.dx_type) for kind in product_errors() if "code" in vars(kind)}


def test_every_code_around_a_route_is_documented_with_its_status() -> None:
    documented = {row[0]: row[1] for row in rows(section("docs/api.md", "Errors around a route"))}
    known = {code: str(status) for status, code in pages.CODES.items() if code != "not_authenticated"}
    for kind in every_subclass(APIException):
        if kind.__module__.split(".")[0] in ("rest_framework", "config"):
            known[str(kind.default_code)] = str(kind.status_code)  # type: ignore[attr-defined]
    own = {"csrf_failed": "403"}
    del known["not_authenticated"]  # in the table of refusals already
    assert documented == known | own
    assert "invalid" in inspect.getsource(api)


def test_every_event_is_documented_and_has_a_payload() -> None:
    assert set(first_column(section("docs/api.md", "Security log"))) == {event.value for event in Event}
    assert set(Payload.by_event) == {event.value for event in Event}


def test_every_rest_route_is_documented() -> None:
    documented = set(first_column(section("docs/api.md", "REST")))
    assert documented == {address for address in routes() if address.startswith("/api/")}


def test_the_methods_of_rest_routes_are_the_documented_ones() -> None:
    for address, methods, _ in rows(section("docs/api.md", "REST")):
        view = get_resolver().resolve(address.replace("<id>", "x")).func.view_class  # type: ignore[attr-defined]
        offered = {method.upper() for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
        assert offered == set(methods.split(", ")), address


def test_every_dx_route_is_documented_with_whether_it_needs_a_token() -> None:
    documented = {row[0]: row[1] for row in rows(section("docs/api.md", "The dx protocol"))}
    known = {f"/{name}": "yes" for name in dx.ROUTES} | {f"/{name}": "no" for name in dx.OPEN_ROUTES}
    assert documented == known


def test_every_make_target_is_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.M))
    documented = first_column(section("README.md", "Work on it"))
    assert {command.removeprefix("make ") for command in documented} == targets


def test_every_file_of_the_rooms_is_in_the_architecture() -> None:
    documented = {name for name in first_column(text("docs/architecture.md")) if name.endswith(".py")}
    passed_over = {"__init__.py", "apps.py"}
    there = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name not in passed_over and "migrations" not in path.parts
    }
    assert documented == there


@pytest.mark.parametrize("name", DOCS)
def test_what_a_document_names_is_there(name: str) -> None:
    words = set(re.findall(r"`((?:accounts|orgs|twofactor|tokens|config|tests|docs|bench|templates|static|deploy)/[\w./]*)`", text(name)))
    for word in words:
        assert (ROOT / word).exists(), word
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    assert set(re.findall(r"(?:`|^|; )make ([a-z]+(?:-[a-z]+)*)", text(name), re.M)) <= targets


def test_the_manage_commands_in_operations_exist() -> None:
    named = set(re.findall(r"manage\.py (\w+)", text("docs/operations.md")))
    ours = {path.stem for room in ROOMS for path in (ROOT / room / "management" / "commands").glob("*.py")} - {"__init__"}
    assert ours <= named <= ours | {"migrate", "collectstatic", "createsuperuser"}


def test_the_demo_of_the_readme_is_the_demo_of_the_code() -> None:
    source = text("config/demo.py")
    assert 'PASSWORD = "gatehouse-demo-1"' in source
    assert "`gatehouse-demo-1`" in text("README.md")


@pytest.mark.parametrize("name", DOCS)
def test_no_document_has_a_line_that_is_too_long_to_read(name: str) -> None:
    code = re.sub(r"^```.*?^```", "", text(name), flags=re.M | re.S)
    assert [line for line in code.splitlines() if len(line) > 140 and not line.startswith("|")] == []
