"""A burst taken together leaves what the same signals one by one leave, in their order."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.response_world import World

from judgify.kit.ids import new_id
from judgify.response import engine
from judgify.response.model import Signal
from judgify.response.standing import KIND


def burst(world: World) -> list[Signal]:
    """Firing, repeated, ended before it began, over, on a root that turns up late, on services that nobody knows."""
    now = world.clock.now()
    said: list[tuple[str, str, str, float]] = [
        *(("judgment", f"disk_{number % 7}", "firing", -60.0) for number in range(40)),
        ("workflow", "slow_response", "resolved", -5),
        ("workflow", "slow_response", "firing", -50),
        ("workflow", "not_ready", "firing", -50),
        ("database", "service_down", "firing", -20),
        ("judgment", "disk_1", "resolved", -1),
        ("judgment", "disk_1", "firing", -60),
        ("judgment", "disk_2", "firing", 0),
        *(("judgment", "not_ready", "firing", 0.0) for _ in range(12)),
        *((f"box-{number}", "on_fire", "firing", 0.0) for number in range(3)),
    ]
    values: list[dict[str, Any]] = [
        {
            "id": new_id("sig"),
            "service": service,
            "signal": name,
            "status": status,
            "source": "alertmanager",
            "observed_at": now + timedelta(seconds=begun),
            "ended_at": now + timedelta(seconds=begun) if status == "resolved" else None,
            "received_at": now,
            "fingerprint": f"{service}|{name}" if number % 3 else "",
        }
        for number, (service, name, status, begun) in enumerate(said)
    ]
    return [Signal.model_validate(one) for one in values]


async def left(world: World) -> list[Any]:
    """What the store holds, but for what is made up anew each time."""
    incidents = await world.core.desk.ask(lambda tx: sorted(tx.incidents(), key=lambda one: one.id))
    found: list[Any] = []
    for incident in incidents:
        rows = await world.core.desk.ask(lambda tx, i=incident.id: tx.signals(i))  # type: ignore[misc]
        counts = sorted((row.signal.service, row.signal.signal, row.signal.fold_key, row.count) for row in rows)
        found.append((incident.key, incident.state, incident.merged_into, counts, await world.types(incident.id)))
    kept = await world.core.desk.ask(lambda tx: tx.all_kept(KIND))
    return [*found, [(one.id, one.owner, one.body) for one in kept]]


@pytest.mark.parametrize("sqlite", [False, True])
async def test_taken_together_or_one_by_one_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sqlite: bool
) -> None:
    worlds = []
    for name, together in (("a", 4), ("b", 10_000)):
        (tmp_path / name).mkdir()
        world = await World(tmp_path / name, sqlite=sqlite).up()
        world.runner.fault = RuntimeError("no runbook today")
        monkeypatch.setattr(engine, "GATHERED", together)
        signals = burst(world)
        for start in range(0, len(signals), 25):
            await world.core.engine.take(signals[start : start + 25])
        worlds.append(world)
    gathered, alone = [await left(world) for world in worlds]
    assert gathered == alone
    assert sum(row[3] for one in gathered[:-1] for row in one[3]) > 50
    for world in worlds:
        await world.down()


async def test_a_burst_that_fails_leaves_nothing(tmp_path: Path) -> None:
    world = await World(tmp_path, sqlite=True).up()
    before = await left(world)

    def fails(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await world.core.engine.take(burst(world), fails)
    assert await left(world) == before == [[]]
    await world.down()
