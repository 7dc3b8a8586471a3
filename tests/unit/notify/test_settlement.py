"""What follows from an outcome, for the row and for its target."""

from datetime import UTC, datetime

import pytest

from judgify.kit.breaker import THRESHOLD, Fate, open_s, state_of
from judgify.kit.outbox import Claim
from judgify.notify import Doubt, Outcome, Reason, Refused, Sent, Unknown
from judgify.notify.outcome import OUTCOME_LABELS, outcome_label
from judgify.notify.settlement import fate_of, settle

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)


def claim(number: int, left: int) -> Claim:
    return Claim({"id": "act_1"}, "lease", number, left, in_doubt=False, started_at=NOW)


def test_an_outcome_decides_what_follows() -> None:
    later = Refused(Reason.SERVER_ERROR, "500", retryable=True)
    assert settle(Sent("200", NOW), claim(1, 9)).state == "done"
    assert settle(Refused(Reason.REJECTED, "400", retryable=False), claim(1, 9)).state == "dead"
    assert settle(later, claim(1, 9)).state == "waiting"
    assert 0.5 <= settle(later, claim(1, 9)).wait_s <= 1.0
    assert settle(Unknown(Doubt.TIMEOUT, "t"), claim(2, 8)).state == "waiting"
    ended = settle(Unknown(Doubt.TIMEOUT, "t"), claim(10, 0))
    told = "t (nobody knows whether it arrived after 10 tries)"
    assert (ended.state, ended.outcome, ended.detail) == ("dead", "timeout", told)
    assert settle(later, claim(3, 0)).detail == "500 (gave up after 3 tries)"


def test_who_asks_to_be_left_alone_is_left_alone_by_every_row() -> None:
    asked = Refused(Reason.RATE_LIMITED, "429", retryable=True, retry_after_s=120)
    first = settle(asked, claim(1, 9))
    assert (first.state, first.wait_s, first.hold_s, first.fate) == ("waiting", 120, 120, "alive")
    assert settle(asked, claim(10, 0)).hold_s == 120
    assert settle(Refused(Reason.RATE_LIMITED, "429", retryable=True), claim(1, 9)).hold_s == 0


@pytest.mark.parametrize("label", OUTCOME_LABELS)
def test_every_outcome_says_something_of_its_target(label: str) -> None:
    known: dict[str, Fate] = {
        "sent": "alive", "unauthorized": "alive", "rate-limited": "alive", "rejected": "alive", "redirected": "alive",
        "gone": "alive", "held-back": "untouched",
        "address-refused": "untouched", "misconfigured": "untouched", "no-address": "untouched", "fault": "untouched",
    }  # fmt: skip
    outcomes: list[Outcome] = [
        Sent("r", NOW),
        *(Refused(reason, "d", retryable=True) for reason in Reason),
        *(Unknown(doubt, "d") for doubt in Doubt),
    ]
    [outcome] = [one for one in outcomes if outcome_label(one) == label]
    assert fate_of(outcome) == known.get(label, "ailing")


def test_a_breaker_stays_open_for_longer_each_time_up_to_a_bound() -> None:
    assert [open_s(THRESHOLD + more, jitter=1.0) for more in (0, 1, 2, 5, 500)] == [1, 2, 4, 10, 10]
    assert open_s(THRESHOLD, jitter=0.0) == 0.5
    assert 0.5 <= open_s(THRESHOLD) <= 1.0


def test_the_states_of_a_breaker() -> None:
    later = NOW.replace(minute=11)
    assert state_of(THRESHOLD, later, NOW) == "open"
    assert state_of(THRESHOLD, NOW, NOW) == "half-open"
    assert state_of(0, later, NOW) == "held"
    assert state_of(THRESHOLD - 1, None, NOW) == "closed"
