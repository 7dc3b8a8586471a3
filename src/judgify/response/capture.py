"""Scope and impact, taken by the engine itself (guide 3.1 step 2, 5.2). What cannot be read is named, not guessed."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.errors import JudgifyError
from judgify.response.impact import Impact, Stretch, Targets
from judgify.response.incident import Incident
from judgify.response.model import PlatformEvent, Scope
from judgify.response.ports import MetricsSource, Orchestrator

EVENTS: Final = 20
LOOK_BACK: Final = timedelta(minutes=5)
"""Shortest stretch whose figures say anything, right after the fault."""
TIMEOUT_S: Final = 5.0


class Capturer:
    """Reads the platform through its ports, within 5 s; a part that does not answer leaves a line in `missing`."""

    def __init__(self, orchestrator: Orchestrator, metrics: MetricsSource, targets: Targets) -> None:
        """Read units and events from `orchestrator`, figures from `metrics`."""
        self._orchestrator = orchestrator
        self._metrics = metrics
        self._targets = targets

    async def scope(self, incident: Incident, now: datetime) -> Scope:
        """Give the scope: units not running or not ready, figures against the stretch before, the last 20 events."""
        missing: list[str] = []
        units: dict[str, str] = {}
        down: list[str] = []
        events: tuple[PlatformEvent, ...] = ()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for unit in await self._orchestrator.units():
                    units[unit.name] = unit.state
                    if unit.state != "running" or unit.healthy is False:
                        down.append(unit.name)
                events = tuple(
                    PlatformEvent(
                        id=str(event.id),
                        at=event.time,
                        unit=event.unit,
                        kind=event.kind,
                        by=event.by,
                        reason=event.reason,
                    )
                    for event in await self._orchestrator.events(limit=EVENTS)
                )
        except (JudgifyError, TimeoutError, OSError) as error:
            missing.append(f"units and events: {str(error) or type(error).__name__}")
        impact = self.impact(incident, now)
        if impact is None:
            missing.append("figures: nothing was measured")
        lines = {} if impact is None else {line.key: line for line in impact.lines}
        return Scope(
            at=now,
            units_down=tuple(down),
            units=units,
            now={key: line.during for key, line in lines.items()},
            before={key: line.before for key, line in lines.items()},
            events=events[-EVENTS:],
            missing=tuple(missing),
        )

    def impact(self, incident: Incident, now: datetime) -> Impact | None:
        """Compare the incident's stretch (at least the last 5 min) with the one before; None when nothing is known."""
        end = incident.restored_at or now
        start = min(incident.occurred_at, end - LOOK_BACK) if incident.restored_at is None else incident.occurred_at
        if end <= start:
            return None
        try:
            measured = self._metrics.impact(Stretch(start, end), self._targets)
        except JudgifyError:
            return None
        return measured if measured.has_data else None


def as_document(impact: Impact | None, *, final: bool) -> dict[str, Any]:
    """Give an impact as the timeline keeps it: stretches and one line a figure; `final` once it is over."""
    if impact is None:
        return {"final": final, "lines": [], "measured": False}
    lines = [
        {**asdict(line), "verdict": str(line.verdict), "change": line.change, "change_percent": line.change_percent}
        for line in impact.lines
    ]
    return {
        "final": final,
        "measured": True,
        "during": [impact.during.start.isoformat(), impact.during.end.isoformat()],
        "before": [impact.before.start.isoformat(), impact.before.end.isoformat()],
        "lines": lines,
    }
