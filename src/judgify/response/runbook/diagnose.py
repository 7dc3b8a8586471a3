"""Diagnose steps: each reads one thing within its time, and gives text (masked) and the typed facts of the guide."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.clock import Clock, show
from judgify.kit.errors import JudgifyError
from judgify.kit.ids import new_id
from judgify.kit.secrets import mask
from judgify.kit.settings import Settings
from judgify.kit.supervisor_types import Event, Unit
from judgify.response.guide.finding import FINDINGS
from judgify.response.guide.procedure import (
    DiagnoseStep,
    Disk,
    EnvFlags,
    Events,
    MetricsWindow,
    ProbeHttp,
    RedisInfo,
    TcpCheck,
    Traffic,
    UnitLogs,
    UnitResources,
    UnitStatus,
    Upstreams,
)
from judgify.response.guide.schema import Guide
from judgify.response.intake.probe import Look
from judgify.response.intake.prober import Prober
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import Finding
from judgify.response.ports import Orchestrator
from judgify.response.runbook.redis_info import memory_of

MAX_TEXT: Final = 4_000
_ERROR: Final = re.compile(r"(?i)\b(error|fatal|panic|critical|exception|traceback)\b")
_CORRUPT: Final = re.compile(
    r"(?i)(invalid page in block|could not read block|checksum (mismatch|verification failed|error)|data corrupt|"
    r"is corrupted|corrupted (page|item|data)|unexpected zero page|invalid record length .* in WAL)"
)
_CONFIG: Final = re.compile(
    r"(?i)(invalid (configuration|setting|value for)|configuration (error|file .* contains errors)|"
    r"unrecognized configuration|is neither true nor false|is not a whole number)"
)
# Facts that speak of one unit; gathered on another one than the runbook's, they would be taken for the runbook's own.
_OF_UNIT: Final = frozenset(
    name
    for name, spec in FINDINGS.items()
    if spec.gathered_by & {"unit_status", "unit_logs", "unit_resources", "probe_http", "metrics_window", "disk"}
) | {"port_open"}

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Senses:
    """What diagnosis reads from."""

    guide: Guide
    settings: Settings
    clock: Clock
    orchestrator: Orchestrator
    prober: Prober
    metrics: ScrapedMetrics


def release_changed_at(unit: Unit) -> datetime | None:
    """Give when the unit came to its present release from another one, or None when it never did.

    A rollback is no release: it returns to one that had proved itself, and is not to be blamed for the next fault.
    """
    changed: datetime | None = None
    for earlier, later in zip(unit.revisions, unit.revisions[1:], strict=False):
        if earlier.release != later.release:
            changed = None if later.rollback else later.created_at
    return changed


def earlier_release_healthy(unit: Unit) -> bool:
    """Tell whether another release of the unit had been healthy, and was not itself rolled back from."""
    return any(
        known.release != unit.release and known.healthy_at is not None and known.withdrawn_at is None
        for known in unit.revisions
    )


def exits(events: Sequence[Event], unit: str) -> tuple[datetime, ...]:
    """Give when a unit ended by itself, as far back as the events go."""
    return tuple(event.time for event in events if event.unit == unit and event.kind == "exited")


class Diagnosis:
    """Carries out diagnose steps. A step that fails or takes too long is a finding that says so; it never raises."""

    def __init__(self, senses: Senses) -> None:
        """Read from these senses."""
        self._senses = senses
        self._gatherers: dict[type, Callable[[Any], Awaitable[tuple[str, Facts]]]] = {
            UnitStatus: self._unit_status,
            UnitLogs: self._logs,
            UnitResources: self._resources,
            ProbeHttp: self._probe,
            TcpCheck: self._reach,
            Upstreams: self._upstreams,
            Traffic: self._traffic,
            Disk: self._disk,
            Events: self._events,
            EnvFlags: self._flags,
            MetricsWindow: self._window,
            RedisInfo: self._redis,
        }

    async def run(self, steps: Sequence[DiagnoseStep], service: str) -> list[Finding]:
        """Carry out steps side by side, in their order; facts of other units than the service's are left out."""
        return list(await asyncio.gather(*(self.one(step, service) for step in steps)))

    async def one(self, step: DiagnoseStep, service: str) -> Finding:
        """Carry out one step within its time limit."""
        clock = self._senses.clock
        started = clock.monotonic()
        failed = False
        facts: Facts = {}
        try:
            async with asyncio.timeout(step.time_limit_s):
                text, facts = await self._gather(step)
        except TimeoutError:
            text, failed = f"no result within {step.time_limit_s:g} s", True
        except (JudgifyError, OSError, ValueError, EOFError) as error:
            detail = error.detail if isinstance(error, JudgifyError) else type(error).__name__
            text, failed = f"could not be read: {detail}", True
        target = getattr(step.operation, "target", service)
        if target != service:
            facts = {name: value for name, value in facts.items() if name not in _OF_UNIT}
        return Finding(
            id=new_id("fnd"),
            step=step.id,
            title=step.title.ko,
            text=mask(text)[:MAX_TEXT],
            facts={name: value for name, value in facts.items() if name in FINDINGS and value is not None},
            at=clock.now(),
            took_s=round(clock.monotonic() - started, 3),
            failed=failed,
        )

    async def _gather(self, step: DiagnoseStep) -> tuple[str, Facts]:
        gather = self._gatherers[type(step.operation)]
        return await gather(step.operation)

    async def _unit(self, service: str) -> Unit:
        return await self._senses.orchestrator.unit(self._senses.guide.service(service).unit)

    async def _unit_status(self, operation: UnitStatus) -> tuple[str, Facts]:
        service = operation.target
        unit, events = await asyncio.gather(self._unit(service), self._senses.orchestrator.events(after=-1, limit=200))
        now = self._senses.clock.now()
        living = sum(instance.exited_at is None for instance in unit.instances)
        ended = [moment for moment in exits(events, unit.name) if now - moment <= timedelta(minutes=10)]
        changed = release_changed_at(unit)
        look = self._senses.prober.last(service)
        facts: Facts = {
            "unit_state": unit.state,
            "replicas": living,
            "exits_in_10min": len(ended),
            "release_changed_minutes": None if changed is None else (now - changed).total_seconds() / 60,
            "previous_release_healthy": earlier_release_healthy(unit),
        }
        if look is not None:
            facts |= _told(look[0])[1]
        text = (
            f"{unit.name}: {unit.state} (wanted: {unit.desired}), {living}/{unit.replicas} instances, release "
            f"{unit.release}, revision {unit.revision}, {unit.restarts} restarts, {len(ended)} exits within 10 min"
        )
        codes = [str(instance.exit_code) for instance in unit.instances if instance.exit_code is not None]
        last = next((event for event in reversed(events) if (event.unit, event.kind) == (unit.name, "exited")), None)
        text += f", last exit codes {', '.join(codes)}" if codes else ""
        return text + (f", last exit: {last.reason}" if last is not None and ended else ""), facts

    async def _logs(self, operation: UnitLogs) -> tuple[str, Facts]:
        unit = self._senses.guide.service(operation.target).unit
        lines = await self._senses.orchestrator.logs(unit, operation.lines)
        errors = [line for line in lines if _ERROR.search(line)]
        shown = errors if operation.only_errors else lines
        facts: Facts = {
            "errors_logged": len(errors),
            "corruption_message": any(_CORRUPT.search(line) for line in lines),
            "config_error": any(_CONFIG.search(line) for line in lines),
        }
        # The newest lines are the ones that tell; the oldest go first when there is no room for all.
        return mask("\n".join(shown))[-MAX_TEXT:] or "no lines", facts

    async def _resources(self, operation: UnitResources) -> tuple[str, Facts]:
        unit = await self._unit(operation.target)
        used = await self._senses.orchestrator.resources(unit.name)
        facts: Facts = {}
        if unit.limits.memory_bytes:
            facts["memory_ratio"] = used.rss_bytes / unit.limits.memory_bytes
        if unit.limits.cpu_millis:
            facts["cpu_ratio"] = used.cpu_percent * 10 / unit.limits.cpu_millis
        text = f"{used.rss_bytes / 2**20:.0f} MiB, CPU {used.cpu_percent:.0f} %, {used.fds} open files"
        return f"{text}, up for {used.uptime_s:.0f} s", facts

    async def _probe(self, operation: ProbeHttp) -> tuple[str, Facts]:
        return _told(await self._senses.prober.check(operation.target))

    async def _reach(self, operation: TcpCheck) -> tuple[str, Facts]:
        service = operation.target
        look = await self._senses.prober.check(service)
        facts: Facts = {"port_open": look.live}
        if service in {"database", "redis"}:
            facts[f"{service}_reachable"] = look.live
        return f"{service}: {look.detail or 'reachable'}", facts

    async def _upstreams(self, _: Upstreams) -> tuple[str, Facts]:
        prober = self._senses.prober
        states = {name: prober.condition(name) for name in prober.services if name != "gateway"}
        text = ", ".join(f"{name} {state}" for name, state in states.items())
        return text, {"upstreams_down": sum(state == "down" for state in states.values())}

    async def _traffic(self, _: Traffic) -> tuple[str, Facts]:
        state = await self._senses.orchestrator.traffic()
        since = f" since {show(state.since)}" if state.since is not None else ""
        text = f"blocked{since} by {state.by}: {state.reason}" if state.blocked else "open"
        return text, {"traffic_blocked": state.blocked}

    async def _disk(self, operation: Disk) -> tuple[str, Facts]:
        home = self._senses.settings.home
        folder = home / self._senses.guide.service(operation.target).unit
        usage = await asyncio.to_thread(shutil.disk_usage, folder if folder.is_dir() else home)
        text = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.1f} GiB free"
        return text, {"disk_free_ratio": usage.free / usage.total if usage.total else None}

    async def _events(self, operation: Events) -> tuple[str, Facts]:
        events = await self._senses.orchestrator.events(after=-1, limit=operation.limit)
        lines = [f"{show(e.time)} {e.unit} {e.kind} by {e.by}: {e.reason}" for e in events]
        return "\n".join(lines) or "none", {"recent_events": len(events)}

    async def _flags(self, operation: EnvFlags) -> tuple[str, Facts]:
        env = (await self._unit(operation.target)).env
        settings = self._senses.settings
        facts: Facts = {
            "llm_enabled": _flag(env.get("ENABLE_LLM_ENGINE"), default=settings.enable_llm_engine),
            "redis_enabled": _flag(env.get("REDIS_ENABLED"), default=settings.redis_enabled),
            "read_only": _flag(env.get("POSTGRES_READ_ONLY"), default=settings.postgres_read_only),
            # One machine has one database server.
            "replica_configured": False,
        }
        return ", ".join(f"{name}={value}" for name, value in facts.items()), facts

    async def _window(self, operation: MetricsWindow) -> tuple[str, Facts]:
        end = self._senses.clock.now()
        start = end - timedelta(seconds=operation.window_s)
        scrapes = self._senses.metrics.scrapes
        share = self._senses.metrics.error_percentage(operation.target, start, end)
        facts: Facts = {
            "requests": scrapes.increase(operation.target, "requests", start, end),
            "error_ratio": None if share is None else share / 100,
            "p95_seconds": scrapes.quantile(operation.target, 0.95, start, end),
        }
        text = ", ".join(f"{name} {'no data' if value is None else f'{value:.4g}'}" for name, value in facts.items())
        return f"last {operation.window_s:g} s: {text}", facts

    async def _redis(self, operation: RedisInfo) -> tuple[str, Facts]:
        look = await self._senses.prober.check(operation.target)
        facts: Facts = {"redis_reachable": look.live}
        if not look.live:
            return f"PING: {look.detail}", facts
        memory = await memory_of(self._senses.settings.redis_url)
        if memory.limit:
            facts["memory_ratio"] = memory.used / memory.limit
        return f"PONG; {memory.used / 2**20:.1f} MiB used, fragmentation {memory.fragmentation}", facts


def _told(look: Look) -> tuple[str, Facts]:
    facts: Facts = {
        "live": look.live,
        "ready": look.ready if look.live else False,
        "health_ok": (look.health in {"ok", "degraded"}) if look.live and look.health is not None else False,
    }
    if "llm" in look.parts:
        facts["llm_failing"] = look.parts["llm"] == "down"
    if look.live is None:
        facts = {}
    return look.detail or "live, ready and healthy", facts


def _flag(text: str | None, *, default: bool) -> bool:
    return default if text is None else text.strip().lower() in {"1", "true", "yes", "on"}
