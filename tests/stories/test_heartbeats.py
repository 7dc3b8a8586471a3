"""Dead man's switches with the clock moved: silence, return, restarts."""

import pytest
from tests.support.response_world import World

from judgify.kit.errors import Conflict, NotFound


async def missing(world: World) -> list[str]:
    """Look, and give the roots of the incidents that there are."""
    await world.core.heartbeats.look()
    found = await world.core.desk.ask(lambda tx: tx.incidents())
    return [incident.key.root for incident in found]


async def test_silence_opens_an_incident_once_and_return_says_that_it_is_over(world: World) -> None:
    beats = world.core.heartbeats
    await beats.register("nightly-backup", every_s=3_600, grace_s=60, service="database")
    await world.clock.advance(3_655)
    assert await missing(world) == []
    await beats.beat("nightly-backup")
    await world.clock.advance(3_655)
    assert await missing(world) == []
    await world.clock.advance(10)
    assert await missing(world) == ["database"]
    assert await missing(world) == ["database"]
    incident = await world.incident("INC-2026-0001")
    assert (incident.severity, incident.key.failure_class, incident.confirmed) == ("P2", "monitoring", False)
    assert (await beats.all())[0].missing
    await beats.beat("nightly-backup")
    assert "signal-cleared" in await world.types(incident.id)
    await world.clock.advance(3_661)
    assert await missing(world) == ["database"]
    assert "heartbeat|database|heartbeat_missing" not in (await world.incident(incident.id)).cleared


async def test_a_restart_neither_forgets_nor_alarms(world: World) -> None:
    await world.core.heartbeats.register("job", every_s=600, grace_s=30, service="")
    await world.core.heartbeats.beat("job")
    await world.clock.advance(300)
    await world.crash()
    # The beat of this time could come: it is expected as ever.
    await world.clock.advance(331)
    assert await missing(world) == ["job"]
    await world.core.heartbeats.beat("job")
    await world.clock.advance(900)
    await world.crash()
    # Two minutes ago a beat was expected that nobody could take: the next one counts.
    assert await missing(world) == ["job"]
    assert not (await world.core.heartbeats.all())[0].missing
    await world.clock.advance(325)
    await world.core.heartbeats.look()
    assert not (await world.core.heartbeats.all())[0].missing
    await world.clock.advance(6)
    await world.core.heartbeats.look()
    assert (await world.core.heartbeats.all())[0].missing
    await world.crash()
    assert (await world.core.heartbeats.all())[0].missing


async def test_the_watchdog_of_prometheus_is_a_heartbeat_from_its_first_beat(world: World) -> None:
    await world.clock.advance(100_000)
    assert await missing(world) == []
    sent = await world.send("prometheus", "watchdog", labels={"alertname": "Watchdog"})
    assert sent is None
    await world.clock.advance(300)
    assert await missing(world) == []
    # That it is resolved is no beat: somebody stopped evaluating it.
    await world.send("prometheus", "watchdog", labels={"alertname": "Watchdog"}, status="resolved")
    await world.clock.advance(61)
    assert await missing(world) == ["watchdog"]


async def test_names_are_known_or_refused(world: World) -> None:
    beats = world.core.heartbeats
    with pytest.raises(NotFound):
        await beats.beat("nobody")
    with pytest.raises(NotFound):
        await beats.forget("nobody")
    for call in (beats.register("watchdog", every_s=1, grace_s=0, service=""), beats.forget("watchdog")):
        with pytest.raises(Conflict):
            await call
    await beats.register("mine", every_s=5, grace_s=0, service="")
    await beats.register("mine", every_s=50, grace_s=0, service="")
    assert [one.every_s for one in await beats.all() if one.name == "mine"] == [50]
    await beats.forget("mine")
    assert [one.name for one in await beats.all()] == ["watchdog"]
