"""Stories of what depends on something: whose incident a signal belongs to, while the root fails and afterwards."""

import pytest
from tests.support.response_world import World

pytestmark = pytest.mark.guide("G02", "G04")


async def test_a_service_that_hangs_after_its_database_came_back_has_an_incident_of_its_own(world: World) -> None:
    world.works("database", "judgment", "gateway")
    first = await world.fails("database")
    await world.tick()
    world.works("database")
    await world.passing(20)
    assert (await world.incident(first)).ongoing
    second = await world.fails("judgment")
    assert second != first
    incident = await world.incident(second)
    assert (incident.key.root, incident.severity, incident.severity_rule) == ("judgment", "P1", "judgment-down")
    # The first one is not held open by what is not its doing.
    await world.passing(60)
    assert (await world.incident(first)).state == "recovered"
    assert (await world.incident(second)).ongoing


async def test_what_shows_right_after_the_root_came_back_is_still_its_doing(world: World) -> None:
    world.works("database", "judgment")
    first = await world.fails("database")
    await world.tick()
    world.works("database")
    await world.passing(5)
    assert await world.fails("judgment", "health_failed") == first
    await world.passing(40)
    assert await world.fails("workflow", "health_failed") != first


async def test_a_wrong_password_is_one_incident_rooted_at_the_database(world: World) -> None:
    world.works("database")
    await world.passing(60)
    blames = {"labels": {"blames": "database"}}
    services = ("judgment", "workflow", "action")
    found = [await world.fails(service, "health_failed", **blames) for service in services]
    assert len(set(found)) == 1
    incident = await world.incident(found[0])
    assert incident.key.root == "database"
    assert incident.service_names() == services
    assert incident.title.startswith("데이터베이스")
