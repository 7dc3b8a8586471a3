"""Gathers what the automation policy looks at. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from judgify.kit.errors import JudgifyError
from judgify.kit.supervisor_types import Event, Unit
from judgify.response.incident import Incident
from judgify.response.model import OperationRun, RunbookRun
from judgify.response.ports import RunHost
from judgify.response.runbook.diagnose import Senses, earlier_release_healthy, exits, release_changed_at
from judgify.response.runbook.floor import Floor, Wish
from judgify.response.runbook.policy import Done, Situation

DAY_S: Final = 86_400.0
_ALIVE: Final = frozenset({"running", "starting"})


@dataclass(frozen=True, slots=True)
class Surveyor:
    """Looks at unit, probes, hold switch and history for one run."""

    senses: Senses
    floor: Floor

    async def survey(
        self, run: RunbookRun, host: RunHost, incident: Incident | None, facts: Mapping[str, Any]
    ) -> Situation:
        """Give the situation as it is now. What cannot be read is "not known", which never permits anything."""
        senses, guide = self.senses, self.senses.guide
        service = guide.service(run.service)
        unit, events = await self._unit(service.unit)
        held = await host.automation()
        suspect = await host.probes_suspect()
        history = [_done(of, entry) for of, entry in await host.recent_operations(None, DAY_S)]
        look = senses.prober.last(run.service)
        wish = Wish(run.id, run.incident_id, run.service)
        free = facts.get("disk_free_ratio")
        # The moment last, and nothing awaited after it: whoever acts on this answer does so in the same turn.
        return Situation(
            now=host.clock.now(),
            incident_id=run.incident_id,
            severity=incident.severity if incident is not None else "P3",
            confirmed=incident is not None and self._confirmed(incident, run.service),
            running=None if unit is None else unit.state in _ALIVE,
            live=None if look is None else look[0].live,
            held=(held.reason or "on hold") if held.held else None,
            probes_suspect=suspect,
            dependencies_down=tuple(
                sorted(name for name in guide.needs(run.service) if senses.prober.condition(name) == "down")
            ),
            before_it=self.floor.before(wish),
            busy_unit=self.floor.busy(wish),
            history=tuple(history),
            release_changed_at=None if unit is None else release_changed_at(unit),
            earlier_release_healthy=unit is not None and earlier_release_healthy(unit),
            is_database=service.unit == "postgres",
            exits=exits(events, service.unit),
            disk_full=isinstance(free, int | float) and free < guide.automation.disk_full_free_ratio,
            corruption=facts.get("corruption_message") is True,
        )

    async def _unit(self, name: str) -> tuple[Unit | None, tuple[Event, ...]]:
        orchestrator = self.senses.orchestrator
        try:
            return await orchestrator.unit(name), await orchestrator.events(after=-1, limit=500)
        except JudgifyError:
            return None, ()

    def _confirmed(self, incident: Incident, service: str) -> bool:
        seen = any(affected.service == service and affected.confirmed for affected in incident.services)
        return seen or self.senses.prober.condition(service) in {"down", "not-ready", "unhealthy"}


def _done(incident_id: str, entry: OperationRun) -> Done:
    operation = entry.rendered.operation
    alone = entry.by.kind == "engine" and entry.approval_id is None
    return Done(operation.unit, operation.kind, entry.started_at, incident_id, by_itself=alone)
