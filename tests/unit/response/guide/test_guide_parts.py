"""Small parts of the guide package: conditions, look-ups, texts, YAML bounds."""

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.support.guides import shipped

from judgify.kit.errors import NotFound
from judgify.response.guide import yaml_parser
from judgify.response.guide.base import unfilled
from judgify.response.guide.condition import applies
from judgify.response.guide.record import did_you_mean
from judgify.response.guide.unreadable import Unreadable
from judgify.response.guide.yaml_file import read_yaml

GUIDE = shipped()
DOWN = {"unit_state": '"exited", "stopped"'}
HUNG = {"unit_state": '"running"', "live": "false"}


@pytest.mark.parametrize(
    ("when", "findings", "verdict"),
    [
        ([], {"unit_state": "exited"}, "no"),
        ([DOWN], {"unit_state": "exited"}, "yes"),
        ([DOWN], {"unit_state": "running"}, "no"),
        ([HUNG], {"unit_state": "running", "live": False}, "yes"),
        ([HUNG], {"unit_state": "running"}, "unknown"),
        ([HUNG], {"unit_state": "exited"}, "no"),
        ([HUNG], {"unit_state": "running", "live": "no"}, "unknown"),
        ([HUNG, DOWN], {"unit_state": "stopped"}, "yes"),
        ([{"live": "false"}, DOWN], {"unit_state": "exited"}, "yes"),
        ([{"live": "false"}, DOWN], {"unit_state": "running"}, "unknown"),
    ],
)
def test_a_condition_has_three_answers(when: list[dict[str, str]], findings: dict[str, Any], verdict: str) -> None:
    found = applies(when, findings)
    assert found.verdict == verdict
    assert found.reason


def test_a_healthy_unit_is_never_restarted_for_a_dependency() -> None:
    restart = next(step for step in GUIDE.runbooks["judgment"].recover if step.id == "restart")
    assert applies(restart.when, {"unit_state": "running", "live": True, "database_reachable": False}).verdict == "no"


@pytest.mark.parametrize("gap", ["exits_in_10min", "disk_free_ratio", "corruption_message"])
def test_the_database_is_not_started_while_something_about_it_is_not_known(gap: str) -> None:
    start = GUIDE.runbooks["database"].recover[0]
    good = {"unit_state": "exited", "exits_in_10min": 1, "disk_free_ratio": 0.5, "corruption_message": False}
    assert applies(start.when, good).verdict == "yes"
    assert applies(start.when, {name: value for name, value in good.items() if name != gap}).verdict == "unknown"
    bad = {"exits_in_10min": 2, "disk_free_ratio": 0.01, "corruption_message": True}
    assert applies(start.when, {**good, gap: bad[gap]}).verdict == "no"


def test_look_ups() -> None:
    assert GUIDE.service("gateway").port == 8000
    with pytest.raises(NotFound, match="known are gateway"):
        GUIDE.service("billing")
    assert GUIDE.service_of_unit("postgres") == "database"
    assert GUIDE.service_of_unit("response") is None
    assert GUIDE.service_of_job("redis-service") == "redis"
    assert GUIDE.service_of_job("billing") is None
    assert GUIDE.runbook_for("database").id == "database"
    assert [name for name, _ in GUIDE.persons_of("executives", "gateway")] == ["cto", "ceo"]
    assert GUIDE.needs("dashboard") == {"database", "judgment"}
    assert GUIDE.needs("billing") == frozenset()
    assert GUIDE.roots_behind("gateway", reflected=False) == frozenset()
    assert GUIDE.roots_behind("gateway", reflected=True) == {"judgment", "database", "workflow"}


def test_steps_are_found_by_id() -> None:
    book = GUIDE.runbooks["redis"]
    for name, kind in (("ping", "tcp_check"), ("restart", "restart")):
        step = book.step(name)
        assert step is not None
        assert step.operation.kind == kind
    assert book.step("pray") is None


def test_texts_and_placeholders() -> None:
    label = GUIDE.severities["P0"].definition
    assert (label.of(), label.of("en")) == (label.ko, label.en)
    assert GUIDE.contacts.persons["ops-lead"].shown == "운영팀장"
    assert [unfilled(value) for value in (None, "", "_______", "+82-10-XXXX", "2024-12-XX", "홍길동")] == [True] * 5 + [
        False
    ]


def test_a_mend_names_the_nearest_or_all() -> None:
    assert did_you_mean("team-led", ["team-lead", "cto"]) == 'did you mean "team-lead"?'
    assert did_you_mean("zzz", ["a", "b"]) == "known: a, b"
    assert did_you_mean("zzz", []) == "known: none"


def test_long_yaml_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_parser, "MAX_EVENTS", 10)
    with pytest.raises(Unreadable, match="too long"):
        read_yaml("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]")


@pytest.mark.parametrize("text", ["\x00", "a: \x07", "%YAML 9.9 x\n---\na", "? [a]\n: 1", "a: 2026-02-30"])
def test_odd_yaml_is_refused_in_words(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_yaml(text)
    assert caught.value.message
    assert caught.value.mend


def test_what_was_read_once_is_kept_by_its_text_and_read_anew_when_damaged(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = read_yaml("a: 1", kept)
    (entry,) = kept.iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    entry.write_text('{"a": 2}')
    assert read_yaml("a: 1", kept) == '{"a": 2}'  # it is the kept answer that is given
    entry.write_text('{"a"')
    assert read_yaml("a: 1", kept) == first
    assert read_yaml("a: 3", kept) == '{"a": 3}'
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert read_yaml("a: 1", blocked) == first  # nowhere to keep it is no reason not to start
    with pytest.raises(Unreadable):
        read_yaml("a: [", kept)
