"""What no line of the product does: mark text as safe, hand a stranger's names to a query, ask another clock (WEB-07, API-03, REL-07)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("accounts", "orgs", "twofactor", "tokens", "config")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
SCRIPTS = sorted((ROOT / "static").rglob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
QUERIES = {"filter", "exclude", "get", "get_or_create", "update_or_create", "annotate", "alias", "order_by", "values", "Q", "extra", "raw"}
# Queries whose names are put together. Each was looked at: the names are ours, and only values come from outside.
PUT_TOGETHER = {
    ("accounts/stopped.py", "filter"),  # person and address
    ("accounts/flows/addresses.py", "filter"),  # which of two digests a link has
    ("accounts/batches.py", "filter"),  # the key by which batches are read
    ("accounts/logbook.py", "order_by"),  # one of two constants
    ("orgs/dx.py", "filter"),  # one of two constants
    ("orgs/projects/asking.py", "Q"),  # a column that the filter has
    ("orgs/projects/globs.py", "Q"),  # the same
    ("tokens/models.py", "Q"),  # a column of ours
    ("orgs/settling.py", "alias"),  # constants
    ("tokens/ends.py", "filter"),  # users or tokens, as the act names them
    ("tokens/work/endings.py", "filter"),  # the same
}
# Who asks the machine's own clock for the time, and for what. Durations are measured by `monotonic`, anywhere.
CLOCKS = {
    ("config/middleware.py", "time_ns"),  # the name of a request
    ("config/logs.py", "time"), ("config/logs.py", "datetime.fromtimestamp"),  # the time of a line
}  # fmt: skip


def name_of(path: Path) -> str:
    """Return a path as the tables above write it."""
    return str(path.relative_to(ROOT))


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Give each call in a file, and the last part of what is called."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            yield node, node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id


def queries_put_together(path: Path) -> Iterator[str]:
    """Give the name of each query method that is called with names out of a dict or a list."""
    for node, name in calls(path):
        spread = any(keyword.arg is None for keyword in node.keywords) or (
            name == "order_by" and any(isinstance(a, ast.Starred) for a in node.args)
        )
        if name in QUERIES and spread and not _is_super(node):
            yield name


def _is_super(node: ast.Call) -> bool:
    inner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "super"


def test_api_03_only_these_queries_are_put_together_and_each_was_looked_at() -> None:
    found = {(name_of(path), name) for path in MODULES if "/migrations/" not in str(path) for name in queries_put_together(path)}
    assert found == PUT_TOGETHER


def test_web_07_nothing_is_marked_as_safe() -> None:
    for path in MODULES:
        marked = {name for _, name in calls(path)} & {"mark_safe", "SafeString", "SafeText", "mark_for_escaping"}
        assert not marked, path
    for path in SCRIPTS:
        found = re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", path.read_text())
        assert not found, (path, found)
    assert len(SCRIPTS) > 5


def test_web_07_data_for_scripts_goes_through_json_script() -> None:
    for path in TEMPLATES:
        for attributes, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", path.read_text(), re.S):
            assert "src=" in attributes, path
            assert not body.strip(), path


def test_web_09_no_script_keeps_anything_for_long_or_hinders_a_paste() -> None:
    for path in SCRIPTS:
        assert not re.search(r"localStorage|indexedDB|onpaste|[\"']paste[\"']|document\.cookie\s*=", path.read_text()), path
    for path in TEMPLATES:
        assert "onpaste" not in path.read_text()


def test_rel_07_time_comes_from_one_place() -> None:
    found = set()
    for path in MODULES:
        for node, name in calls(path):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            of = owner.id if isinstance(owner, ast.Name) else ""
            if of in ("datetime", "date") and name in ("now", "utcnow", "today", "fromtimestamp"):
                found.add((name_of(path), f"{of}.{name}"))
            if of == "time" and name not in ("sleep", "monotonic"):
                found.add((name_of(path), name))
    assert found == CLOCKS
