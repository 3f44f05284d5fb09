"""What was measured in process, as sections of the page."""

import argparse
import sqlite3

import django

from bench import page
from bench.measure import Timings
from bench.runs import EACH, GOVERNED, Found
from bench.sizes import FAR_PAGE, FEW_JOBS, MANY_JOBS
from bench.tables import Aim, aims, table, timings

BARE = {"bare": "a bare view with a JSON answer, no middleware"}
OURS, BY_HAND = ("session", "ours"), ("by-hand", "b")
END_WORK_MS, END_SESSIONS_MS, GROWTH = 1000, 2.0, 1.2
SAME_ORDER = 1.0
ARGON2_PART = 0.9
_LIST_MS, _MS = 200, 1000
_LIST_STATEMENTS = {"list": 5, "list-far": 6, "list-ended": 5}  # far down the keys are found first


def sections(found: dict[str, Found], asked: argparse.Namespace) -> dict[str, str]:
    """Return the sections by title; `found` is by the name of the database."""

    def section(about: str, *parts: str) -> tuple[str, str]:
        return about.split("\n", 1)[0].removeprefix("## "), "\n".join([about, *parts])

    each = found.items()
    return dict(
        [
            section(_about_pages(asked), _pages(found["SQLite"].pages)),
            section(_about_tokens(asked), *(_tokens(database, one.tokens) for database, one in each)),
            section(_about_growth(asked), *(_growth(database, one.growth) for database, one in each)),
            section(_about_logins(), *(_logins(database, one.logins) for database, one in each)),
            section(_about_ends(asked), *(_ends(database, one) for database, one in each)),
            section(_about_lists(asked), *(_list(database, one.lists) for database, one in each)),
        ]
    )


def _conditions() -> str:
    sqlite = ".".join(str(part) for part in sqlite3.sqlite_version_info)
    return f"""{page.conditions("python -m bench")}
Django {django.get_version()}, SQLite {sqlite} in WAL, PostgreSQL on the same machine; kept connections on both.

In process, without a web server. Each number is a median; beside it, between which values the middle half of the rounds lay. The
cases of a table took turns in each round, and a ratio is the median of the rounds' ratios. A load above the number of cores makes
even ratios lean, for a long request is interrupted where a short one is not.
"""


def _about_pages(asked: argparse.Namespace) -> str:
    return f"""## The session part of a page request

{_conditions()}
{asked.rows // 10 // EACH:,} people, {asked.rows // 10:,} sessions, asked for in random order; {asked.rounds} rounds of {asked.runs} runs.
Django gets a cheaper commit (`synchronous=NORMAL`) than the product allows itself (`FULL`, a flush of the disk each time:
the request that notes activity is mostly that flush, and as slow as the disk is busy).
"""


def _pages(timed: Timings) -> str:
    stock = {"stock": "Django: session in the database, and user", "stock-saving": "Django with `SESSION_SAVE_EVERY_REQUEST`"}
    words = BARE | {
        "select": "the same view with one joined SELECT in raw SQL",
        "session": "ours: session and user",
        "session-touched": "ours, in the one request a minute that notes activity",
        **stock,
        "session-whole-stack": "the bare view behind a web session, whole product",
    }
    ours, ours_alone, wanted = timed["session"], timed["session"].less(timed["bare"]), {"stock": 1 / 2, "stock-saving": 1 / 3}
    whole = [Aim(f"ours as a part of: {stock[name]}", ours.ratio_to(timed[name]), wanted[name]) for name in stock]
    part = [
        Aim(f"the same, both less the bare view: {stock[name]}", ours_alone.ratio_to(timed[name].less(timed["bare"])), wanted[name])
        for name in stock
    ]
    return f"{timings(timed, words, of=OURS, head='request, SQLite')}\n{aims([*whole, *part])}"


