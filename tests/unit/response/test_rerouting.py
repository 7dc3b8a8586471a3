"""Another way for a page whose channel fails: the person's next step, else other channels, else nothing."""

from datetime import timedelta
from typing import Any

from tests.support.tale import ID, MINSU, START, Tale, opened

from judgify.response import timeline as t
from judgify.response.model import Page
from judgify.response.rerouting import detours, needs, reroute


def page(channel: str, **fields: Any) -> Page:
    given = {
        "id": f"pg-{channel}", "incident_id": ID, "kind": "page", "person": "dev-lead", "role": "owner",
        "channel": channel, "row": "0:page:dev-lead", "due_at": START, "created_at": START, **fields,
    }  # fmt: skip
    return Page.model_validate(given)


FAILED = page("slack", attempt=1, outcome="refused")
OTHERS = ("slack", "email", "sms")


def way(*pages: Page, unwell: frozenset[str] = frozenset()) -> tuple[list[tuple[str, float]], list[str]]:
    forward, channels = reroute(FAILED, [FAILED, *pages], OTHERS, unwell, START)
    return [(one.channel, (one.due_at - START).total_seconds()) for one in forward], channels


def later(channel: str, seconds: float, **fields: Any) -> Page:
    return page(channel, due_at=START + timedelta(seconds=seconds), after_s=seconds, **fields)


def test_the_persons_next_step_comes_at_once() -> None:
    assert way(later("sms", 120), later("email", 240)) == ([("sms", 0)], [])
    assert way(later("sms", 120), later("email", 120)) == ([("sms", 0), ("email", 0)], [])


def test_a_step_through_a_channel_that_fails_too_is_passed_over() -> None:
    assert way(later("sms", 120), later("email", 240), unwell=frozenset({"sms"})) == ([("email", 0)], [])


def test_without_a_step_left_other_channels_are_taken() -> None:
    assert way() == ([], ["email", "sms"])
    assert way(unwell=frozenset({"email"})) == ([], ["sms"])
    tried = page("email", attempt=2, outcome="refused", state="failed")
    assert way(tried) == ([], ["sms"])
    assert way(tried, page("sms", attempt=1, outcome="unknown")) == ([], [])


def test_who_is_reached_or_about_to_be_needs_no_other_way() -> None:
    assert way(page("sms", state="sent", outcome="sent", attempt=1)) == ([], [])
    assert way(page("sms", state="claimed", attempt=1)) == ([], [])
    assert way(page("sms")) == ([], [])
    # Somebody else's page, another row's or kind's, or through a channel that fails, reaches nobody of this row.
    assert way(page("sms", person="ops-lead")) == ([], ["email", "sms"])
    assert way(page("sms", row="15:page:dev-lead")) == ([], ["email", "sms"])
    assert way(page("sms", kind="report")) == ([], ["email", "sms"])
    assert way(page("sms"), unwell=frozenset({"sms"})) == ([], ["email"])


def test_a_detour_keeps_row_kind_and_person() -> None:
    [row] = detours(FAILED, ["sms"], lambda name: name == "sms", START)
    assert (row.person, row.row, row.kind, row.channel, row.wakes, row.due_at) == (
        "dev-lead", "0:page:dev-lead", "page", "sms", True, START,
    )  # fmt: skip


def test_only_a_page_of_a_fault_that_nobody_holds_needs_another_way() -> None:
    going = Tale().add(0, opened()).incident
    held = Tale().add(0, opened()).add(1, t.IncidentAcknowledged(), MINSU).incident
    over = Tale().add(0, opened()).add(1, t.IncidentResolved(reason="x"), MINSU).incident
    assert needs(FAILED, going)
    assert [needs(FAILED, one) for one in (held, over, None)] == [False] * 3
    for fields in ({"kind": "report"}, {"state": "withdrawn"}, {"outcome": "sent"}, {"repeat": 1}):
        assert not needs(page("slack", **fields), going)
