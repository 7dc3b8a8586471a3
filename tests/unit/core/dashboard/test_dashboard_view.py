"""Figures become words, rows and charts; times become moments; documents become names that requests can use."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from judgify.core.action.summary import buckets as action_buckets
from judgify.core.dashboard import chart, say
from judgify.core.dashboard.grammar.ask import GROUPS, KINDS
from judgify.core.dashboard.grammar.spec import PanelSpec, Period
from judgify.core.dashboard.source import Figures, Measured, Pattern, Row, known_workflow
from judgify.core.dashboard.view import broken, change_text, number_text, view
from judgify.core.dashboard.words import PAGE_WORDS
from judgify.core.judgment.summary import Asked, buckets, check, fold, sql
from judgify.kit.clock import SEOUL
from judgify.kit.errors import Invalid

NOW = datetime(2026, 11, 18, 3, 30, tzinfo=UTC)  # a Wednesday, 12:30 in Seoul
DAY = Period(form="last", unit="hour", number=24)


def spec(**more: Any) -> PanelSpec:
    return PanelSpec.model_validate({"kind": "kpi", "source": "judgment", "period": DAY, **more})


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period(form="last", unit="hour", number=2), "2026-11-18T10:30", "2026-11-18T12:30"),
        (Period(form="last", unit="day", number=1, back=1), "2026-11-16T12:30", "2026-11-17T12:30"),
        (Period(form="calendar", unit="day", number=0), "2026-11-18T00:00", "2026-11-18T12:30"),
        (Period(form="calendar", unit="day", number=-1), "2026-11-17T00:00", "2026-11-18T00:00"),
        (Period(form="calendar", unit="hour", number=0), "2026-11-18T12:00", "2026-11-18T12:30"),
        (Period(form="calendar", unit="week", number=-1), "2026-11-09T00:00", "2026-11-16T00:00"),
        (Period(form="calendar", unit="month", number=-11), "2025-12-01T00:00", "2026-01-01T00:00"),
        (Period(form="dates", first="2026-11-01", last="2026-11-02"), "2026-11-01T00:00", "2026-11-03T00:00"),
        (Period(form="dates", first="2026-11-01"), "2026-11-01T00:00", "2026-11-18T12:30"),
        (Period(form="dates", first="2027-01-01"), "2027-01-01T00:00", "2027-01-01T00:01"),
    ],
)
def test_times_mean_what_they_say_in_seoul(period: Period, start: str, end: str) -> None:
    assert period.resolve(NOW) == (local(start), local(end))
    for lang in ("ko", "en"):
        assert say.period_text(period, lang)


def figures(*rows: tuple[Any, ...], cut: int = 0) -> Measured:
    given = [Row(bucket=bucket, keys=keys, value=value, number=math.ceil(value or 0)) for bucket, keys, value in rows]
    return Measured(Figures(rows=given, total=sum(row.number for row in given), cut=cut))


def test_a_panel_of_groups_over_time_has_rows_and_a_chart_in_the_zones_hours() -> None:
    wanted = spec(kind="line", by=["verdict"], interval="1h")
    shown = view(1, wanted, figures((NOW, ["matched"], 3.0), (NOW, [None], None), cut=2), "ko")
    assert shown.heads == ("시각", "판정", "건수")
    assert shown.rows == (("11-18 12:30", "해당", "3"), ("11-18 12:30", "(없음)", "–"))
    assert shown.chart is not None
    assert shown.chart["data"]["values"][0] == {"value": 3.0, "time": "2026-11-18T12:30:00Z", "group": "해당"}
    assert "2" in shown.notes[0]
    assert shown.data()["status"] == "ok"
    for kind in ("bar", "table"):
        again = view(1, wanted.model_copy(update={"kind": kind, "interval": "1d"}), figures((NOW, ["x"], 1.0)), "en")
        assert again.rows[0][0] == "2026-11-18"
        assert (again.chart is None) == (kind == "table")


def test_nothing_is_said_to_be_nothing() -> None:
    assert view(1, spec(kind="line", interval="1h"), figures((None, [], 1.0)), "ko").rows == (("–", "1"),)
    empty = figures((None, [], 0.0))
    assert view(1, spec(), empty, "ko").text == "0"
    assert view(1, spec(), empty, "ko").notes == ("이 기간에는 데이터가 없습니다.",)
    assert view(1, spec(kind="gauge", measure="success_rate"), empty, "en").text == "There is no data in this time."
    assert view(1, spec(source="pattern", kind="table", levels=["ERROR"]), Measured(), "en").status == "empty"
    assert view(1, spec(), Measured(), "en").status == "empty"
    assert broken(2, spec(), "why", "en").data()["text"] == "why"


def test_comparisons_say_what_changed() -> None:
    base = figures((None, [], 8.0)).figures
    now = figures((None, [], 10.0)).figures
    week = Period(form="calendar", unit="week", number=-1)
    for kind in ("kpi", "bar"):
        shown = view(1, spec(kind=kind, base=week), Measured(now, base), "ko")
        assert (shown.text, shown.change) == ("10", "▲ 25.0 % (8 → 10)")
        assert shown.rows[0] == ("지난주", "8")
    assert "against" in view(1, spec(base=week), Measured(now, base), "en").when
    assert change_text(0.5, 0.75, "ratio") == "▼ 25.0 %p (75.0 % → 50.0 %)"
    assert change_text(5, 0, "count") == "(0 → 5)"
    assert change_text(None, 3, "ms") == "(3.00 ms → –)"
    assert change_text(3, 3, "count").startswith("=")


def test_every_kind_of_chart_is_harmless_and_a_picture_has_its_title() -> None:
    two = spec(kind="bar", by=["workflow", "verdict"])
    shown = [
        view(1, two, figures((None, ["a", "matched"], 1.0)), "en"),
        view(1, spec(kind="pie", by=["method"]), figures((None, ["rule"], 1.0), (None, ["odd"], 1.0)), "ko"),
        view(1, spec(kind="gauge", measure="match_rate"), figures((None, [], 0.97)), "ko"),
        view(1, spec(kind="gauge", measure="match_rate"), figures((None, [], 0.3)), "ko"),
        view(
            1, spec(kind="bar", by=["state"], source="action"), figures((None, ["dead"], 2.0), (None, ["x"], 1.0)), "ko"
        ),
        view(1, spec(kind="bar", by=["input"], field="line", measure="p95"), figures((None, ["L"], 2.5)), "en"),
        view(1, spec(kind="line", interval="1h", measure="avg", of="온도"), figures((NOW, [], 12.34)), "ko"),
    ]
    for one in shown:
        assert one.chart is not None
        chart.harmless({key: value for key, value in one.chart.items() if key != "$schema"})
        for dark in (True, False):
            picture = chart.picture(one.chart, one.title, one.when, dark=dark)
            assert picture["title"]["text"] == one.title
            assert picture["width"] != "container"
    patterns = Measured(patterns=(Pattern(pattern="x {n}", count=2, last_seen=NOW), Pattern(pattern="y", count=1)))
    told = view(1, spec(source="pattern", kind="bar", levels=["ERROR"]), patterns, "ko")
    assert told.rows[1][-1] == "–"
    assert told.chart is not None


@pytest.mark.parametrize(
    "bad", [{"data": {"url": "x"}}, {"layer": [{"mark": {"type": "image"}}]}, {"mark": "image"}, {"a": [{"href": "x"}]}]
)
def test_a_chart_that_could_load_something_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        chart.harmless(bad)


def test_a_chart_without_end_is_refused() -> None:
    nested: Any = {}
    for _ in range(40):
        nested = {"a": [nested]}
    with pytest.raises(Invalid, match="deeply"):
        chart.harmless(nested)


def test_numbers_are_written_for_people() -> None:
    written = [number_text(value, unit) for value, unit in ((1234, "count"), (0.975, "ratio"), (12.34, "ms"))]
    assert written == ["1,234", "97.5 %", "12.3 ms"]
    assert number_text(1.234, "value") == "1.23"
    assert number_text(None, "count") == "–"


def test_all_is_said_in_both_languages() -> None:
    assert PAGE_WORDS["ko"].keys() == PAGE_WORDS["en"].keys()
    wanted = spec(
        kind="table", by=["result"], verdicts=["matched"], results=["NG"], method="llm", workflow="w", period=DAY
    )
    for kind in KINDS:
        for lang in ("ko", "en"):
            assert say.sentence(wanted.model_copy(update={"kind": kind}), lang)
    logs = spec(
        source="log", service="gateway", levels=["WARNING"], base=Period(form="last", unit="day", number=1, back=1)
    )
    assert say.sentence(logs, "ko").startswith("그 전 1일 대비 지난 24시간, gateway 서비스 경고 로그 수")
    assert say.sentence(logs, "en").startswith(
        "last 24 hours compared with the 1 day before, Gateway warning log lines"
    )
    assert say.understood((wanted,), ("period", "interval"), "en").endswith("The interval follows from the time.")
    odd = Period(form="calendar", unit="month", number=-4)
    assert (say.period_text(odd, "ko"), say.period_text(odd, "en")) == ("4개월 전", "4 months ago")
    assert say.title(spec(states=["dead"], source="action", by=["input"], field="라인"), "ko") == "라인별 실패 액션 수"
    assert say.key_text("method", "llm", "en") == "model"
    assert set(GROUPS) >= {"workflow", "none"}


def test_a_workflows_document_gives_its_names() -> None:
    document = {
        "name": "w",
        "label": "이름",
        "input_schema": {"properties": {"a": {"type": ["number", "null"]}, "b": {"type": "string"}, "c": True}},
        "files": {"columns": [{"name": "a", "aliases": ["에이"]}, {"name": "x", "aliases": ["y"]}]},
        "tables": [
            {"name": "other", "inputs": [{"name": "b", "label": "비"}]},
            {"name": "t", "outputs": [{"name": "r", "values": ["OK", 1]}], "rules": [{"then": {"r": "NG"}}, {}]},
        ],
        "result": {"table": "t", "output": "r"},
    }
    known = known_workflow(document)
    assert known.fields == {"a": ("에이",), "b": ("비",), "c": ()}
    assert (known.numbers, known.results) == (frozenset({"a"}), ("OK", "NG"))
    assert known_workflow({"name": "empty"}).results == ()


def asked(**more: Any) -> Asked:
    given: dict[str, Any] = {"measure": "count", "start": local("2026-11-18T09:30"), "end": local("2026-11-18T12:00")}
    return Asked(**(given | more))


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"start": local("2026-11-19T00:00")}, "from"),
        ({"start": local("2020-11-19T00:00")}, "from"),
        ({"start": local("2026-10-19T00:00"), "interval": "1m"}, "interval"),
        ({"by": ("verdict", "verdict")}, "by"),
        ({"by": ("input",)}, "field"),
        ({"of": "x"}, "of"),
        ({"measure": "success_rate", "of": "x"}, "of"),
    ],
)
def test_questions_without_sense_are_refused_by_name(more: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=f"^{named}:"):
        check(asked(**more))


def test_what_comes_from_outside_is_a_parameter_of_the_statement() -> None:
    evil = "'; DROP TABLE x; --"
    for more in (
        {"by": ("input", "verdict"), "field": evil, "workflow": evil, "results": (evil,), "verdicts": ("matched",)},
        {"measure": "p95", "of": evil, "interval": "1h", "method": "rule"},
        {"measure": "max"},
        {"measure": "match_rate"},
    ):
        text, given = sql(asked(**more))
        assert evil not in text
        assert text.count("$") >= len(given)
    assert [asked(measure=measure).unit for measure in ("count", "match_rate", "p50")] == ["count", "ratio", "ms"]
    assert asked(measure="avg", of="x").unit == "value"


def test_empty_buckets_are_there_and_the_smallest_groups_are_cut_and_counted() -> None:
    question = asked(by=("verdict",), interval="1h", limit=1)
    check(question)
    assert [moment.hour for moment in buckets(question)] == [9, 10, 11]
    assert list(buckets(asked())) == []
    rows = [
        {"bucket": local("2026-11-18T10:00"), "first": "matched", "second": None, "value": 5.0, "number": 5},
        {"bucket": local("2026-11-18T10:00"), "first": "not_matched", "second": None, "value": 1.0, "number": 1},
    ]
    told = fold(question, rows)
    assert [row["value"] for row in told["rows"]] == [0.0, 5.0, 0.0]
    assert (told["total"], told["cut"]) == (6, 1)
    assert fold(asked(), [])["rows"] == [{"bucket": None, "keys": [], "value": 0.0, "number": 0}]
    assert fold(asked(measure="p95"), [])["rows"][0]["value"] is None
    assert fold(asked(by=("verdict",)), [])["rows"] == []


def test_weeks_begin_on_monday_and_actions_have_the_same_buckets() -> None:
    question = asked(start=local("2026-11-01T00:00"), interval="1w")
    mondays = list(buckets(question))
    assert [moment.day for moment in mondays] == [26, 2, 9, 16]
    assert action_buckets(question.start, question.end, "1w") == mondays
    assert action_buckets(question.start, question.end, None) == [None]
    with pytest.raises(Invalid, match="from"):
        action_buckets(question.end, question.start, None)
    with pytest.raises(Invalid, match="interval"):
        action_buckets(question.start, question.end, "1m")
