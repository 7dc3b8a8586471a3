"""A claimed page goes out while it is owed and its lease holds, and not a moment longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.notify.fence import Fenced, fenced, pass_fence
from judgify.response import fold
from judgify.response import timeline as t
from judgify.response.hold import LEASE_OVER, MARGIN_S, Hold, Standing, given_back, stopped
from judgify.response.incident import Incident
from judgify.response.model import Actor, IncidentKey, Page, Signal
from judgify.response.timeline import Entry, Event

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MINSU = Actor(kind="person", name="minsu")


def page(**fields: Any) -> Page:
    values = {"incident_id": "I", "kind": "page", "person": "p", "role": "r", "channel": "c", "row": "0"}
    claim = {"state": "claimed", "token": 1, "attempt": 1, "due_at": NOW, "created_at": NOW}
    return Page.model_validate({"id": "pg_1", **values, **claim, **fields})


def incident(*events: Event, at: datetime = NOW) -> Incident:
    signal = Signal(id="s", service="s", signal="down", source="probe", observed_at=NOW, received_at=NOW)
    opened = t.IncidentOpened(
        id="I",
        key=IncidentKey(root="s", failure_class="service"),
        title="t",
        severity="P1",
        rule="r",
        reason="r",
        signal=signal,
        started_at=NOW,
    )
    entries = [
        Entry(number=seq, incident_id="I", seq=seq, at=NOW if seq == 1 else at, actor=MINSU, event=event)
        for seq, event in enumerate([opened, *events], 1)
    ]
    return fold.fold(entries)


def test_a_page_goes_out_within_its_lease_and_then_can_be_held_back_no_more() -> None:
    hold = Hold(page(), incident(), began=100.0)
    assert hold.look(100.0 + 20 - MARGIN_S - 0.01) is None
    hold.learn(incident(t.IncidentAcknowledged()))
    assert hold.stopped is None


def test_a_lease_that_is_over_or_nearly_so_holds_it_back() -> None:
    hold = Hold(page(), incident(), began=100.0)
    assert hold.look(100.0 + 20 - MARGIN_S) == LEASE_OVER
    assert not hold.sent


def test_what_an_incident_has_become_holds_it_back() -> None:
    hold = Hold(page(), incident(), began=0.0)
    hold.learn(incident())
    assert hold.stopped is None
    hold.learn(incident(t.IncidentAcknowledged()))
    hold.learn(incident(t.IncidentResolved(reason="over")))
    assert hold.look(1.0) == "acknowledged"


def test_what_the_store_says_of_a_claim_counts_more_than_what_is_known_here() -> None:
    ours, acknowledged = Hold(page(), incident(), began=0.0), incident(t.IncidentAcknowledged())
    ours.hear(Standing(token=1, lease_s=3.0))
    assert ours.look(1.0) is None
    told = Hold(page(), incident(), began=0.0)
    told.hear(Standing(token=1, lease_s=3.0, incident=acknowledged))
    assert told.look(1.0) == "acknowledged"


@pytest.mark.parametrize("standing", [None, Standing(token=2, lease_s=3.0), Standing(token=1, lease_s=0.0)])
def test_a_claim_that_is_somebody_elses_or_nobodys_holds_the_page_back(standing: Standing | None) -> None:
    hold = Hold(page(), incident(), began=0.0)
    hold.hear(standing)
    assert hold.look(1.0) == LEASE_OVER
    assert hold.over(1.0)


def test_what_was_never_begun_is_given_back_as_it_was() -> None:
    back = given_back(page(lease_until=NOW))
    assert (back.state, back.attempt, back.lease_until, back.possibly_repeat) == ("due", 0, None, False)


def test_a_row_that_was_to_come_after_the_acknowledgement_comes_as_information() -> None:
    held = incident(t.IncidentAcknowledged(), at=NOW - timedelta(seconds=0.1))
    moved = stopped(page(), held, "acknowledged", NOW + timedelta(seconds=1))
    assert (moved.state, moved.kind, moved.due_at) == ("due", "information", NOW + timedelta(seconds=1))
    for fields in (
        {"repeat": 1},
        {"outcome": "unknown"},
        {"due_at": NOW - timedelta(seconds=1)},
        {"after_s": 1},
        {"relieved": True},
    ):
        assert stopped(page(**fields), held, "acknowledged", NOW).state == "withdrawn"
    assert stopped(page(), incident(t.IncidentResolved(reason="over")), "over", NOW).state == "withdrawn"
    assert stopped(page(incident_id=None), None, "gone", NOW).detail == "gone"


async def test_the_fence_is_asked_only_within() -> None:
    async def go() -> None:
        """Let it pass."""

    async def no() -> None:
        raise Fenced("no")

    await pass_fence()
    with fenced(go):
        await pass_fence()
    with fenced(no), pytest.raises(Fenced, match="no"):
        await pass_fence()
    await pass_fence()
