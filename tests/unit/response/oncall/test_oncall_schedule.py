"""Layers, overrides, spans and gaps: at most one person at any instant, and no instant left out."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.response.oncall.rotation import Rotation, Unit
from judgify.response.oncall.schedule import Layer, OnCall, Override, Schedule, overlapping
from judgify.response.oncall.window import Restriction, Window

SEOUL = ZoneInfo("Asia/Seoul")
LONDON = ZoneInfo("Europe/London")
OFFICE = Restriction(SEOUL, (Window(frozenset(range(5)), time(9), time(18)),))


def wall(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(date(year, month, day), time(hour, minute))


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=SEOUL)


def layer(*persons: str, name: str = "base", zone: ZoneInfo = SEOUL, **more: object) -> Layer:
    return Layer(name, Rotation(zone, wall(2026, 3, 2, 9), 1, "weeks"), persons, **more)  # type: ignore[arg-type]


def quick(person: str, start: datetime, end: datetime, made: int = 1) -> Override:
    return Override(f"{person}-{made}", person, start, end, made_at=at(1, made))


def test_the_last_layer_that_has_somebody_counts() -> None:
    schedule = Schedule("s", (layer("night"), layer("day", name="office", only=OFFICE)))
    assert schedule.on_call(at(3, 8, 59)) == OnCall("night", "base")
    assert schedule.on_call(at(3, 9)) == OnCall("day", "office")
    assert schedule.on_call(at(3, 18)) == OnCall("night", "base")
    assert schedule.on_call(at(2, 8)) == OnCall(None)


def test_a_layer_may_serve_some_severities_only_and_may_end() -> None:
    schedule = Schedule("s", (layer("p", until=wall(2026, 3, 9, 9), severities=frozenset({"P0"})),))
    assert schedule.on_call(at(9, 8, 59), "P0").person == "p"
    assert schedule.on_call(at(9, 8, 59)).person == "p"
    assert schedule.on_call(at(9, 8, 59), "P2").person is None
    assert schedule.on_call(at(9, 9), "P0").person is None
    gaps = schedule.gaps(at(2), at(10))
    assert [(gap.start, gap.end) for gap in gaps] == [(at(2), at(2, 9)), (at(9, 9), at(10))]


def test_hand_overs_follow_the_order_of_persons() -> None:
    schedule = Schedule("s", (layer("a", "b", "c"),))
    spans = schedule.spans(at(2, 9), at(30, 9))
    assert [span.on_call.person for span in spans] == ["a", "b", "c", "a"]
    assert [span.start for span in spans] == [at(2, 9), at(9, 9), at(16, 9), at(23, 9)]


def test_no_time_has_no_spans() -> None:
    assert Schedule("s", (layer("a"),)).spans(at(2), at(2)) == []


def test_overrides_have_an_order() -> None:
    guide = Override("g", "guide", at(3), at(5))
    later = Override("h", "later", at(4), at(5))
    first, last = quick("first", at(3), at(6), 1), quick("last", at(4), at(4, 12), 2)
    schedule = Schedule("s", (layer("a"),), (guide, later, first, last))
    assert schedule.on_call(at(3)) == OnCall("first", "first-1", overridden=True)
    assert schedule.on_call(at(4)).person == "last"
    assert schedule.on_call(at(4, 12)).person == "first"  # the one before takes over again for what is left
    assert schedule.on_call(at(6)).person == "a"
    alone = Schedule("s", (layer("a"),), (guide, later))
    assert [alone.on_call(at(day)).person for day in (3, 4, 5)] == ["guide", "later", "a"]
    assert overlapping([last, first, quick("x", at(6), at(7))]) == [(first, last)]


def test_the_next_edge_is_the_next_instant_that_may_change_something() -> None:
    schedule = Schedule("s", (layer("a", "b"),), (quick("x", at(4), at(5)),))
    assert schedule.next_edge(at(3)) == at(4)
    assert schedule.next_edge(at(4)) == at(5)
    assert schedule.next_edge(at(5)) == at(9, 9)
    assert Schedule("s", (), ()).next_edge(at(1)) is None
    windowed = Schedule("s", (layer("a", only=OFFICE),))
    assert windowed.next_edge(at(6, 18)) == at(9, 9)


LENGTHS: list[tuple[Unit, int]] = [("hours", 5), ("hours", 12), ("days", 1), ("weeks", 1)]
PEOPLE = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple)
HOURS = st.integers(0, 24 * 40).map(lambda hours: datetime(2026, 3, 15, tzinfo=UTC) + timedelta(hours=hours))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    def one(index: int) -> Layer:
        unit, every = draw(st.sampled_from(LENGTHS))
        zone = draw(st.sampled_from([SEOUL, LONDON]))
        rotation = Rotation(zone, wall(2026, 3, 10, draw(st.integers(0, 23)), 30), every, unit)
        only = draw(
            st.sampled_from([None, OFFICE, Restriction(LONDON, (Window(frozenset({5, 6}), time(1, 30), time(1)),))])
        )
        return Layer(f"l{index}", rotation, draw(PEOPLE), draw(st.sampled_from([None, wall(2026, 4, 1)])), only)

    overrides = [
        Override(
            f"o{index}",
            draw(st.sampled_from("xyz")),
            start,
            start + timedelta(hours=draw(st.integers(1, 99))),
            draw(st.sampled_from([None, at(1), at(2)])),
        )
        for index, start in enumerate(draw(st.lists(HOURS, max_size=3)))
    ]
    return Schedule("s", tuple(one(index) for index in range(draw(st.integers(0, 3)))), tuple(overrides))


@settings(max_examples=60, deadline=None)
@given(schedules(), HOURS, st.integers(1, 24 * 20), st.lists(st.integers(0, 10**6), max_size=8))
def test_spans_cover_every_instant_once_and_agree_with_who_is_on_call(
    schedule: Schedule, first: datetime, hours: int, probes: list[int]
) -> None:
    until = first + timedelta(hours=hours)
    spans = schedule.spans(first, until)
    assert spans[0].start == first
    assert spans[-1].end == until
    assert all(one.end == other.start and one.on_call != other.on_call for one, other in pairwise(spans))
    assert sum((span.end - span.start for span in spans), timedelta()) == until - first
    for probe in probes:
        moment = first + timedelta(seconds=probe % (hours * 3600))
        holding = [span for span in spans if span.start <= moment < span.end]
        assert [span.on_call for span in holding] == [schedule.on_call(moment)]
        edge = schedule.next_edge(moment)
        assert edge is None or edge > moment
        change = next((span.start for span in spans if span.start > moment), None)
        assert change is None or (edge is not None and edge <= change)
