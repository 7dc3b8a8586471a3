"""What the engine needs of the world, as Protocols; adapters implement them and `bootstrap` picks them.

The store is used through synchronous functions that run inside one transaction (`Store.write`): such a function runs
from its first line to its commit without the event loop in between, so no cancellation can leave half a command behind.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from judgify.kit.clock import Clock
from judgify.kit.supervisor_types import Change, Resources, Traffic, Unit
from judgify.kit.supervisor_types import Event as UnitEvent
from judgify.response.hold import Standing
from judgify.response.impact import Impact, Stretch, Targets
from judgify.response.incident import Incident
from judgify.response.model import (
    Approval,
    AutomationState,
    Check,
    Delivery,
    DocumentKind,
    Lang,
    OperationRun,
    Page,
    RenderedOperation,
    RunbookRun,
    Signal,
)
from judgify.response.timeline import Entry, Event
from judgify.response.tx import Tx

__all__ = [
    "Beside",
    "Clock",
    "Documents",
    "LogSource",
    "MetricsSource",
    "Orchestrator",
    "Pager",
    "RunHost",
    "Runner",
    "SignalSink",
    "Store",
    "Tx",
]

T = TypeVar("T")


class Beside(Protocol):
    """What a store says of the other engines that work on it. Raises `Unavailable` while it cannot be asked."""

    @property
    def ahead_s(self) -> float | None:
        """How many seconds the store's clock, by which leases end, is ahead of ours; None before it was measured."""
        ...

    async def claims(self, held: Mapping[str, int]) -> dict[str, Standing]:
        """Say how claims stand now, committed by whomever; quick, and waits for no writer.

        `held` are the pages' ids with the newest entry (seq) of their incidents that the caller knows; an incident
        comes back only where it has grown since. A page that nobody holds a claim on is left out.
        """
        ...

    async def news(self, hear: Callable[[datetime | None], None]) -> None:
        """Tell of what other engines commit as soon as they do, until cancelled; never raises for a broken connection.

        `hear` is given the moment at which a row that another engine wrote is due, or None when a timeline grew. Both
        are given anew after every interruption, with a moment long past, since something may have been missed in it.
        """
        ...


