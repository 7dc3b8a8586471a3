"""The checker of the pager's proof: a run that holds everything, and one broken promise at a time."""

from dataclasses import replace

import pytest
from bench.pager_proof.checker import SETTLE_S, TRIES, check, waiting
from bench.pager_proof.record import Accepted, Acked, Arrival, Key, Record, Window
from bench.pager_proof.schedule import FAMILIES, plan
from bench.pager_proof.world import BOUND_S, MATRIX, SINKS, TRY_S

INCIDENT = "INC-2026-0001"


def arrival(minute: int, kind: str, person: str, sink: str, at: float, *, told_as: str = "") -> Arrival:
    key = Key(INCIDENT, f"{minute}:{kind}:{person}", told_as or kind, person, 0)
    return Arrival(at, sink, key, labelled=False, verdict="taken")


def good() -> Record:
    """Give a run in which everything came 10 ms after it was due."""
    return Record(
        accepted=[Accepted("service", INCIDENT, 0.0, 0.01)],
        arrivals=[
            arrival(owed.minute, owed.kind, owed.person, sink, owed.after_s + 0.02) for owed in MATRIX for sink in SINKS
        ],
        up=[Window(0.0, 10.0)],
        ended_at=10.0,
    )


def promises(record: Record) -> set[str]:
    return {violation.promise for violation in check(record)[0]}


def test_a_good_run_holds_and_is_measured() -> None:
    violations, figures = check(good())
    assert violations == []
    assert len(figures.late_s) == len(MATRIX) * len(SINKS)
    assert max(figures.late_s) == pytest.approx(0.01)
    assert not waiting(good(), 3.0)
    assert waiting(good(), 1.0)


def test_a_row_that_never_came_is_lost() -> None:
    record = good()
    record.arrivals.pop()
    assert promises(record) == {"nothing accepted is lost"}
    assert waiting(record, 3.0)


def test_a_message_that_its_receiver_did_not_keep_never_came() -> None:
    record = good()
    record.arrivals[-1] = replace(record.arrivals[-1], verdict="lost")
    assert promises(record) == {"nothing accepted is lost"}


def test_late_is_late_only_while_an_engine_was_up_and_nothing_stood_in_the_way() -> None:
    record = good()
    late = record.arrivals[0].at + BOUND_S + 0.1
    record.arrivals[0] = replace(record.arrivals[0], at=late)
    assert promises(record) == {"no page is late beyond the bound"}
    for excuse in (
        {"up": [Window(0.0, 0.5), Window(1.0, 10.0)]},
        {"troubles": [Window(0.0, 0.5, "mail", "mute")]},
        {"starved": [(0.0, 0.0), (late, 1.0)]},
    ):
        excused = good()
        excused.arrivals[0] = record.arrivals[0]
        for name, value in excuse.items():
            setattr(excused, name, value)
        assert promises(excused) == set(), excuse


def test_trouble_of_one_receiver_excuses_no_other() -> None:
    record = good()
    record.arrivals[0] = replace(record.arrivals[0], at=BOUND_S + SETTLE_S)
    record.troubles = [Window(0.0, 1.0, "http", "mute")]
    assert record.arrivals[0].sink == "mail"
    assert promises(record) == {"no page is late beyond the bound"}


def test_no_row_comes_before_its_time() -> None:
    record = good()
    record.arrivals[-1] = replace(record.arrivals[-1], at=0.5)
    assert promises(record) == {"no row before its time"}


def test_where_nobody_was_reached_the_next_row_comes_forward() -> None:
    record = good()
    record.arrivals[-1] = replace(record.arrivals[-1], at=0.5)
    record.arrivals.append(replace(record.arrivals[0], at=0.01, verdict="refused"))
    assert promises(record) == set()


def test_of_several_tellings_all_but_one_say_so() -> None:
    record = good()
    record.takeovers = 1
    record.arrivals.append(replace(record.arrivals[0], at=0.4, labelled=True))
    assert promises(record) == set()
    record.arrivals[-1] = replace(record.arrivals[-1], labelled=False)
    assert promises(record) == {"a repeat says so"}


