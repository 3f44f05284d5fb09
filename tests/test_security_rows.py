"""Each row of what must hold has tests that bear its id, and docs/security.md names exactly these."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[1]
ROWS = {
    "LOG": 13,
    "CLI": 8,
    "SES": 12,
    "CRD": 7,
    "TOK": 13,
    "OTP": 7,
    "BKP": 4,
    "RST": 9,
    "ORG": 6,
    "ADM": 6,
    "JOB": 9,
    "WEB": 9,
    "API": 8,
    "OPS": 9,
    "REL": 7,
    "F": 20,
}
DONE: tuple[str, ...] = ()  # groups of which every row has its tests
HEADING = "## Rows and their tests"
BEARS = re.compile(rf"test_(?P<group>{'|'.join(ROWS).lower()})_?(?P<number>\d+)(?:_|$)")

Named = list[tuple[str, str]]


def row_id(group: str, number: int) -> str:
    """Return how an id is written in the document: `LOG-04`, `F09`."""
    return f"F{number:02}" if group == "F" else f"{group}-{number:02}"


def begins(row: str) -> str:
    """Return how the name of a test of this row begins: `test_log_04_`."""
    return f"test_{row.lower().replace('-', '_')}_"


def every_row() -> Iterator[str]:
    """Give each id of the closed list."""
    for group, size in ROWS.items():
        for number in range(1, size + 1):
            yield row_id(group, number)


def named_in(document: str) -> Named:
    """Return the pairs of a row's id and a test that the tables name for it, in their order."""
    part = document.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (\S+) \| (.*) \|$", part, re.M)
    return [(row, test) for row, cell in found for test in re.findall(r"`([^`]+)`", cell) if row != "row"]


def declared_in(source: str, path: str) -> Iterator[str]:
    """Give the tests of a file, as `path::name` or `path::Class::name`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"{path}::{node.name}"
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            inner = (each.name for each in node.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))
            yield from (f"{path}::{node.name}::{name}" for name in inner)


@cache
def every_test() -> frozenset[str]:
    """Return every test that there is."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return frozenset(test for file in files for test in declared_in(file.read_text(), str(file.relative_to(ROOT))))


def row_of(test: str) -> str | None:
    """Return the id that the name of a test bears, known or not; None where it bears none."""
    name = test.rpartition("::")[2]
    found = BEARS.match(name)
    if not found:
        return None
    row = row_id(found["group"].upper(), int(found["number"]))
    return row if name.startswith(begins(row)) else name


def in_done(row: str) -> bool:
    """Tell whether the row's group is finished."""
    return row.partition("-")[0] in DONE or (row.startswith("F") and "F" in DONE)


def faults_of(named: Named, tests: frozenset[str]) -> list[str]:
    """Return a sentence for each way in which tables and tests do not fit together."""
    known = set(every_row())
    bearing = {test: row for test in tests if (row := row_of(test))}
    counts = Counter(row for row, _ in named)
    listed = {test for _, test in named}
    said = [f"{row} is no row" for row in {*counts, *bearing.values()} - known]
    said += [f"{row}: there is no {test}" for row, test in named if test not in tests]
    said += [f"{row}: the name of {test} does not bear it" for row, test in named if row_of(test) != row]
    said += [f"{row} has no test" for row in known if in_done(row) and not counts[row]]
    said += [f"{test} is in no table" for test, row in bearing.items() if in_done(row) and test not in listed]
    return sorted(said)


def test_every_row_has_its_tests_and_every_such_test_its_row() -> None:
    assert faults_of(named_in((ROOT / "docs" / "security.md").read_text()), every_test()) == []


def test_the_tables_stand_in_the_order_of_the_rows_each_once() -> None:
    rows = list(dict.fromkeys(row for row, _ in named_in((ROOT / "docs" / "security.md").read_text())))
    lines = re.findall(r"^\| ([A-Z]{3}-\d\d|F\d\d) \|", (ROOT / "docs" / "security.md").read_text(), re.M)
    assert rows == [row for row in every_row() if row in rows]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("cell", "name", "said"),
    [
        ("`t.py::test_log_01_x`", "test_log_01_x", None),
        ("`t.py::test_log_01_x`", "test_log_01_y", "LOG-01: there is no t.py::test_log_01_x"),
        ("`t.py::test_x`", "test_x", "LOG-01: the name of t.py::test_x does not bear it"),
        ("`t.py::test_log_02_x`", "test_log_02_x", "LOG-01: the name of t.py::test_log_02_x does not bear it"),
        ("", "test_x", "LOG-01 has no test"),
        ("", "test_log_02_x", "t.py::test_log_02_x is in no table"),
        ("", "test_log_14_x", "LOG-14 is no row"),
        ("", "test_log_1_x", "test_log_1_x is no row"),
        ("", "test_f21_x", "F21 is no row"),
    ],
)
def test_what_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch, cell: str, name: str, said: str | None) -> None:
    monkeypatch.setitem(globals(), "DONE", ("LOG",))
    document = f"\n{HEADING}\n\n### LOG\n\n| row | shown by |\n|---|---|\n| LOG-01 | {cell} |\n"
    told = faults_of(named_in(document), frozenset(declared_in(f"def {name}() -> None: ...\n", "t.py")))
    assert (said in told) if said else not any("LOG-01" in each for each in told)
