"""One drill from steady state to report. The automation policy is the shipped one; nobody helps it along."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from judgify.drill import judge, segment
from judgify.drill.act import Act
from judgify.drill.cache import RedisDown
from judgify.drill.doors import SHORT, Doors, Say
from judgify.drill.engine import DOCUMENTS
from judgify.drill.load import DOCUMENT, RATE, WORKFLOW, Load
from judgify.drill.model import LlmFailing
from judgify.drill.release import BadRelease
from judgify.drill.scenario import Fault, Scenario
from judgify.drill.undo import Undo
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock, iso, show
from judgify.kit.errors import Conflict, JudgifyError, Unavailable
from judgify.kit.ids import new_id

PROMISED_RATE: Final = 20.0
GIVE_UP_S: Final = 180.0
"""A drill that is not over by then has failed; what was measured up to then is reported."""

_ACTS: Final[Mapping[Fault, Callable[[Scenario, Doors, Undo, Say], Act]]] = {
    "kill": Act,
    "cache": RedisDown,
    "release": BadRelease,
    "model": LlmFailing,
}


async def run(scenario: Scenario, doors: Doors, say: Say) -> dict[str, Any]:
    """Run one drill and give its report (`passed`, `failures`, `segments`, `load`, `documents` …).

    Whatever was changed for the drill is put back at its end, however it ends.

    Raises `Conflict` before anything is broken when the installation is not in a state to be drilled, and
    `Unavailable` when a part that the drill needs does not answer.
    """
    undo = Undo(doors.settings.home)
    if undo.entries:
        say("putting back what a drill that was cut off had changed")
        await undo.run(doors.supervisor, doors.gateway)
    await _preconditions(scenario, doors)
    act = _ACTS[scenario.fault](scenario, doors, undo, say)
    faults: list[str] = []
    try:
        report = await _played(scenario, doors, act, say)
    finally:
        await act.close()
        faults = await undo.run(doors.supervisor, doors.gateway)
        for reason in faults:
            say(reason)
    if faults:
        report["failures"] += faults
        report["passed"] = False
    return report


async def _played(scenario: Scenario, doors: Doors, act: Act, say: Say) -> dict[str, Any]:
    clock = doors.clock
    drill_id = new_id("drl")
    await act.prepare()
    load = Load(act.callers(), clock, durability=scenario.durability)
    load.start()
    meanwhile: asyncio.Task[None] | None = None
    registered = False
    try:
        say(f"steady state: {RATE:.0f} judgments/s through the gateway")
        await _until_steady(load, clock, doors.pace.before_s)
        await act.steady(load)
        await doors.engine.register(drill_id, scenario.name, (scenario.service,))
        registered = True
        struck = await act.strike(load)
        say(f"fault: {struck.text}")
        meanwhile = asyncio.create_task(act.meanwhile(struck, load))
        incident_id = await _follow(act, load, drill_id, struck.mono, meanwhile)
        await meanwhile
    except BaseException:
        if registered:
            # The engine must not take later signals for a drill's.
            with suppress(JudgifyError):
                await doors.engine.finish(drill_id, {"scenario": scenario.name, "passed": False, "broken_off": True})
        raise
    finally:
        if meanwhile is not None:
            meanwhile.cancel()
        await load.stop()
    ruling = act.ruling(load.samples, struck.mono)
    lost = await _count_lost(doors, load, act.executions())
    documents: list[str] = []
    entries: list[dict[str, Any]] = []
    if incident_id is not None:
        await _close(scenario, doors, incident_id, say)
        documents = await _documents(doors, incident_id)
        entries = await doors.engine.timeline(incident_id)
    segments = segment.read(entries, struck.at, ruling, struck.mono, act.mended_mono)
    failures = segment.failures(segments, scenario.allowance, lost=lost, documents=documents)
    failures += await _wrong_story(scenario, doors, incident_id)
    operations = [_kind(entry) for entry in entries if entry["type"] == "operation-started"]
    failures += await act.verdict(load, struck, operations)
    report = {
        "id": drill_id,
        "scenario": scenario.name,
        "title": scenario.title,
        "guide": scenario.guide,
        "started_at": iso(struck.at),
        "started_at_shown": show(struck.at),
        "incident": incident_id,
        "segments": segment.as_mapping(segments),
        "allowance": asdict(scenario.allowance),
        "load": {
            "asked": ruling.asked,
            "wrong": ruling.wrong,
            "answered": sum(1 for one in load.samples if one.status == 200),
            "lost": lost,
            "rate_per_s": RATE,
            "late_s": round(load.late_s, 3),
            "wrong_status": _statuses(load, struck.mono),
        },
        "short": doors.pace == SHORT,
        "operations": operations,
        "figures": act.figures(),
        "documents": documents,
        "failures": failures,
        "passed": not failures,
    }
    await doors.engine.finish(drill_id, report)
    return report


def _statuses(load: Load, since: float) -> dict[str, int]:
    """Count the wrong answers by their status; 0 is "no answer in time"."""
    return dict(Counter(str(one.status) for one in load.samples if one.sent_at >= since and not one.right))


def _kind(entry: Mapping[str, Any]) -> str:
    return str(entry["event"]["operation"]["rendered"]["operation"]["kind"])


async def _preconditions(scenario: Scenario, doors: Doors) -> None:
    for unit in await doors.supervisor.units():
        if unit.desired == "running" and unit.healthy is False:
            raise Conflict(f"the unit {unit.name} is not healthy; a drill begins from health (judgify status)")
    if (await doors.supervisor.traffic()).blocked:
        raise Conflict("traffic is blocked at the gateway; unblock it before a drill")
    if (await doors.engine.automation()).get("held"):
        raise Conflict("automation is held; lift it before a drill: judgify runbook release")
    open_incident = await doors.engine.open_on(scenario.service)
    if open_incident is not None:
        raise Conflict(f"{open_incident} on {scenario.service} is not resolved yet; resolve it before a drill")
    await _ensure_workflow(doors.gateway)


async def _ensure_workflow(gateway: ServiceClient) -> None:
    base = "/api/v2/workflow/workflows"
    listed = await gateway.get(base, name=WORKFLOW)
    if not any(one["name"] == WORKFLOW and one.get("active_version") for one in listed):
        created = next((one for one in listed if one["name"] == WORKFLOW), None) or await gateway.post(base, DOCUMENT)
        await gateway.post(f"{base}/{created['id']}/activate", {"version": created.get("latest_version", 1)})


async def _until_steady(load: Load, clock: Clock, before_s: float) -> None:
    begun = clock.monotonic()
    while clock.monotonic() - begun < 30:
        await clock.sleep(0.25)
        now = clock.monotonic()
        settled = now - 0.5
        since = max(begun, settled - before_s)
        if settled - since >= before_s - 0.01 and judge.steady(load.samples, since, settled, PROMISED_RATE):
            return
    wrong = next((one for one in reversed(load.samples) if not one.right), None)
    raise Unavailable(
        f"the platform did not answer {PROMISED_RATE:.0f} judgments/s rightly for {before_s:.0f} s before the "
        f"fault; nothing was broken (last wrong status: {wrong.status if wrong else 'none'})"
    )


async def _follow(act: Act, load: Load, drill_id: str, fault_mono: float, meanwhile: asyncio.Task[None]) -> str | None:
    doors, say, clock = act.doors, act.say, act.doors.clock
    incident_id: str | None = None
    told: set[str] = set()

    def tell(key: str, line: str) -> None:
        if key not in told:
            told.add(key)
            say(f"+{clock.monotonic() - fault_mono:5.1f} s  {line}")

    while clock.monotonic() - fault_mono < GIVE_UP_S:
        await clock.sleep(0.2)
        if meanwhile.done():
            meanwhile.result()  # a part of the drill's own that failed ends the drill
        restored = act.ruling(load.samples, fault_mono).restored_at
        if restored is not None:
            tell("restored", f"right answers for {doors.pace.stretch_s:.0f} s, since +{restored - fault_mono:.1f} s")
        try:
            incident = await doors.engine.incident_of(drill_id)
        except Unavailable:
            continue
        if incident is None:
            continue
        incident_id = str(incident["id"])
        tell("incident", f"{incident_id} {incident['severity']} on {incident['root']}")
        tell(f"state {incident['state']}", f"state: {incident['state']}")
        if any(approval["state"] == "waiting" for approval in incident.get("approvals", ())):
            tell("approval", "waiting for an approval (judgify incident approve)")
        if restored is not None and incident["state"] in {"recovered", "resolved", "closed"}:
            break
    return incident_id


async def _count_lost(doors: Doors, load: Load, besides: list[str]) -> int:
    """Read back every judgment that was answered with 200; one that cannot be read is lost, for whatever reason."""
    wanted = [one.execution_id for one in load.samples if one.execution_id is not None] + besides
    gate = asyncio.Semaphore(8)

    async def missing(execution_id: str) -> bool:
        async with gate:
            try:
                found = await doors.gateway.get(f"/api/v2/judgment/executions/{execution_id}")
            except JudgifyError:
                return True
        return str(found.get("id", found.get("execution_id"))) != execution_id

    return sum(await asyncio.gather(*(missing(one) for one in wanted)))


async def _close(scenario: Scenario, doors: Doors, incident_id: str, say: Say) -> None:
    """Do what a person does at the end of an incident, so that the post-mortem is a closed one."""
    engine = doors.engine
    state = (await engine.incident(incident_id))["state"]
    if state not in {"recovered", "resolved"}:
        return
    ko, en = scenario.cause
    ko, en = ko or f"훈련: {scenario.unit} 프로세스에 SIGKILL을 보냄", en or f"Drill: SIGKILL sent to {scenario.unit}"
    cause = {"text": f"{ko} / {en}", "fix_now": "런북에 따라 복구됨 / Recovered by the runbook"}
    due = iso(doors.clock.now() + timedelta(days=7))
    try:
        await engine.act(incident_id, "ack")
        await engine.act(incident_id, "rootcause", cause)
        await engine.act(incident_id, "assign", {"person": "drill"})
        await engine.add_action(incident_id, "훈련 결과 검토 / Review the drill's report", "drill", due)
        if state == "recovered":
            await engine.act(incident_id, "resolve", {"reason": "훈련 종료 / end of the drill"})
        await engine.act(incident_id, "close", {})
        say(f"closed {incident_id}")
    except JudgifyError as error:
        say(f"closing {incident_id} was refused: {error.detail}")


async def _documents(doors: Doors, incident_id: str) -> list[str]:
    found = []
    for kind, lang in DOCUMENTS:
        text = await doors.engine.document(incident_id, kind, lang)
        if incident_id in text:
            found.append(f"{kind}.{lang}")
    return found


async def _wrong_story(scenario: Scenario, doors: Doors, incident_id: str | None) -> list[str]:
    """Compare what the engine recorded with what the guide says of this fault."""
    if incident_id is None:
        return ["the engine opened no incident for this drill"]
    incident = await doors.engine.incident(incident_id)
    found = []
    if incident["root"] != scenario.service:
        found.append(f"the incident names {incident['root']} as the root, not {scenario.service}")
    if incident["severity"] != scenario.severity:
        found.append(f"the incident is {incident['severity']}, the guide says {scenario.severity}")
    if incident["state"] != "closed":
        found.append(f"the incident ended as {incident['state']}, not closed")
    return found
