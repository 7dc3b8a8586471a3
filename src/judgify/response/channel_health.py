"""Whether a channel meets its delivery objective, from its tries alone. Pure: values in, values out.

A channel *fails* when too many of its newest tries did, and *refuses* when its vendor turned away what will not change
by itself (credentials, address): then it is tried at a measured pace, and what it owes goes other ways.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import AwareDatetime

from judgify.response.guide.people import ChannelWatch
from judgify.response.model import Value

State = Literal["ok", "failing", "refusing"]
Bearing = Literal["good", "bad", "refusal", "none"]
"""What a try says of its channel; `none`: it was about this message or recipient only, or was no try."""
REFUSALS: Final = frozenset({"unauthorized", "gone", "misconfigured", "address-refused", "redirected"})
"""Reasons that will not change by themselves: somebody must mend credentials or address."""
ABOUT_THE_MESSAGE: Final = frozenset({"rejected", "no-address", "held-back"})
PACE_S: Final[tuple[float, ...]] = (30.0, 60.0, 120.0, 300.0)
"""Seconds between two tries of a channel that refuses."""


class Try(Value):
    """One try of a channel: when it ended, and how, in a word of the closed set of `notify.outcome`."""

    at: AwareDatetime
    good: bool
    reason: str


class Health(Value):
    """What is known of a channel; `since` and `reason` are of its present state."""

    channel: str
    state: State = "ok"
    since: AwareDatetime | None = None
    reason: str = ""
    detail: str = ""
    tries: tuple[Try, ...] = ()
    """The newest that count, the oldest first."""
    good_in_a_row: int = 0
    refused_in_a_row: int = 0
    last_try_at: AwareDatetime | None = None
    last_good_at: AwareDatetime | None = None
    canary_at: AwareDatetime | None = None
    """When the newest canary was sent."""
    canary_s: float | None = None
    """Round trip of the newest canary that arrived."""

    @property
    def well(self) -> bool:
        """Whether pages are sent through it as the guide says."""
        return self.state == "ok"


def bearing(reason: str) -> Bearing:
    """Give what an outcome's word says of the channel."""
    if reason == "sent":
        return "good"
    if reason in REFUSALS:
        return "refusal"
    return "none" if reason in ABOUT_THE_MESSAGE else "bad"


def after(health: Health, reason: str, detail: str, at: datetime, watch: ChannelWatch) -> Health:
    """Give a channel's health after one more try."""
    says = bearing(reason)
    if says == "none":
        return health
    good = says == "good"
    kept = (*health.tries, Try(at=at, good=good, reason=reason))[-watch.tries :]
    seen = health.model_copy(
        update={
            "tries": tuple(one for one in kept if at - one.at <= timedelta(seconds=watch.within_s)),
            "good_in_a_row": health.good_in_a_row + 1 if good else 0,
            "refused_in_a_row": health.refused_in_a_row + 1 if says == "refusal" else 0,
            "last_try_at": at,
            "last_good_at": at if good else health.last_good_at,
        }
    )
    state = _state(seen, says, watch)
    if state == health.state:
        return seen if good or health.well else seen.model_copy(update={"detail": detail})
    turned = {"state": state, "since": at, "reason": "" if state == "ok" else reason, "detail": "" if good else detail}
    # What came before it was well again is over: one more failure must not bring it down at once.
    return seen.model_copy(update=turned | ({"tries": seen.tries[-1:]} if state == "ok" else {}))


def _state(seen: Health, says: Bearing, watch: ChannelWatch) -> State:
    if says == "refusal":
        return "refusing"
    if says == "good":
        # A refusal is over with the first success; an outage only once several went through.
        needed = {"ok": 0, "refusing": 1, "failing": watch.back_after}[seen.state]
        return "ok" if seen.good_in_a_row >= needed else seen.state
    return "failing" if seen.state == "ok" and not meets(seen.tries, watch) else seen.state


def meets(tries: Sequence[Try], watch: ChannelWatch) -> bool:
    """Tell whether tries meet the objective; too few failures are no evidence."""
    bad = sum(not one.good for one in tries)
    return bad < watch.failures or share(tries) >= watch.objective_percent


def share(tries: Sequence[Try]) -> float:
    """Give the share of tries that were delivered, in percent; of none, all."""
    return 100.0 * sum(one.good for one in tries) / len(tries) if tries else 100.0


def wait_s(health: Health, now: datetime) -> float:
    """Give how many seconds a channel that refuses is still left alone; 0 when it may be tried."""
    if health.state != "refusing" or health.last_try_at is None:
        return 0.0
    pace = PACE_S[min(max(health.refused_in_a_row - 1, 0), len(PACE_S) - 1)]
    return max(0.0, pace - (now - health.last_try_at).total_seconds())


def canary_due(health: Health, every_s: float, now: datetime) -> bool:
    """Tell whether the next canary is due; a channel that is not well is looked at as often as its pace allows."""
    if health.canary_at is None:
        return True
    every = every_s if health.well else min(every_s, PACE_S[1])
    return now - health.canary_at >= timedelta(seconds=every) and wait_s(health, now) == 0
