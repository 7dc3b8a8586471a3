"""Entries that belong to no single incident: the engine's own timeline."""

from typing import Any, Literal

from judgify.response.model import AutomationState, Drill, Rollout, Signal, Value


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


class EngineStarted(Value):
    """The engine came up and found this much work in its store; on its own timeline."""

    type: Literal["engine-started"] = "engine-started"
    unsettled: int
    due_pages: int
    runs: int
