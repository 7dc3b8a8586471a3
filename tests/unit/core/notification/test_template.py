"""Templates: what is a place, what fills it, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from judgify.core.notification.history import Wanted
from judgify.core.notification.template import MAX_BODY, Said, Texts, names, say
from judgify.kit.errors import Invalid

pytestmark = pytest.mark.guide("S04")


def texts(subject: str, body: str = "", short: str = "") -> Texts:
    return Texts.model_validate({"ko": {"subject": subject, "body": body, "short": short}})


def filled(text: str, **variables: Any) -> str:
    return say("t", 1, texts("s", text), "ko", variables).body


@pytest.mark.parametrize(
    ("text", "variables", "result"),
    [
        ("{{ a }} and {{a}}", {"a": "x"}, "x and x"),
        ("{{ a.b.c }}", {"a": {"b": {"c": 1.5}}}, "1.5"),
        ("{{ a.1 }}", {"a": ["x", "y"]}, "y"),
        ("{{ a }}", {"a": None}, "-"),
        ("{{ a }}", {"a": True}, "true"),
        ("{{ a }}", {"a": {"키": [1]}}, '{"키": [1]}'),
        ("{{ a }}", {"a": "{{ b }}"}, "{{ b }}"),
        ("{{ a }}", {"a": "x\x1b[2J\u202ey"}, "x[2Jy"),
        ("{ a } }", {}, "{ a } }"),
    ],
)
def test_places_are_filled_in_one_pass(text: str, variables: dict[str, Any], result: str) -> None:
    assert filled(text, **variables) == result


@pytest.mark.parametrize("variables", [{}, {"a": "x"}, {"a": {"c": 1}}, {"a": []}, {"a": [1]}])
def test_what_is_missing_is_named(variables: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"template t, version 1: missing a\.b, z") as caught:
        filled("{{ z }} {{ a.b }}", **variables)
    assert caught.value.fields["missing"] == ["a.b", "z"]


@pytest.mark.parametrize(("path", "value"), [("a.7", ["x"]), ("a.x", ["x"])])
def test_a_member_that_a_list_has_not(path: str, value: list[str]) -> None:
    with pytest.raises(Invalid):
        filled("{{ " + path + " }}", a=value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{ a", "line 1, column 1: braces without their partner"),
        ("x }}", "line 1, column 3: braces without their partner"),
        ("one\n {{ a|b }}", r"line 2, column 2: \{\{ a\|b \}\} is not a variable's name"),
        ("{{ }}", "not a variable's name"),
        ("{{ a..b }}", "not a variable's name"),
        ("{{ a.b() }}", "not a variable's name"),
        ("{{ 1a }}", "not a variable's name"),
    ],
)
def test_braces_that_hold_no_name_are_pointed_at(text: str, place: str) -> None:
    with pytest.raises(Invalid, match=place):
        names(text)
    with pytest.raises(ValueError, match="subject: line"):
        texts(text)


def test_a_subject_is_one_line_and_never_empty() -> None:
    said = say("t", 3, texts("{{ a }}", "b", "{{ a }}"), "ko", {"a": "x\r\nBcc: y"})
    assert said == Said("x Bcc: y", "b", "x Bcc: y", "t", 3)
    with pytest.raises(Invalid, match="subject becomes empty"):
        say("t", 1, texts("{{ a }}"), "ko", {"a": " \n"})


def test_what_becomes_too_long_is_refused_not_cut() -> None:
    with pytest.raises(Invalid, match=r"body becomes 50,001 characters long; at most 50,000"):
        filled("{{ a }}", a="x" * (MAX_BODY + 1))
    with pytest.raises(Invalid, match="subject becomes"):
        say("t", 1, texts("{{ a }}"), "ko", {"a": "x" * 501})


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(Invalid, match="no words in en"):
        say("t", 1, texts("s"), "en", {})
    both = Texts.model_validate({"ko": {"subject": "{{ b }}"}, "en": {"subject": "{{ a.x }}"}})
    assert both.variables() == ["a.x", "b"]
    assert say("t", 1, both, "en", {"a": {"x": "y"}}).subject == "y"
    with pytest.raises(ValueError, match="ko, en or both"):
        Texts.model_validate({})


def test_the_history_asks_of_one_delivery() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    assert Wanted().where() == ("true", [])
    condition, values = Wanted(state="dead", channel="c", severity="P1", since=moment).where()
    assert condition == (
        "m.content ->> 'severity' = $1 AND m.created_at >= $2 AND EXISTS (SELECT 1 FROM notification.delivery d "
        "WHERE d.message_id = m.id AND d.state = $3 AND d.channel = $4)"
    )
    assert values == ["P1", moment, "dead", "c"]
