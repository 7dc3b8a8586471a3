"""Nothing that was answered with 200 is lost: the judging process, the database or both are killed under load."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.core_process import CoreProcess, Home
from tests.support.stores import Postgres

BODY = {"workflow_name": "equipment-sensors", "input_data": {"설비ID": "K", "온도": 92, "습도": 40, "진동": 3.2}}
EXECUTE = "/api/v2/judgment/execute"
WAIT_S = 40.0


@dataclass
class World:
    """A PostgreSQL of this test's own, a workflow service and a judgment service."""

    postgres: Postgres
    home: Home
    workflow: CoreProcess
    judgment: CoreProcess
    answered: dict[str, str] = field(default_factory=dict)
    refused: int = 0

    @property
    def spool(self) -> Path:
        return self.home.folder / "spool" / "judgment" / "records"

    async def load(self, stop: asyncio.Event) -> None:
        """Judge without a pause, and remember what was answered with 200 and where it was kept."""
        headers = {"Authorization": f"Bearer {self.home.token()}"}
        async with httpx.AsyncClient(
            base_url=self.judgment.url, headers=headers, timeout=10, trust_env=False
        ) as client:
            while not stop.is_set():
                try:
                    answer = await client.post(EXECUTE, json=BODY)
                except httpx.HTTPError:
                    self.refused += 1
                    await asyncio.sleep(0.02)
                    continue
                if answer.status_code == 200:
                    document = answer.json()
                    self.answered[document["data"]["execution_id"]] = document["meta"]["durability"]
                else:
                    assert answer.status_code == 503, answer.text
                    self.refused += 1

    async def under_load(self, *steps: Callable[[], None]) -> None:
        """Run the load; take each step once some more judgments were answered."""
        stop = asyncio.Event()
        loads = [asyncio.create_task(self.load(stop)) for _ in range(8)]
        try:
            for step in steps:
                await self.more_answers(150)
                await asyncio.to_thread(step)
            await self.more_answers(150)
        finally:
            stop.set()
            await asyncio.gather(*loads)

    async def more_answers(self, number: int) -> None:
        wanted = len(self.answered) + number
        deadline = time.monotonic() + WAIT_S
        while len(self.answered) < wanted:
            assert time.monotonic() < deadline, f"{len(self.answered)} of {wanted} answers\n{self.log()}"
            await asyncio.sleep(0.01)

    def log(self) -> str:
        return self.judgment.log.read_text(errors="replace")[-3000:]

    def drained(self) -> None:
        """Wait until the spool is empty."""
        deadline = time.monotonic() + WAIT_S
        while any(path.stat().st_size for path in self.spool.glob("*.log")):
            assert time.monotonic() < deadline, f"{[path.name for path in self.spool.iterdir()]}\n{self.log()}"
            time.sleep(0.05)

    async def stored(self) -> list[str]:
        connection = await asyncpg.connect(self.postgres.url)
        try:
            rows = await connection.fetch("SELECT id FROM judgment.executions")
        finally:
            await connection.close()
        return [row["id"] for row in rows]

    async def nothing_is_lost(self) -> None:
        await asyncio.to_thread(self.drained)
        stored = await self.stored()
        assert len(stored) == len(set(stored)), "an execution was written twice"
        assert set(self.answered) <= set(stored), (
            f"{len(set(self.answered) - set(stored))} of {len(self.answered)} lost"
        )

    def restart_judgment(self) -> None:
        self.judgment.kill()
        self.judgment.start("/ready")

    def restart_postgres(self) -> None:
        self.postgres.kill()
        self.postgres.start()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-durability-"))
    folder.chmod(0o755)
    postgres = Postgres(folder / "server")
    home = Home(tmp_path, postgres.url)
    world = World(postgres, home, CoreProcess(home, "workflow"), CoreProcess(home, "judgment"))
    try:
        postgres.create()
        world.workflow.start("/ready")
        world.judgment.start("/ready")
        wait_until_judging(world)
        yield world
    finally:
        postgres_alive(postgres)
        world.judgment.stop()
        world.workflow.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def postgres_alive(postgres: Postgres) -> None:
    """A frozen server cannot be ended gracefully."""
    import contextlib

    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        postgres.thaw()


