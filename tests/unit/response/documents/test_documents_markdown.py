"""Hostile text stays text."""

import re
from dataclasses import replace

import pytest
from tests.support.guides import shipped
from tests.support.tale import MINSU, Tale, opened, signal

from judgify.kit.errors import Invalid
from judgify.response import timeline as t
from judgify.response.documents import GuideDocuments
from judgify.response.documents.markdown import Markdown, escape, fill, plain
from judgify.response.model import RootCause


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("메모리 누수 v1.9.0, service_down 12.5 %", "메모리 누수 v1.9.0, service_down 12.5 %"),
        ("a\n# heading\n\n- list", "a # heading - list"),
        ("# heading", r"\# heading"),
        ("- point", r"\- point"),
        ("+ point", r"\+ point"),
        ("=====", r"\====="),
        ("1. first", r"1\. first"),
        ("2) second", r"2\) second"),
        ("1.5 s", "1.5 s"),
        ("#alerts", "#alerts"),
        ("[x](http://evil.example)", r"\[x\](http\://evil.example)"),
        ("![i](data:x)", r"!\[i\](data\:x)"),
        ("www.evil.example", r"www\.evil.example"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("<!channel> @everyone", r"\<!channel\> ＠everyone"),
        ("`code` **bold** _it_ ~~no~~", r"\`code\` \*\*bold\*\* \_it\_ \~\~no\~\~"),
        ("a | b", r"a \| b"),
        (r"back\slash", r"back\\slash"),
        ("&lt;b&gt; R&D", r"\&lt;b\&gt; R&D"),
        ("left\u202eright\u200b\ufeff", "leftright"),
        ("nul\x00 bell\x07 line\u2028end", "nul bell line end"),
        (42, "42"),
    ],
)
def test_a_value_is_one_line_that_shows_itself(raw: object, shown: str) -> None:
    assert escape(raw) == shown


def test_our_own_markdown_is_not_escaped_twice() -> None:
    once = escape("*x*")
    assert escape(once) is once
    assert fill("**{a}** {b}", a=Markdown("**y**"), b="*z*") == r"****y**** \*z\*"


def test_braces_in_a_value_are_not_filled_in() -> None:
    assert fill("{a}", a="{b.__class__} {{ 7*7 }}") == r"{b.\_\_class\_\_} {{ 7\*7 }}"


HOSTILE = (
    "x\n\n# FORGED\n## 근본 원인\n- [ ] do [it](javascript:alert(1)) <img src=x onerror=a> @channel {{ 7*7 }}"
    " www.evil.example"
)


def test_hostile_text_forges_nothing_in_any_document() -> None:
    guide = shipped()
    calm, loud = Tale(), Tale()
    for tale, text in ((calm, "x"), (loud, HOSTILE)):
        tale.add(0, opened(signal(text[:100], text[:100], text=text, source="person", own=False), reason=text))
        tale.add(1, t.NoteAdded(text=text), MINSU)
        tale.add(2, t.RootCauseRecorded(root_cause=RootCause(text=text, went_well=(text,), went_wrong=(text,))), MINSU)
    for kind in ("announcement", "log", "postmortem"):
        for lang in ("ko", "en"):
            quiet = GuideDocuments(guide).render(kind, lang, calm.incident, calm.entries)
            document = GuideDocuments(guide).render(kind, lang, loud.incident, loud.entries)
            assert len(document.splitlines()) == len(quiet.splitlines())
            assert _headings(document) == _headings(quiet)
            assert not re.search(r"(?<!\\)\]\(|(?<!\\)<", document)
            for forged in ("@channel", "javascript:", "www.evil", " 49 "):
                assert forged not in document


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip(" -0123456789.").startswith("#")]


def test_a_template_that_names_something_unknown_says_which_file() -> None:
    shipped_guide = shipped()
    templates = {**shipped_guide.templates, ("ko", "log"): "{{ document.no_such }}"}
    tale = Tale().add(0, opened())
    documents = GuideDocuments(replace(shipped_guide, templates=templates))
    with pytest.raises(Invalid, match=r"templates/ko/log\.md\.j2 cannot be written: .*no_such"):
        documents.render("log", "ko", tale.incident, tale.entries)


def test_a_template_cannot_leave_its_sandbox() -> None:
    shipped_guide = shipped()
    templates = {**shipped_guide.templates, ("ko", "log"): "{{ document.__class__.__mro__ }}"}
    tale = Tale().add(0, opened())
    documents = GuideDocuments(replace(shipped_guide, templates=templates))
    with pytest.raises(Invalid, match="cannot be written"):
        documents.render("log", "ko", tale.incident, tale.entries)


@pytest.mark.parametrize("text", ["a *b* _c_ [x](y) <i> `z` | \\ & # ~~", "service_down 12.5 %", "https://example.com"])
def test_a_page_shows_what_was_escaped_for_markdown_as_it_was(text: str) -> None:
    assert plain(escape(text)) == text