class Store(Protocol):
    """The engine's memory. Raises `Unavailable` (slug `store-full`, `store-unavailable`) with nothing half-written."""

    @property
    def beside(self) -> Beside | None:
        """How other engines on this store are heard; None where there is no other, by its nature."""
        ...

    async def open(self) -> None:
        """Open and migrate forward; idempotent."""
        ...

    async def close(self) -> None:
        """Close after the running transaction."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction and commit it; whatever it raises undoes all of it and is raised here."""
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent state; it must not write."""
        ...


class Orchestrator(Protocol):
    """What runs the platform's units: the local supervisor, memory, later Kubernetes.

    Every mutating call has an operation id: the same id again gives the first answer and acts once.
    Raises `Unavailable` when the orchestrator does not answer, `NotFound` for an unknown unit.
    """

    async def units(self) -> tuple[Unit, ...]:
        """Give all units."""
        ...

    async def unit(self, name: str) -> Unit:
        """Give one unit."""
        ...

    async def logs(self, name: str, lines: int = 100) -> tuple[str, ...]:
        """Give the newest log lines of a unit, oldest first."""
        ...

    async def resources(self, name: str) -> Resources:
        """Give what a unit uses."""
        ...

    async def events(self, after: int = 0, limit: int = 20) -> tuple[UnitEvent, ...]:
        """Give the newest events of the platform with id > after, oldest first."""
        ...

    async def start(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Start a unit."""
        ...

    async def stop(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Stop a unit."""
        ...

    async def restart(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Restart a unit."""
        ...

    async def roll_back(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Go back to the newest revision with another release that had been healthy."""
        ...

    async def scale(self, name: str, replicas: int, *, by: str, reason: str, operation_id: str) -> Change:
        """Change the number of processes of a unit."""
        ...

    async def set_env(
        self,
        name: str,
        set_: Mapping[str, str],
        unset: Sequence[str] = (),
        *,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Set and unset variables of a unit, which restarts it."""
        ...

    async def set_limits(
        self,
        name: str,
        *,
        memory_bytes: int | None = None,
        cpu_millis: int | None = None,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Change what a unit may use."""
        ...

    async def block_traffic(self, retry_after_s: int, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let the gateway answer 503 with Retry-After."""
        ...

    async def unblock_traffic(self, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let traffic through again."""
        ...

    async def traffic(self) -> Traffic:
        """Give the state of the traffic switch."""
        ...

    async def alive(self) -> bool:
        """Tell whether the orchestrator itself answers. Never raises."""
        ...

    async def revive(self) -> bool:
        """Start a dead orchestrator again where that is possible (the local supervisor); True when it answers now."""
        ...


class MetricsSource(Protocol):
    """Figures of the platform from a window of the engine's own, so that they outlive the platform."""

    def impact(
        self,
        during: Stretch,
        targets: Targets,
        *,
        availability: float | None = None,
        availability_before: float | None = None,
    ) -> Impact:
        """Compare a stretch with the one of the same length before it (guide 5.2)."""
        ...


class LogSource(Protocol):
    """Log lines of the platform."""

    async def tail(self, service: str, *, lines: int = 100, level: str | None = None) -> list[str]:
        """Give the newest lines, oldest first; `level` ERROR keeps errors only."""
        ...


class Pager(Protocol):
    """Hands a page to its channel (implemented by `response.pager` on `notify`)."""

    def prepares(self, page: Page) -> bool:
        """Tell whether `deliver` may begin before the page is due: its channel passes `notify.fence` before sending."""
        ...

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        """Render and send one page within 10 s. Never raises for a failed delivery: that is a value."""
        ...


class RunHost(Protocol):
    """What a runbook runner may ask of the engine, and the only way in which it writes."""

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    async def incident(self, incident_id: str) -> Incident:
        """Give the incident as it is now."""
        ...

    async def unsettled(self) -> list[Incident]:
        """Give all incidents that are not resolved."""
        ...

    async def record(self, run: RunbookRun, *events: Event) -> None:
        """Append events to the run's incident (if any) and save the run, in one transaction."""
        ...

    async def ask(self, run: RunbookRun, step: str, rendered: RenderedOperation, needed: int) -> Approval:
        """Ask for approval (one or two persons); the same rendering asked again gives the waiting request."""
        ...

    async def approval(self, approval_id: str) -> Approval:
        """Give an approval with its state as of now (`waiting`, `granted`, `rejected`, `lapsed`, `used`)."""
        ...

    async def use_approval(self, approval_id: str, digest: str) -> bool:
        """Take a granted approval for exactly this digest; True once, False when lapsed, used or for something else."""
        ...

    async def automation(self) -> AutomationState:
        """Give the hold switch."""
        ...

    async def recent_operations(self, unit: str | None, within_s: float) -> list[tuple[str, OperationRun]]:
        """Give (incident id, operation) of those started within that time on a unit (None: all), oldest first."""
        ...

    async def probes_suspect(self) -> str | None:
        """Say why our own probes cannot be trusted now, or None."""
        ...

    def check(self, service: str) -> Check | None:
        """Give the newest answer of our own check of a service."""
        ...


class Runner(Protocol):
    """Works through a runbook (implemented by `response.runbook`)."""

    async def advance(self, run: RunbookRun, host: RunHost) -> RunbookRun:
        """Go on until the run ends or has to wait; give it with its new state, `due_at` and `waiting_for`.

        Called again with the saved run after a restart of the engine: an operation that was started and has no result
        is sent again under its id. Everything worth keeping goes through `host.record` before the next thing is done.
        """
        ...

    def plan(self, service: str) -> str | None:
        """Give the id of the runbook for a service, or None when the guide has none."""
        ...


class SignalSink(Protocol):
    """Where probes and intake routes put what they see (implemented by the engine)."""

    async def signal(self, signal: Signal) -> str | None:
        """Make a signal durable, folding repeats; give the incident's id (None: suppressed, or an all-clear)."""
        ...

    def check(self, result: Check) -> None:
        """Take one answer of our own check of a service; cheap, to be called for every answer."""
        ...

    def suspect_probes(self, reason: str | None) -> None:
        """Say that the prober cannot reach itself (automation pauses), or with None that it can again."""
        ...


class Documents(Protocol):
    """Writes the documents of an incident from its timeline (implemented by `response.documents`)."""

    def render(self, kind: DocumentKind, lang: Lang, incident: Incident, entries: Sequence[Entry]) -> str:
        """Give the Markdown of a document; every sentence and number has an entry behind it."""
        ...

    def sentences(self, lang: Lang, incident: Incident, entries: Sequence[Entry]) -> list[str]:
        """Give one sentence of plain text for each entry of a timeline; whoever shows it escapes it."""
        ...