def _about_tokens(asked: argparse.Namespace) -> str:
    return f"""## A token request

{asked.rows // 10 // EACH:,} people, {asked.rows // 10:,} tokens, asked for in random order. **b** is the least that a token in a
database costs: a view without middleware that takes the bearer from the header, makes its SHA-256, finds token and user by one raw
SELECT, and checks nothing. The product's requests go through its whole stack and write their access line to a file.

The peers have a database of their own, of as many people. They get what suits them best: a view that answers four fields of the
person from a plain dict, behind the seven middleware of `startproject`; JSON alone to choose from; the same kept connection, on SQLite
with the cheaper commit, and no line in any log. REST framework's tokens are kept in plain text, one for each person. knox keeps
digests, here by its defaults (SHA-512, ten hours of life, `AUTO_REFRESH` off): ten tokens for each person on average, a tenth of
the people with one, the others with eleven. It loads all tokens of the person at each request. Neither notes when a token was used.
Ours answers the same four fields, and the token's beside them.

The parts of the peers' time that are aimed at are for SQLite, where nothing but the work in the process counts. On PostgreSQL each of
them waits for the same round trips, and the aim is the same order: ours the fastest.
"""


def _tokens(database: str, timed: Timings) -> str:
    words = BARE | {
        "by-hand": "b: one SELECT in raw SQL, and SHA-256",
        "token": "the check of a token, in a view without middleware",
        "whoami": "`POST /system/whoami` with a bearer, whole product",
        "me": "`GET /api/v1/me/` with a bearer, whole product",
        "me-noted": "the same, in the one request a minute that notes the use",
        "authtoken": "REST framework's `TokenAuthentication`",
        "knox": "knox, of a person with one token",
        "knox-many": "knox, of a person with eleven tokens",
    }
    me, whoami, peers = timed["me"], timed["whoami"], ("authtoken", "knox", "knox-many")
    parts = (1 / 2, 1 / 3, 1 / 3) if database == "SQLite" else (SAME_ORDER,) * len(peers)
    wanted = [
        Aim(f"{words['me']} as a part of {words[peer]}", me.ratio_to(timed[peer]), part) for peer, part in zip(peers, parts, strict=True)
    ]
    wanted.append(Aim(f"{words['whoami']} as a multiple of b", whoami.ratio_to(timed["by-hand"]), 1.8))
    return f"{timings(timed, words, of=BY_HAND, head=f'request, {database}')}\n{aims(wanted)}"


def _about_growth(asked: argparse.Namespace) -> str:
    return f"""## A token request among few tokens and among many

The same request among {asked.rows // 100:,} tokens and among {asked.rows:,}, asked for in random order, in two processes that take turns.
Each person has {EACH} tokens and {EACH} sessions.
"""


def _growth(database: str, timed: Timings) -> str:
    words = {
        "token-few": "the check of a token, without middleware, among few",
        "token-many": "the same among many",
        "me-few": "`GET /api/v1/me/`, whole product, among few",
        "me-many": "the same among many",
    }
    wanted = [
        Aim("the check of a token, among many as a multiple of among few", timed["token-many"].ratio_to(timed["token-few"]), 1.2),
        Aim("`GET /api/v1/me/`, among many as a multiple of among few", timed["me-many"].ratio_to(timed["me-few"]), 1.2),
    ]
    return f"{timings(timed, words, of=('token-few', 'the check among few'), head=f'request, {database}')}\n{aims(wanted)}"


def _about_lists(asked: argparse.Namespace) -> str:
    return f"""## The list of tokens of a person who has {asked.listed:,} of them

And as many that ended, among {asked.rows // 10:,} tokens of others. A page of it in a web session, through the whole product.
"""


def _list(database: str, timed: Timings) -> str:
    words = {
        "list": "`GET /profile/tokens/`",
        "list-far": f"page {FAR_PAGE} of it, or its last",
        "list-ended": "`GET /profile/tokens/?ended=1`",
    }
    wanted = [Aim(f"{words[name]}: ms", timed[name].median / _MS, _LIST_MS, "{:.0f}") for name in words]
    wanted += [Aim(f"{words[name]}: statements", timed[name].statements, _LIST_STATEMENTS[name], "{:d}") for name in words]
    return f"{timings(timed, words, of=('list', 'the first page'), head=f'page, {database}', unit='ms')}\n{aims(wanted)}"


