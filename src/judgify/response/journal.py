"""Entries that belong to no single incident: the engine's own timeline."""

from typing import Any, Literal

from pydantic import AwareDatetime

from judgify.response.model import AutomationState, Drill, Rollout, Signal, Value
from judgify.response.stand_in import StandIn


class AutomationSwitched(Value):
    """All automation was held, or released. On the engine's own timeline and on every unsettled incident's."""

    type: Literal["automation-switched"] = "automation-switched"
    state: AutomationState


class DrillRegistered(Value):
    """A drill began; on the engine's own timeline."""

    type: Literal["drill-registered"] = "drill-registered"
    drill: Drill


class DrillFinished(Value):
    """A drill ended and reported; on the engine's own timeline, and on that of its incidents."""

    type: Literal["drill-finished"] = "drill-finished"
    drill_id: str
    report: dict[str, Any]


class RolloutAnnounced(Value):
    """A planned rollout was announced; on the engine's own timeline."""

    type: Literal["rollout-announced"] = "rollout-announced"
    rollout: Rollout


class SignalSuppressed(Value):
    """A signal opened nothing because a planned rollout was announced; on the engine's own timeline."""

    type: Literal["signal-suppressed"] = "signal-suppressed"
    signal: Signal
    reason: str


class ChangeReported(Value):
    """Something was changed, a tool outside says; on the engine's own timeline, and on the service's incidents."""

    type: Literal["change-reported"] = "change-reported"
    service: str
    summary: str
    at: AwareDatetime


class EngineStarted(Value):
    """The engine came up and found this much work in its store; on its own timeline."""

    type: Literal["engine-started"] = "engine-started"
    unsettled: int
    due_pages: int
    runs: int


class StandInMade(Value):
    """Somebody stands in for a schedule or a person for a while; on the engine's own timeline."""

    type: Literal["stand-in-made"] = "stand-in-made"
    stand_in: StandIn
    covers: tuple[str, ...] = ()
    """Earlier stand-ins for the same that it overlaps: it was made last, so it counts."""


class StandInCancelled(Value):
    """A stand-in was ended before its time, or taken back before it began; on the engine's own timeline."""

    type: Literal["stand-in-cancelled"] = "stand-in-cancelled"
    stand_in: StandIn


class StandInEnded(Value):
    """A stand-in ended by itself; on the engine's own timeline."""

    type: Literal["stand-in-ended"] = "stand-in-ended"
    stand_in: StandIn


class CalendarFeedMade(Value):
    """A calendar address was made by which a schedule can be subscribed to; on the engine's own timeline."""

    type: Literal["calendar-feed-made"] = "calendar-feed-made"
    feed_id: str
    schedule: str


class CalendarFeedRevoked(Value):
    """A calendar address answers no more; on the engine's own timeline."""

    type: Literal["calendar-feed-revoked"] = "calendar-feed-revoked"
    feed_id: str
    schedule: str


class ClockFollowed(Value):
    """The machine's clock had been set while something had a deadline; now nothing has, and the engine goes by it.

    On the engine's own timeline: entries before and after it differ by `by_s` seconds more than passed between them.
    """

    type: Literal["clock-followed"] = "clock-followed"
    by_s: float
