"""When a channel counts as failing, refusing and well again; how long it is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from judgify.notify.outcome import OUTCOME_LABELS
from judgify.response.channel_health import (
    ABOUT_THE_MESSAGE,
    PACE_S,
    REFUSALS,
    Health,
    after,
    bearing,
    canary_due,
    meets,
    share,
    wait_s,
)
from judgify.response.guide.people import ChannelWatch

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
WATCH = ChannelWatch(objective_percent=90, tries=10, within_s=600, failures=3, back_after=2)


def told(*reasons: str, every_s: float = 10, start: Health | None = None) -> Health:
    health = start or Health(channel="sms")
    for number, reason in enumerate(reasons, 1):
        health = after(health, reason, f"d{number}", NOW + timedelta(seconds=number * every_s), WATCH)
    return health


def test_every_word_of_the_closed_set_bears_on_the_channel_in_one_way() -> None:
    ways = {label: bearing(label) for label in OUTCOME_LABELS}
    assert {label for label, way in ways.items() if way == "refusal"} == REFUSALS
    assert {label for label, way in ways.items() if way == "none"} == ABOUT_THE_MESSAGE
    assert [label for label, way in ways.items() if way == "good"] == ["sent"]
    assert set(OUTCOME_LABELS) >= REFUSALS | ABOUT_THE_MESSAGE


def test_what_is_about_one_message_says_nothing() -> None:
    assert told("rejected", "no-address", "held-back") == Health(channel="sms")


def test_a_few_failures_are_no_outage_and_many_good_tries_carry_them() -> None:
    assert told("server-error", "timeout").state == "ok"
    failing = told("sent", "timeout", "timeout", "server-error")
    assert (failing.state, failing.reason, failing.detail, failing.since) == (
        "failing", "server-error", "d4", NOW + timedelta(seconds=40),
    )  # fmt: skip
    # Of the newest ten, three of which failed with nine good ones between, the objective of 90 % is still missed ...
    assert told(*["sent"] * 7, "timeout", "timeout", "timeout").state == "failing"
    # ... and what is older than the window is not counted.
    assert told("timeout", "timeout", "sent", "timeout", every_s=400).state == "ok"


def test_a_refusal_counts_at_once_and_is_over_with_the_first_success() -> None:
    refusing = told("sent", "unauthorized")
    assert (refusing.state, refusing.reason) == ("refusing", "unauthorized")
    again = told("gone", start=refusing)
    assert (again.reason, again.detail, again.since) == ("unauthorized", "d1", refusing.since)
    well = told("sent", start=refusing)
    assert (well.state, well.reason, well.detail) == ("ok", "", "")
    # One more failure does not bring down what has just come back.
    assert told("timeout", start=well).state == "ok"
    assert told("unauthorized", start=told("timeout", "timeout", "timeout")).state == "refusing"
    assert told("timeout", start=refusing).state == "refusing"


def test_an_outage_is_over_after_several_in_a_row() -> None:
    failing = told("timeout", "timeout", "timeout")
    once = told("sent", start=failing)
    assert once.state == "failing"
    assert told("timeout", "sent", start=once).state == "failing"
    assert told("sent", start=once).state == "ok"
    assert told("sent", start=once).last_good_at is not None


def test_shares() -> None:
    assert share(()) == 100
    assert meets((), WATCH)
    half = told("sent", "timeout").tries
    assert share(half) == 50
    assert meets(half, WATCH)


def test_who_refuses_is_left_alone_for_longer_each_time() -> None:
    assert wait_s(Health(channel="x"), NOW) == 0
    assert wait_s(Health(channel="x", state="refusing"), NOW) == 0
    health, waits = Health(channel="x"), []
    for _ in range(6):
        health = after(health, "unauthorized", "", NOW, WATCH)
        waits.append(wait_s(health, NOW))
    assert waits == [*PACE_S, PACE_S[-1], PACE_S[-1]]
    assert wait_s(health, NOW + timedelta(seconds=PACE_S[-1] + 1)) == 0


@pytest.mark.parametrize(("state", "every_s"), [("ok", 300), ("failing", 60), ("refusing", 60)])
def test_canaries_look_more_often_at_what_fails(state: str, every_s: int) -> None:
    health = Health.model_validate({"channel": "x", "state": state})
    assert canary_due(health, 300, NOW)
    sent = health.model_copy(update={"canary_at": NOW})
    assert not canary_due(sent, 300, NOW + timedelta(seconds=every_s - 1))
    assert canary_due(sent, 300, NOW + timedelta(seconds=every_s))


def test_no_canary_while_a_channel_is_left_alone() -> None:
    health = told("unauthorized", "unauthorized", "unauthorized", "unauthorized", every_s=0.001)
    seen = health.model_copy(update={"canary_at": NOW - timedelta(seconds=100)})
    assert not canary_due(seen, 300, NOW)
    assert canary_due(seen, 300, NOW + timedelta(seconds=301))