def _about_logins() -> str:
    return """## A login

The whole request: counters against guessing, the hash, the session or token, the event, the mail about a new device. It is three
transactions on purpose (a count must survive whatever happens to the request), and each is a flush of the disk. The hash is argon2id
with the product's own parameters, the least that OWASP recommends (19 MiB, t=2, p=1). The aim, a login of which nine tenths are the hash,
leaves a tenth of that for everything else, flushes included; it is not in reach of some twenty statements by the ORM.
"""


def _logins(database: str, timed: Timings) -> str:
    words = {
        "argon2": "argon2 alone, of the same password",
        "login": "`POST /login/` from a browser that is not known",
        "login-dx": "`POST /system/newAuthToken` with a password",
    }
    wanted = [Aim(f"{words[name]}, as a multiple of argon2", timed[name].ratio_to(timed["argon2"]), 1 / ARGON2_PART) for name in words][1:]
    return f"{timings(timed, words, of=('argon2', 'argon2'), head=f'login, {database}', unit='ms')}\n{aims(wanted)}"


def _about_ends(asked: argparse.Namespace) -> str:
    return f"""## Ends of sessions and tokens among few rows and among many

Among so many sessions and as many tokens, {EACH} of each for each person; each act once for each person. "Policy" sets autoLogoutAfter of
an organization of {GOVERNED} members with {GOVERNED * EACH:,} sessions, with weighing, event and mail. Django's own way to end the
sessions of somebody is to decode every row, for only the data says whose a session is; it was timed on {asked.rows // 10:,} rows and
multiplied by ten.

The last table ends all tokens of a person, with jobs and uploads that run on them, among {asked.rows:,} tokens: half of that work are jobs,
each with a token of its own.
"""


def _ends(database: str, found: Found) -> str:
    words = {
        "delete": "one DELETE of five sessions by the index, and nothing else",
        "end": "all five sessions of a person: `end_sessions`, with reasons and events",
        "revoke": "all five tokens of a person: `revoke_all`, with events",
        "policy": "a policy",
    }
    few, many = min(found.ends), max(found.ends)
    heads = [f"ms, {database}", "statements", *(f"{rows:,} rows" for rows in found.ends), "many as a multiple of few"]
    rows = [
        [
            words[case], str(found.ends[many][case].statements), *(f"{found.ends[size][case].median / _MS:.1f}" for size in found.ends),
            f"{found.ends[many][case].ratio_to(found.ends[few][case]):.2f}",
        ]
        for case in words
    ]  # fmt: skip
    decoded = f"{found.decode.median / _MS:,.0f}"
    rows.append(["Django: decode all rows, delete those that match", str(found.decode.statements), "", "", decoded, ""])
    ends, more, work = found.ends[many]["end"], found.ends[few]["end"], found.work
    wanted = [
        Aim(f"ending five sessions among {many:,} rows, ms", ends.median / _MS, END_SESSIONS_MS),
        Aim(f"the same, as a multiple of {few:,} rows", ends.ratio_to(more), GROWTH),
        Aim(f"ending the work of {2 * MANY_JOBS:,} among {many:,} tokens, ms", work["work-many"].median / _MS, END_WORK_MS, "{:.0f}"),
        Aim("its statements, less those of ending little", work["work-many"].statements - work["work-few"].statements, 0, "{:d}"),
    ]
    return f"{table(heads, rows)}\n{_work(database, work)}\n{aims(wanted)}"


def _work(database: str, timed: Timings) -> str:
    words = {
        "work-few": f"{FEW_JOBS + 1:,} tokens, {2 * FEW_JOBS:,} jobs and uploads",
        "work-many": f"{MANY_JOBS + 1:,} tokens, {2 * MANY_JOBS:,} jobs and uploads",
    }
    return timings(timed, words, of=("work-few", "little"), head=f"ended, {database}", unit="ms")
