"""A storm wakes a person once: one digest, with the count, and nothing lost."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tests.support.response_world import MINSU, World, default_guide

from judgify.kit.errors import Conflict
from judgify.response.model import Page
from judgify.response.pager.wording import message_of
from judgify.response.storm import COUNT, DIGEST, Storm


def told(world: World, person: str = "devops-lead", channel: str = "mailbox") -> list[Page]:
    """What one person got through one channel, as pages, in order."""
    return [page for page in world.pager.sent if (page.person, page.channel, page.kind) == (person, channel, "page")]


async def strange(world: World, first: int, count: int, **fields: object) -> None:
    """Alerts on services that nobody knows: each an incident of its own."""
    await asyncio.gather(*(world.send(f"box-{n}", "on_fire", **fields) for n in range(first, first + count)))


CRITICAL = {"labels": {"severity": "critical"}}


async def test_a_few_incidents_are_told_one_by_one(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 3, **CRITICAL)
    await world.tick()
    assert [DIGEST in page.payload for page in told(world)] == [False] * 3


async def test_many_incidents_at_once_are_one_digest_with_the_count(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 50, **CRITICAL)
    await world.tick()
    (digest,) = told(world)
    assert digest.payload[COUNT] == 50
    assert len(digest.payload[DIGEST]) == 50
    # Everybody, on every channel, was told once.
    counted = Counter((page.person, page.channel, page.kind) for page in world.pager.sent if page.role != "internal")
    assert set(counted.values()) == {1}
    incident = await world.incident(digest.incident_id)
    for lang in ("ko", "en"):
        message = message_of(digest, incident, default_guide(), console_url="http://x", lang=lang)
        assert "50" in message.subject
        assert message.body.count("INC-2026-") == 20
        assert f"judgify incident ack {digest.id}" in message.body
    # What was told in it says so on its own timeline.
    assert "pages-withdrawn" in await world.types("INC-2026-0007")


async def test_what_comes_later_is_told_when_the_digest_is_told_again_and_what_is_worse_at_once(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 10)
    await world.tick()
    await world.clock.advance(10)
    await strange(world, 10, 10)
    await world.tick()
    assert [page.payload[COUNT] for page in told(world, "infra-engineer")] == [10]
    await strange(world, 20, 1, **CRITICAL)
    await world.tick()
    worse = told(world, "infra-engineer")[-1]
    assert worse.payload[COUNT] == 21
    assert (await world.incident(worse.incident_id)).severity == "P1"


async def test_more_of_the_same_is_told_two_minutes_later(world: World) -> None:
    await strange(world, 0, 10)
    await world.tick()
    await world.clock.advance(10)
    await strange(world, 10, 10)
    await world.passing(100)
    assert [page.payload[COUNT] for page in told(world, "infra-engineer")] == [10]
    await world.passing(15)
    assert [page.payload[COUNT] for page in told(world, "infra-engineer")] == [10, 20]


async def test_acknowledging_the_digest_acknowledges_what_it_names_and_nothing_else(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 10, **CRITICAL)
    await world.tick()
    (digest,) = told(world)
    taken = await world.core.engine.acknowledge(digest.id, MINSU)
    assert taken.held
    held = [await world.incident(one) for one in digest.payload[DIGEST]]
    assert all(incident.acknowledged_by == MINSU for incident in held)
    with pytest.raises(Conflict):
        await world.core.engine.acknowledge(digest.id, MINSU)
    await world.clock.advance(5)
    await strange(world, 10, 2, **CRITICAL)
    await world.passing(130)
    again = told(world)[-1]
    assert again.payload[COUNT] == 2
    assert set(again.payload[DIGEST]).isdisjoint(digest.payload[DIGEST])


async def test_a_digest_that_nobody_takes_is_repeated_with_what_is_left(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 10, **CRITICAL)
    await world.tick()
    (digest,) = told(world)
    for incident_id in digest.payload[DIGEST][:4]:
        await world.core.engine.acknowledge(incident_id, MINSU)
    every_s, _ = world.policy.repeat()
    await world.passing(every_s + 1)
    assert [page.payload[COUNT] for page in told(world) if page.repeat == 1] == [6]


async def test_a_storm_that_ends_before_its_digest_is_told_again_withdraws_it(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 5, **CRITICAL)
    await world.tick()
    (digest,) = told(world)
    await world.core.engine.acknowledge(digest.id, MINSU)
    await world.passing(700)
    assert len([page for page in told(world) if DIGEST in page.payload]) == 1


async def test_a_crash_between_the_storm_and_its_digest_loses_nothing(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 10, **CRITICAL)
    await world.crash()
    await world.tick()
    (digest,) = told(world)
    assert digest.payload[COUNT] == 10


async def test_a_restart_in_a_storm_tells_nothing_anew(world: World) -> None:
    await strange(world, 0, 10)
    await world.tick()
    for crashes in range(1, 4):
        await world.crash()
        await world.clock.advance(10)
        await strange(world, 10 * crashes, 5)
        await world.tick()
    assert [page.payload[COUNT] for page in told(world, "infra-engineer")] == [10]
    await world.passing(95)
    assert [page.payload[COUNT] for page in told(world, "infra-engineer")] == [10, 25]


async def test_who_was_told_one_by_one_before_a_restart_gets_the_digest_after_it(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 3, **CRITICAL)
    await world.tick()
    await world.crash()
    await strange(world, 3, 2, **CRITICAL)
    await world.tick()
    assert [page.payload.get(COUNT) for page in told(world)] == [None, None, None, 5]
    # What was told longer ago counts no more.
    await world.clock.advance(70)
    await world.crash()
    await strange(world, 5, 1, **CRITICAL)
    await world.tick()
    assert told(world)[-1].payload.get(COUNT) is None


async def test_a_second_engine_on_the_store_joins_the_storm_of_the_first(world: World) -> None:
    await strange(world, 0, 10)
    await world.tick()
    world.core.desk.storm = Storm(world.policy.storm())
    await world.clock.advance(5)
    await strange(world, 10, 3)
    await world.tick()
    assert len(told(world, "infra-engineer")) == 1


async def test_when_it_is_calm_again_pages_come_one_by_one(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    await strange(world, 0, 10, **CRITICAL)
    await world.tick()
    await world.core.engine.acknowledge(told(world)[0].id, MINSU)
    await world.passing(100)
    await strange(world, 50, 1, **CRITICAL)
    await world.tick()
    assert DIGEST not in told(world)[-1].payload


async def test_distinct_alerts_for_a_minute(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    services = ["judgment", "redis", "logging", "action", *(f"box-{n}" for n in range(30))]
    for second in range(60):
        await asyncio.gather(
            *(
                world.send(services[n % len(services)], "odd_thing", fingerprint=f"{second}-{n}", **CRITICAL)
                for n in range(20)
            )
        )
        await world.tick()
        await world.clock.advance(1)
    incidents = await world.core.desk.ask(lambda tx: tx.incidents(limit=100))
    assert len(incidents) == len({incident.key for incident in incidents}) <= len(services)
    rows = [len(await world.core.desk.ask(lambda tx, i=one.id: tx.signals(i))) for one in incidents]  # type: ignore[misc]
    assert sum(rows) == 60 * 20
    pages = [page for page in told(world) if "runbook" not in page.payload]
    assert len(pages) <= 4, [page.row for page in pages]
    assert pages[0].created_at - incidents[-1].started_at <= timedelta(seconds=1)
    assert max(page.payload.get(COUNT, 1) for page in pages) == len(incidents)


async def test_a_sender_of_ever_new_services_gets_one_incident_for_the_rest(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    for start in range(0, 260, 65):
        await strange(world, start, 65)
    incidents = await world.core.desk.ask(lambda tx: tx.incidents(limit=1_000))
    assert len(incidents) == 201
    (rest,) = [incident for incident in incidents if incident.key.root == "unknown"]
    rows = await world.core.desk.ask(lambda tx: tx.signals(rest.id))
    assert rows[0].signal.labels["service_named"].startswith("box-")
