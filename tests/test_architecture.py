"""The house rules of STYLE, read from the code with `ast`; each rule is shown once to fail on a bad snippet."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("accounts", "orgs", "tokens", "twofactor", "config")
# A room may import from lower floors and from itself. The two on floor 3 do not know each other.
FLOORS = {"accounts": 0, "orgs": 1, "orgs.projects": 2, "tokens": 3, "twofactor": 3, "tokens.work": 4, "config": 5}
MODULE_MOST_LINES, FUNCTION_MOST_LINES = 400, 60
READS_ENVIRONMENT = ("config/settings.py", "config/wsgi.py", "manage.py", "tokens/work/runner.py")
WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
DOORS = re.compile(r"(^|/)((views|dx|console)(/\w+)?|api|admin|pages|streams)\.py$")


@dataclass(frozen=True)
class Source:
    """A file of the house: its path from the root, and its text."""

    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of a Python file; none of another."""
        return list(ast.walk(ast.parse(self.text))) if self.path.endswith(".py") else []

    @property
    def module(self) -> str:
        """The dotted name of the package that the file lies in, and its own."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def said(self, node: ast.AST, what: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


@cache
def house() -> list[Source]:
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]
    files += [ROOT / "manage.py", *sorted(path for path in (ROOT / "templates").rglob("*.*") if path.suffix in (".html", ".txt"))]
    return [Source(str(path.relative_to(ROOT)), path.read_text()) for path in files]


def room_of(module: str) -> str | None:
    """Return the room that a dotted name belongs to, the innermost one; None for what is not ours."""
    inside = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    return max(inside, key=len, default=None)


def imported(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield every module that a file imports, wherever in the file that stands."""
    package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from orgs import projects` means orgs.projects.
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def floors(sources: list[Source]) -> Iterator[str]:
    """Imports go down."""
    for source in sources:
        here = room_of(source.module)
        for node, module in imported(source):
            there = room_of(module)
            if here and there and here != there and FLOORS[there] >= FLOORS[here]:
                yield source.said(node, f"{here} imports {module}, which is not below it")


def no_room_in_settings(sources: list[Source]) -> Iterator[str]:
    """Settings name rooms by dotted paths."""
    for source in sources:
        if source.path == "config/settings.py":
            yield from (source.said(node, module) for node, module in imported(source) if room_of(module) not in (None, "config"))


def no_import_inside_a_function(sources: list[Source]) -> Iterator[str]:
    """An import inside a function hides a cycle. Django itself wants receivers to be imported in AppConfig.ready()."""
    for source in sources:
        for function in functions(source):
            if source.path.endswith("/apps.py") and function.name == "ready":
                continue
            inner = (node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))
            yield from (source.said(node, f"an import inside {function.name}") for node in inner)


def no_send_robust(sources: list[Source]) -> Iterator[str]:
    """A receiver that fails must undo the change."""
    yield from named(sources, {"send_robust", "asend_robust", "asend"})


def no_update_session_auth_hash(sources: list[Source]) -> Iterator[str]:
    """The current session dies, too (CRD-02)."""
    yield from named(sources, {"update_session_auth_hash"})


def one_sender(sources: list[Source]) -> Iterator[str]:
    """A signal is sent in one place."""
    for signal in signals(sources):
        sent = [source.said(node, "sent here") for source in sources for node in source.nodes if is_send(node, signal)]
        if len(sent) != 1:
            yield f"{signal} has {len(sent)} senders: {'; '.join(sent)}"


def signals(sources: list[Source]) -> list[str]:
    made = [node for source in sources for node in source.nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    return [
        target.id for node in made for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call) and called(node.value) == "Signal"
    ]  # fmt: skip


def is_send(node: ast.AST, signal: str) -> bool:
    if not isinstance(node, ast.Call) or called(node) != "send" or not isinstance(node.func, ast.Attribute):
        return False
    holder = node.func.value
    return (isinstance(holder, ast.Name) and holder.id == signal) or (isinstance(holder, ast.Attribute) and holder.attr == signal)


def no_write_in_a_door(sources: list[Source]) -> Iterator[str]:
    """A door calls an act; the act writes."""
    for source in sources:
        if not DOORS.search(source.path):
            continue
        for node in source.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and writes(node.func):
                yield source.said(node, f"a door calls .{node.func.attr}()")


def writes(function: ast.Attribute) -> bool:
    """Return whether this is a write to the database: a writing method of anything but a module of acts."""
    holder = function.value
    is_act = isinstance(holder, ast.Name) and holder.id.endswith("flows")
    is_parent = isinstance(holder, ast.Call) and called(holder) == "super"
    return function.attr in WRITES and not is_act and not is_parent


def flows_are_keyword_only_with_an_actor(sources: list[Source]) -> Iterator[str]:
    """A call of an act reads like a sentence, and says who acts. Finders change nothing; what the worker does has no actor."""
    for source in sources:
        if not re.search(r"(^|/)flows(/\w+)?\.py$", source.path):
            continue
        for node in ast.parse(source.text).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield from (source.said(node, f"{node.name}() {fault}") for fault in flow_faults(node))


def flow_faults(flow: ast.FunctionDef) -> Iterator[str]:
    if flow.args.args or flow.args.posonlyargs or flow.args.vararg or flow.args.kwarg:
        yield "takes more than named arguments"
    pure = flow.name.startswith("find_") or flow.name.endswith("_due")
    if not pure and "actor" not in [argument.arg for argument in flow.args.kwonlyargs]:
        yield "does not say who acts"


def environment_only_in_settings(sources: list[Source]) -> Iterator[str]:
    """A variable has one line, typed and checked."""
    for source in sources:
        if source.path not in READS_ENVIRONMENT:
            found = (node for node in source.nodes if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"))
            yield from (source.said(node, ast.unparse(node)) for node in found)
            yield from (source.said(node, name) for node, name in imported(source) if name in ("os.environ", "os.getenv"))


def everything_is_escaped(sources: list[Source]) -> Iterator[str]:
    """Nothing is declared safe by hand (WEB-07)."""
    yield from named(sources, {"mark_safe"})
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.Call) and called(node) in ("SafeString", "SafeText"):
                yield source.said(node, "a string is declared safe")
        if not source.path.endswith(".py") and re.search(r"\|\s*safe(seq)?\b|autoescape\s+off", source.text):
            yield f"{source.path}: switches escaping off"


def nothing_inline(sources: list[Source]) -> Iterator[str]:
    """Pages have no inline script, style or event handler (WEB-01). Mails have no other way to be styled."""
    inline = re.compile(r"<style|\sstyle\s*=|\son[a-z]+\s*=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
    for source in sources:
        if source.path.startswith("templates/") and "/mail/" not in source.path and (found := inline.search(source.text)):
            yield f"{source.path}: {found[0].strip()}"


def small(sources: list[Source]) -> Iterator[str]:
    """No module over 400 lines, no function over 60."""
    for source in sources:
        if source.path.endswith(".py") and source.text.count("\n") > MODULE_MOST_LINES:
            yield f"{source.path}: over {MODULE_MOST_LINES} lines"
        for function in functions(source):
            if (function.end_lineno or 0) - function.lineno >= FUNCTION_MOST_LINES:
                yield source.said(function, f"{function.name} has over {FUNCTION_MOST_LINES} lines")


def functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def named(sources: list[Source], names: set[str]) -> Iterator[str]:
    """Yield where one of `names` is imported or used as an attribute or a name."""
    for source in sources:
        for node in source.nodes:
            used = getattr(node, "attr", None) or getattr(node, "id", None)
            inside = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else {used}
            yield from (source.said(node, str(name)) for name in names & inside)


Rule = Callable[[list[Source]], Iterator[str]]

SIGNALS = Source("accounts/signals.py", "rung = Signal()\n")
SENT = Source("accounts/credentials.py", "def announce():\n    rung.send(User)\n")
# Per rule: snippets that break it.
BAD: dict[Rule, list[list[Source]]] = {
    floors: [
        [Source("accounts/views.py", "from tokens.models import Token\n")],
        [Source("accounts/views.py", "def act():\n    from orgs import models\n")],
        [Source("orgs/models.py", "if TYPE_CHECKING:\n    import tokens.caller\n")],
        [Source("orgs/policies.py", "from orgs import projects\n")],
        [Source("orgs/policies.py", "from .projects import access\n")],
        [Source("tokens/flows.py", "from tokens.work import jobs\n")],
        [Source("tokens/flows.py", "import twofactor.totp\n")],
        [Source("twofactor/flows.py", "from tokens import flows\n")],
        [Source("tokens/dx.py", "from config import envelopes\n")],
    ],
    no_room_in_settings: [[Source("config/settings.py", "from accounts.limits import PAGE_ROWS\n")]],
    no_import_inside_a_function: [
        [Source("accounts/login.py", "def finish():\n    import json\n")],
        [Source("accounts/login.py", "def ready():\n    from accounts import receivers\n")],
    ],
    no_send_robust: [[Source("tokens/flows.py", "token_revoked.send_robust(Token)\n")]],
    no_update_session_auth_hash: [
        [Source("accounts/views.py", "from django.contrib.auth import update_session_auth_hash\n")],
        [Source("accounts/views.py", "auth.update_session_auth_hash(request, user)\n")],
    ],
    one_sender: [
        [SIGNALS, SENT, Source("tokens/flows.py", "rung.send(User)\n")],
        [SIGNALS, SENT, Source("tokens/flows.py", "signals.rung.send(User)\n")],
        [SIGNALS],
    ],
    no_write_in_a_door: [
        [Source("accounts/views.py", "form.instance.save()\n")],
        [Source("accounts/views/security.py", "Session.objects.filter(user=user).delete()\n")],
        [Source("tokens/api.py", "Token.objects.create(label='x')\n")],
        [Source("tokens/dx.py", "Token.objects.filter(pk=1).update(state='x')\n")],
        [Source("accounts/admin.py", "User.objects.get_or_create(pk=1)\n")],
    ],
    flows_are_keyword_only_with_an_actor: [
        [Source("tokens/flows.py", "def revoke(tokens, *, actor): ...\n")],
        [Source("accounts/flows/passwords.py", "def change_password(*, user): ...\n")],
        [Source("accounts/flows/passwords.py", "def find_reset(uid): ...\n")],
        [Source("accounts/flows.py", "def act(*, actor, **rest): ...\n")],
    ],
    environment_only_in_settings: [
        [Source("accounts/limits.py", "import os\nLIMIT = os.environ['LIMIT']\n")],
        [Source("accounts/limits.py", "import os\nLIMIT = os.getenv('LIMIT')\n")],
        [Source("accounts/limits.py", "from os import environ\n")],
    ],
    everything_is_escaped: [
        [Source("accounts/views.py", "from django.utils.safestring import mark_safe\n")],
        [Source("accounts/views.py", "SafeString(label)\n")],
        [Source("templates/tokens/list.html", "{{ token.label|safe }}")],
        [Source("templates/tokens/list.html", "{% autoescape off %}")],
    ],
    nothing_inline: [
        [Source("templates/base.html", "<script>go()</script>")],
        [Source("templates/base.html", '<p style="color: red">')],
        [Source("templates/base.html", '<button onclick="go()">')],
        [Source("templates/base.html", '<a href="javascript:go()">')],
    ],
    small: [
        [Source("accounts/models.py", "x = 1\n" * 401)],
        [Source("accounts/models.py", "def act():\n" + "    x = 1\n" * 60)],
    ],
}  # fmt: skip
# What the rules must let pass.
GOOD = [
    Source("accounts/flows.py", "from accounts import audit\ndef sign_out(*, actor): ...\ndef find_it(*, uid): ...\ndef _help(x): ...\n"),
    Source("tokens/flows.py", "from accounts import audit\nfrom tokens import keys\ndef expire_due(): ...\n"),
    Source("tokens/work/jobs.py", "from tokens import flows\n"),
    Source("config/urls.py", "import twofactor.urls\nimport tokens.work.urls\n"),
    Source("config/settings.py", "import os\nPORT = os.environ['PORT']\nSTAGE = 'twofactor.stages.code'\n"),
    Source("tokens/views.py", "flows.create(label='x')\ndef delete(self):\n    return super().delete()\n"),
    Source("templates/base.html", '<script type="module" src="/static/main.js"></script>{{ label }}'),
    Source("templates/tokens/mail/made.html", '<p style="margin: 0">'),
    Source("tokens/apps.py", "class TokensConfig(AppConfig):\n    def ready(self):\n        from tokens import receivers\n"),
    SIGNALS,
    SENT,
]


@pytest.mark.parametrize("rule", BAD, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    broken = list(rule(house()))
    assert not broken, "\n".join([f"{rule.__doc__}", *broken])


@pytest.mark.parametrize(
    ("rule", "sources"),
    [(rule, sources) for rule, snippets in BAD.items() for sources in snippets],
    ids=[f"{rule.__name__} {number}" for rule, snippets in BAD.items() for number in range(len(snippets))],
)
def test_a_bad_snippet_breaks_the_rule(rule: Rule, sources: list[Source]) -> None:
    assert list(rule(sources))


@pytest.mark.parametrize("rule", BAD, ids=lambda rule: rule.__name__)
def test_good_snippets_break_no_rule(rule: Rule) -> None:
    assert not list(rule(GOOD))


def test_the_rules_see_the_whole_house() -> None:
    seen = {source.path for source in house()}
    rooms = {"accounts/models/people.py", "config/settings.py", "tokens/flows/ending.py", "orgs/projects/models.py"}
    assert rooms | {"templates/base.html"} <= seen
    assert {"credentials_changed", "token_revoked"} <= set(signals(house()))
    known = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert known <= set(ROOMS), "a room that the rules do not know"
