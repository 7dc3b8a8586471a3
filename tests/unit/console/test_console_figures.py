"""Charts, durations and availability of the pages: values in, values out."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.tale import START, Tale, opened, signal

from judgify.console.chart import HEIGHT, WIDTH, Chart
from judgify.console.figure import POINTS, charts, uptimes
from judgify.console.look import figure, hour, kst, took
from judgify.console.public import _own
from judgify.response import timeline as t
from judgify.response.documents.stretch import Outage, outages
from judgify.response.incident import Incident
from judgify.response.metrics.source import ENTRANCE, ScrapedMetrics
from judgify.response.metrics.text import Figures
from judgify.response.metrics.window import Scrape

BEGIN = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
STEP = timedelta(minutes=1)


def chart(*values: float | None) -> Chart:
    return Chart("x", "%", BEGIN, STEP, values)


def test_a_gap_breaks_the_line_and_a_lone_value_is_a_dash() -> None:
    drawn = chart(0, 5, None, 10)
    assert len(drawn.lines) == 2
    assert [len(points.split()) for points in drawn.lines] == [2, 2]
    assert (drawn.lowest, drawn.highest, drawn.last) == (0, 10, 10)
    for point in " ".join(drawn.lines).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_nothing_measured_draws_nothing() -> None:
    assert chart(None, None).lines == []
    assert chart(None).highest is None
    assert chart(None).lowest is None
    assert chart(None).last is None
    assert chart(0.0, 0.0).lines != []


def test_moments_outside_are_kept_at_the_edge() -> None:
    drawn = chart(1, 2)
    assert drawn.x(BEGIN - STEP) == 0
    assert drawn.x(BEGIN + STEP) == WIDTH / 2
    assert drawn.x(BEGIN + STEP * 9) == WIDTH


@pytest.mark.parametrize(
    ("seconds", "ko", "en"),
    [
        (None, "–", "–"),
        (0.4, "0초", "0 s"),
        (72, "1분 12초", "1 min 12 s"),
        (-5, "-5초", "-5 s"),
        (timedelta(hours=26), "1일 2시간", "1 d 2 h"),
    ],
)
def test_durations(seconds: float | timedelta | None, ko: str, en: str) -> None:
    assert (took(seconds, "ko"), took(seconds, "en")) == (ko, en)


def test_times_name_their_zone_and_figures_their_unit() -> None:
    assert kst(BEGIN) == "2026-11-22 14:00:00 KST"
    assert kst("2026-11-22T05:00:00Z") == "2026-11-22 14:00:00 KST"
    assert (kst(None), hour(None), figure(None)) == ("–", "–", "–")
    assert hour("2026-11-22T05:00:00Z") == "14:00:00"
    assert figure(1234.5, "ms") == "1,234.5 ms"


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb"])
def test_signing_in_never_leads_to_another_site(address: str) -> None:
    assert _own(address) == "/"
    assert _own("/incidents/INC-2026-0001") == "/incidents/INC-2026-0001"


def lasted(tale: Tale) -> tuple[Incident, list[Outage]]:
    return tale.incident, outages(tale.incident, tale.entries)


def test_availability_counts_confirmed_outages_since_there_is_a_record() -> None:
    tale = Tale().add(0, opened())
    tale.add(36, t.RecoveryObserved(restored_at=START + timedelta(seconds=34.8), held_s=1, services=("judgment",)))
    reported = Tale().add(0, opened(signal("gateway", own=False, source="person")))
    now = START + timedelta(seconds=358.8)
    since = START - timedelta(seconds=1.2)
    found = uptimes(["judgment", "gateway"], [lasted(tale), lasted(reported)], since, now)
    assert [(row.service, row.outages) for row in found] == [("judgment", 1), ("gateway", 0)]
    assert found[0].percent == pytest.approx(90.0)
    assert found[1].percent == 100.0
    assert uptimes(["judgment"], [], None, now)[0].percent is None
    ongoing = lasted(Tale().add(0, opened()))
    assert uptimes(["judgment"], [ongoing], since, now)[0].percent == pytest.approx(0.0)
    merged = lasted(Tale().add(0, opened()).add(1, t.IncidentMerged(into="INC-2026-0001", reason="same root")))
    assert uptimes(["judgment"], [merged], since, now)[0].outages == 0
    later = now + timedelta(days=120)
    assert uptimes(["judgment"], [lasted(tale)], since, later)[0].outages == 0


def test_what_was_good_between_two_outages_is_not_counted_as_down() -> None:
    tale = Tale().add(0, opened())
    tale.add(19, t.RecoveryObserved(restored_at=START + timedelta(seconds=18.8), held_s=1, services=()))
    again = signal(observed_at=START + timedelta(seconds=200))
    tale.add(201, t.IncidentReopened(reason="again", signal=again))
    tale.add(230, t.RecoveryObserved(restored_at=START + timedelta(seconds=220), held_s=1, services=()))
    now = START + timedelta(seconds=398.8)
    found = uptimes(["judgment"], [lasted(tale)], START - timedelta(seconds=1.2), now)
    assert found[0].percent == pytest.approx(90.0)
    assert found[0].outages == 2


@pytest.mark.guide("G18")
def test_charts_show_requests_errors_and_p95_around_the_incident() -> None:
    metrics = ScrapedMetrics({}, clock=None)  # type: ignore[arg-type]  # only the window is read here
    for index in range(240):
        at = START + timedelta(seconds=5 * (index - 180))
        counters = {"requests": 100.0 * index, "errors": 5.0 * index}
        figures = Figures(counters=counters, gauges={}, buckets=((0.1, 50.0 * index), (float("inf"), 100.0 * index)))
        metrics.scrapes.add(ENTRANCE, Scrape(at, figures))
    incident = Tale().add(0, opened()).incident
    now = START + timedelta(minutes=5)
    drawn = charts(metrics, incident, now, "ko")
    assert [each.title for each in drawn] == ["HTTP 요청 (QPS)", "HTTP 에러율", "API 응답 시간 (p95)"]
    assert all(len(each.values) == POINTS for each in drawn)
    assert drawn[0].highest == pytest.approx(20, rel=0.5)
    assert drawn[1].last == pytest.approx(5.0)
    assert drawn[2].last is not None
    assert charts(metrics, incident, now, "en")[0].title == "HTTP requests (QPS)"
    assert charts(None, incident, now, "ko") == []
