"""Writing log lines when something goes wrong: a bad batch, a dropped partition, a full queue, the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.core_service import own_postgres, until

from judgify.core.logbook.line import Row
from judgify.core.logbook.partition import Partitions, Retention, day_of, name_of
from judgify.core.logbook.query import Search, find
from judgify.core.logbook.shipper import Shipper
from judgify.core.logbook.unit_file import Offset, read_chunk
from judgify.core.logbook.writer import MAX_QUEUED, GroupWriter
from judgify.kit.clock import SystemClock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.metrics import Metrics

CLOCK = SystemClock()


def line(message: str) -> Row:
    return CLOCK.now(), 20, "judgment", message, None, "{}"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    made = Database(postgres_url, "logging", "judgify.core.logbook", clock=CLOCK)
    made.start()
    await made.opened.wait()
    yield made
    await made.close()


def parts(database: Database) -> tuple[Partitions, GroupWriter]:
    partitions = Partitions(database, CLOCK, Retention(14, 1024**3))
    return partitions, GroupWriter(database, partitions, CLOCK)


async def messages(database: Database) -> list[str]:
    rows, _ = await find(database, Search(limit=1000))
    return sorted(row["message"] for row in rows)


async def test_a_bad_batch_costs_the_others_nothing(database: Database) -> None:
    _, writer = parts(database)
    good = [asyncio.create_task(writer.write([line(f"good{number}")], "t")) for number in range(3)]
    bad = asyncio.create_task(writer.write([line("nul \x00")], "t"))
    await asyncio.sleep(0)
    writer.start()
    results = await asyncio.gather(*good, bad, return_exceptions=True)
    await writer.stop()
    assert results[:3] == [None] * 3
    assert isinstance(results[3], Exception)
    assert await messages(database) == ["good0", "good1", "good2"]


async def test_a_partition_dropped_by_another_process_is_made_again(database: Database) -> None:
    partitions, writer = parts(database)
    writer.start()
    await writer.write([line("one")], "t")
    async with database.connection() as connection:
        await connection.execute(f"DROP TABLE logging.{name_of(day_of(CLOCK.now()))}")
    with pytest.raises(Unavailable):
        await writer.write([line("two")], "t")
    await writer.write([line("three")], "t")
    await writer.stop()
    assert await messages(database) == ["three"]
    async with database.connection() as connection:
        await connection.execute(
            "CREATE TABLE logging.other PARTITION OF logging.line FOR VALUES FROM ('2000-01-01') TO ('2000-01-02')"
        )
    assert await partitions.sweep() == []


async def test_a_full_queue_and_an_ending_writer_refuse(database: Database) -> None:
    _, writer = parts(database)
    with pytest.raises(Unavailable, match="too many"):
        await writer.write([line("x")] * (MAX_QUEUED + 1), "t")
    waiting = asyncio.create_task(writer.write([line("x")], "t"))
    await asyncio.sleep(0)
    await writer.stop()
    with pytest.raises(Unavailable, match="ending"):
        await waiting
    assert await messages(database) == []


async def test_an_outage_refuses_all_who_wait_and_ends_with_it(tmp_path: Path) -> None:
    with own_postgres() as server:
        database = Database(server.url, "logging", "judgify.core.logbook", clock=CLOCK)
        database.start()
        await database.opened.wait()
        partitions, writer = parts(database)
        writer.start()
        await writer.write([line("before")], "t")
        shipper = Shipper(tmp_path, database, partitions, CLOCK, Metrics("logging"))
        shipper.start()
        server.kill()
        answers = await asyncio.gather(
            *(writer.write([line("meanwhile")], "t") for _ in range(5)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {Unavailable}
        (tmp_path / "judgment.log").write_text(json.dumps({"message": "shipped", "level": "info"}) + "\n")
        server.start()

        async def shipped() -> bool:
            return shipper.shipped_lines == 1

        await until(shipped, 20)
        await shipper.stop()
        await writer.stop()
        assert await messages(database) == ["before", "shipped"]
        await database.close()


def test_a_line_longer_than_a_chunk_is_cut_and_a_missing_file_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("x" * 25 + "\nnext\n")
    chunk = read_chunk(file, read_chunk(tmp_path / "none.log", read_chunk(file, Offset(), 10).offset, 10).offset, 10)
    assert chunk.lines == ("x" * 10,)
    lines: list[str] = []
    offset = Offset()
    while (chunk := read_chunk(file, offset, 10)).lines:
        lines += chunk.lines
        offset = chunk.offset
    assert lines == ["x" * 10, "x" * 10, "xxxxx", "next"]
    assert chunk.rest == 0


def test_a_copy_read_to_its_end_may_lack_the_last_newline(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("one\n")
    offset = read_chunk(file, Offset()).offset
    (tmp_path / "a.log.1").write_text("one\ntwo\nthree")
    file.write_text("four\n")
    copied = read_chunk(file, offset)
    assert copied.lines == ("two",)
    assert copied.rest == len("three") + len("four\n")
    ended = read_chunk(file, copied.offset)
    assert ended.lines == ("three",)
    fresh = read_chunk(file, ended.offset)
    assert fresh.lines == ("four",)
    assert replace(fresh.offset, head="") == replace(Offset(), position=5, head_length=5)