def wait_until_judging(world: World, durability: str = "database") -> None:
    deadline = time.monotonic() + WAIT_S
    with world.home.client("judgment") as client:
        while True:
            answer = client.post(EXECUTE, json=BODY)
            if answer.status_code == 200 and answer.json()["meta"]["durability"] == durability:
                return
            assert time.monotonic() < deadline, f"{answer.text}\n{world.log()}"
            time.sleep(0.05)


async def test_the_judging_process_is_killed_under_load(world: World) -> None:
    await world.under_load(world.restart_judgment, world.restart_judgment)
    await world.nothing_is_lost()
    assert world.refused, "the kill was never noticed by the load"


async def test_the_database_is_killed_under_load_and_judging_goes_on(world: World) -> None:
    await world.under_load(world.postgres.kill, world.postgres.start)
    assert "spool" in world.answered.values()
    assert world.refused == 0
    await world.nothing_is_lost()


async def test_both_are_killed_and_the_spool_survives(world: World) -> None:
    await world.under_load(world.postgres.kill)
    world.judgment.kill()
    # A torn last line: the process died in the middle of a write that nobody was answered for.
    segment = max(world.spool.glob("*.log"), key=lambda path: path.stat().st_size)
    with segment.open("ab") as file:
        file.write(b'0badc0de ["exe_torn')
    world.judgment.start("/live")
    # Without database and with the workflow service unable to read it, the mirror judges.
    wait_until_judging(world, "spool")
    health = world.judgment.wait_for("/health")
    assert health["status"] == "degraded"
    assert health["parts"] == {"database": "down", "workflow": "degraded", "spool": "ok"}
    number = next(number for number, kept in world.answered.items() if kept == "spool")
    with world.home.client("judgment") as client:
        found = client.get(f"/api/v2/judgment/executions/{number}")
        assert found.status_code == 200, found.text
        assert found.json()["meta"]["durability"] == "spool"
    world.postgres.start()
    await world.nothing_is_lost()
    with world.home.client("judgment") as client:
        assert client.get(f"/api/v2/judgment/executions/{number}").json()["meta"]["durability"] == "database"


async def test_a_database_that_hangs_costs_at_most_a_second(world: World) -> None:
    world.postgres.freeze()
    slowest = 0.0
    with world.home.client("judgment") as client:
        for _ in range(5):
            started = time.monotonic()
            answer = client.post(EXECUTE, json=BODY)
            slowest = max(slowest, time.monotonic() - started)
            assert answer.status_code == 200
            world.answered[answer.json()["data"]["execution_id"]] = answer.json()["meta"]["durability"]
    assert set(world.answered.values()) == {"spool"}
    assert slowest < 1.5
    world.postgres.thaw()
    await world.nothing_is_lost()


def test_without_database_and_spool_there_is_no_200(world: World) -> None:
    world.postgres.kill()
    wait_until_judging(world, "spool")
    world.judgment.kill()
    # A file where the folder should be: the disk refuses, for root as well.
    shutil.rmtree(world.spool)
    world.spool.write_text("not a folder")
    world.judgment.start("/live")
    health = world.judgment.wait_for("/health", 503)
    assert health["parts"]["spool"] == health["parts"]["database"] == "down"
    with world.home.client("judgment") as client:
        answer = client.post(EXECUTE, json=BODY)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:judgify:problem:spool-broken"
    assert "retry-after" in answer.headers
    world.spool.unlink()
    wait_until_judging(world, "spool")


async def test_the_workflow_service_is_gone_and_judging_goes_on_after_a_restart(world: World) -> None:
    world.workflow.kill()
    world.restart_judgment()
    wait_until_judging(world)
    assert world.judgment.wait_for("/health")["parts"]["workflow"] == "degraded"
    with world.home.client("judgment") as client:
        unknown: Any = client.post(EXECUTE, json={**BODY, "workflow_name": "nobody knows"})
    assert unknown.status_code == 503
