"""What holds for every template: it compiles, runs no script of its own, and says what it takes."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import get_template

pytestmark = pytest.mark.once

TEMPLATES = Path(__file__).parent.parent / "templates"
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
TEXTS = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.txt"))
WEB_PAGES = [name for name in PAGES if "mail/" not in name]
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)


def source(name: str) -> str:
    """Return the text of a template, without its comments."""
    return re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", (TEMPLATES / name).read_text(), flags=re.S)


def included(name: str) -> str:
    """Return the text with the partials that it includes by name."""
    return re.sub(r'{% include "([^"]+)"[^%]*%}', lambda found: included(found[1]), source(name))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_compiles(name: str) -> None:
    assert get_template(name)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_compiles_without_html_escapes(name: str) -> None:
    engine = engines["text"]
    assert engine.get_template(name)
    assert not engine.engine.autoescape  # type: ignore[attr-defined]


def test_every_mail_has_both_forms() -> None:
    mails = {name for name in PAGES + TEXTS if "mail/" in name}
    assert {name.removesuffix(".html") for name in mails if name.endswith(".html")} == {
        name.removesuffix(".txt") for name in mails if name.endswith(".txt")
    }


@pytest.mark.parametrize("name", WEB_PAGES)
def test_web_01_a_page_has_no_inline_script_style_or_handler(name: str) -> None:
    text = source(name)
    assert not re.search(r"<style\b|\sstyle\s*=", text, re.I)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text, re.I)
    assert not re.search(r"javascript:", text, re.I)
    for attributes in re.findall(r"<script\b([^>]*)>", text, re.I):
        assert "src=" in attributes or 'type="application/json"' in attributes


@pytest.mark.parametrize("name", PAGES)
def test_web_07_a_template_never_switches_escaping_off(name: str) -> None:
    assert not re.search(r"\|\s*safe(seq)?\b|autoescape off", source(name))


@pytest.mark.parametrize("name", WEB_PAGES)
def test_web_04_a_form_that_changes_something_has_its_csrf_token(name: str) -> None:
    for attributes, body in FORM.findall(included(name)):
        if 'method="post"' in attributes.lower():
            assert "{% csrf_token %}" in body, f"{name}: <form{attributes}>"
        else:
            assert 'method="get"' in attributes.lower() or 'method="dialog"' in attributes.lower(), f"{name}: <form{attributes}>"
            assert "{% csrf_token %}" not in body


@pytest.mark.parametrize("name", [name for name in PAGES if Path(name).name.startswith("_")])
def test_a_partial_says_first_what_it_takes(name: str) -> None:
    first = (TEMPLATES / name).read_text().splitlines()[0]
    assert re.fullmatch(rf"{{# {re.escape(name)} — .+ #}}", first), first


@pytest.mark.parametrize("name", [name for name in WEB_PAGES if not Path(name).name.startswith("_")])
def test_a_page_is_built_on_a_frame(name: str) -> None:
    frames = {"base.html", "auth.html"}
    assert name in frames or re.match(r"\s*{% extends ", source(name)) or name == "500.html"