def test_repeats_are_bounded_by_what_went_wrong() -> None:
    record = good()
    record.arrivals.append(replace(record.arrivals[0], at=0.4, labelled=True))
    assert promises(record) == {"repeats are bounded"}
    assert check(record)[1].repeats == 1
    record.arrivals[0] = replace(record.arrivals[0], verdict="kept")
    assert promises(record) == set()


def acknowledged() -> Record:
    """Give a run that was acknowledged at 0.3 s, whose later rows came as information."""
    record = good()
    record.acked = [Acked(INCIDENT, 0.29, 0.3)]
    record.arrivals = [
        replace(one, key=replace(one.key, kind="information")) if one.key.minute and one.key.kind == "page" else one
        for one in record.arrivals
    ]
    return record


def test_acknowledged_means_that_later_rows_only_inform() -> None:
    assert promises(acknowledged()) == set()
    record = good()
    record.acked = [Acked(INCIDENT, 0.29, 0.3)]
    assert "rows after an acknowledgement inform" in promises(record)


def test_a_row_that_was_brought_forward_before_the_acknowledgement_may_end_with_it() -> None:
    record = acknowledged()
    record.arrivals = [one for one in record.arrivals if one.key.minute != 60]
    assert promises(record) == {"nothing accepted is lost"}
    assert waiting(record, 5.0)
    first = [one for one in record.arrivals if one.key.minute == 0 and one.key.kind == "page"]
    refused = [replace(one, verdict="refused") for one in first]
    told = [replace(one, at=0.4, labelled=True) for one in first]
    others = [one for one in record.arrivals if one not in first]
    record.arrivals = [*others, *refused, *told]
    assert promises(record) == set(), "nobody of the first row was reached by then, so that the next one was due"
    assert not waiting(record, 5.0)
    record.arrivals = [*others, *refused[1:], *told[1:], first[0]]
    assert promises(record) == {"nothing accepted is lost"}, "one of them was reached"


def test_a_report_that_a_machine_without_a_processor_could_not_tell_is_given_up_and_a_page_is_not() -> None:
    for kind, held in (("report", True), ("page", False)):
        record = good()
        lost = next(one for one in record.arrivals if one.key.kind == kind)
        record.arrivals.remove(lost)
        record.starved = [(0.0, 0.0), (9.0, TRIES * TRY_S + 1.0)]
        assert (promises(record) == set()) is held, kind
        assert waiting(record, 5.0)


def test_a_second_engine_may_have_claimed_a_row_before_it_hears_of_the_acknowledgement() -> None:
    record = acknowledged()
    moved = [one for one in record.arrivals if one.key.minute == 15]
    record.arrivals = [one for one in record.arrivals if one not in moved]
    record.arrivals += [replace(one, key=replace(one.key, kind="page")) for one in moved]
    assert promises(record) == {"rows after an acknowledgement inform"}
    record.up.append(Window(0.1, 10.0))
    assert promises(record) == set()


def test_acknowledged_means_silent_but_for_what_had_passed_its_last_check() -> None:
    record = acknowledged()
    late = arrival(0, "page", "devops-lead", "mail", 0.31)
    record.arrivals.append(replace(late, labelled=True, key=replace(late.key, repeat=1)))
    assert promises(record) == set()
    assert check(record)[1].after_ack == 1
    record.arrivals[-1] = replace(record.arrivals[-1], at=6.0)
    assert promises(record) == {"acknowledged means silent"}
    record.frozen = [Window(0.2, 5.9)]
    assert promises(record) == set()


def test_one_alert_is_one_incident_and_what_the_run_could_not_do_is_told() -> None:
    record = good()
    record.accepted.append(Accepted("service", "INC-2026-0002", 0.0, 0.01))
    record.faults = ["the harness: OSError"]
    assert {"one incident for one alert", "the run itself"} <= promises(record)


def test_a_seed_is_one_schedule_for_ever() -> None:
    assert plan(17) == plan(17)
    assert plan(17) != plan(18)
    assert {plan(seed).family for seed in range(len(FAMILIES))} == set(FAMILIES)
    twin = plan(3, "twin")
    assert twin.family == "twin"
    assert twin.twin is not None
