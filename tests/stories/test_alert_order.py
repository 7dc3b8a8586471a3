"""Outside alerts in any order, any number of times: the same end."""

import itertools
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.response_world import World

Word = tuple[str, str, int, int]
"""Fingerprint, status, begun and ended, in minutes before now."""
FIRST: Word = ("a", "firing", 60, 0)
OVER: Word = ("a", "resolved", 60, 40)
AGAIN: Word = ("a", "firing", 30, 0)
OTHER: Word = ("b", "firing", 50, 0)
OTHER_OVER: Word = ("b", "resolved", 50, 20)


async def outcome(folder: Path, words: tuple[Word, ...]) -> dict[str, Any]:
    world = await World(folder).up()
    now = world.clock.now()
    for name, status, begun, ended in words:
        over = {"ended_at": now - timedelta(minutes=ended)} if status == "resolved" else {}
        await world.send(
            "judgment",
            "disk_will_fill",
            status=status,
            fingerprint=name,
            observed_at=now - timedelta(minutes=begun),
            **over,
        )
    found = await world.core.desk.ask(lambda tx: tx.incidents())
    rows = await world.core.desk.ask(lambda tx: [tx.signals(one.id) for one in found])
    await world.down()
    return {
        "incidents": [(one.key, one.severity, sorted(one.cleared), one.service_names()) for one in found],
        "alerts": sorted(row.signal.fingerprint for one in rows for row in one),
    }


@pytest.mark.parametrize(
    ("words", "cleared"),
    [
        ((FIRST, OVER), True),
        ((FIRST, OVER, AGAIN), False),
        ((FIRST, FIRST, OVER, OVER), True),
        ((FIRST, OVER, OTHER), False),
        ((FIRST, OVER, OTHER, OTHER_OVER), True),
        ((FIRST, OVER, AGAIN, OTHER_OVER, OTHER), False),
    ],
)
async def test_every_order_of_the_same_words_ends_alike(
    tmp_path: Path, words: tuple[Word, ...], *, cleared: bool
) -> None:
    orders = sorted(set(itertools.permutations(words)))
    # Every order of up to four words; of more, as many, by a fixed seed.
    chosen = orders if len(orders) <= 24 else random.Random(7).sample(orders, 24)  # noqa: S311 - which orders, no secret
    ends = [await outcome(tmp_path, order) for order in chosen]
    assert all(end == ends[0] for end in ends), next(
        order for order, end in zip(chosen, ends, strict=True) if end != ends[0]
    )
    assert len(ends[0]["incidents"]) == 1
    assert bool(ends[0]["incidents"][0][2]) is cleared


async def test_an_end_before_its_beginning_is_kept_over_a_crash(world: World) -> None:
    now = world.clock.now()
    begun, ended = now - timedelta(minutes=9), now - timedelta(minutes=3)
    said = {"fingerprint": "x", "observed_at": begun}
    assert await world.send("judgment", "odd", status="resolved", ended_at=ended, **said) is None
    await world.crash()
    incident_id = await world.send("judgment", "odd", **said)
    assert (await world.types(incident_id))[-1] != "incident-opened"
    assert (await world.incident(incident_id)).cleared
