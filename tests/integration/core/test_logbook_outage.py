"""No line is lost or doubled while the logging service is away, is killed in mid-batch, or its database is."""

import os
import threading
from pathlib import Path

import pytest
from bench.log_outage import outage

from judgify.core.logbook.unit_file import Offset, read_chunk
from judgify.supervisor import logfile

pytestmark = pytest.mark.guide("S05", "G19")


def test_every_line_arrives_once_through_an_outage_kills_and_two_services() -> None:
    found = outage(3, rate=300)
    assert found["written_during_outage"] > 300
    assert found["tries_over_http"] > found["lines_over_http"] / 50, "the outage was felt"
    assert (found["missing"], found["twice"]) == (0, 0), found


def test_while_a_file_is_written_freed_and_read_every_line_is_kept_or_counted(tmp_path: Path) -> None:
    path = tmp_path / "unit.log"
    total, width = 60_000, 64

    def write() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in range(total):
            os.write(descriptor, (b"%08d" % number).ljust(width - 1, b".") + b"\n")
        os.close(descriptor)

    writer = threading.Thread(target=write)
    writer.start()
    numbers: list[int] = []
    offset = Offset()
    lost = freed = 0
    while offset.position < total * width:
        chunk = read_chunk(path, offset, 64 * 1024)
        numbers += [int(line[:8]) for line in chunk.lines]
        assert not chunk.anew
        lost += chunk.lost
        offset = chunk.offset
        if path.exists():
            freed += logfile.rotate(path, 500_000)
    writer.join()
    assert freed > 0
    assert len(numbers) + lost // width == total
    assert lost % width == 0
    assert numbers == sorted(set(numbers))
    assert path.stat().st_blocks * 512 < 1_200_000


def test_what_was_freed_unread_is_counted_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "unit.log"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(100_000)))
    first = read_chunk(path, Offset(), 8_000)
    assert first.lines[-1] == "0000999"
    assert logfile.rotate(path, 100_000)
    offset, lines, lost = first.offset, list(first.lines), 0
    while (chunk := read_chunk(path, offset, 64 * 1024)).offset != offset:
        lines += chunk.lines
        lost += chunk.lost
        offset = chunk.offset
    # Lines of eight bytes: what is not there was told.
    assert lost == (100_000 - len(lines)) * 8
    assert lost > 600_000
    assert lines[-1] == "0099999"
    assert all(len(line) == 7 for line in lines)


def test_a_file_that_ends_in_a_hole_is_read_on_after_it(tmp_path: Path) -> None:
    path = tmp_path / "unit.log"
    path.write_bytes(b"one\n")
    offset = read_chunk(path, Offset()).offset
    os.truncate(path, 1_000_000)
    chunk = read_chunk(path, offset)
    while chunk.rest:
        chunk = read_chunk(path, chunk.offset)
    with path.open("ab") as file:
        file.write(b"two\n")
    assert read_chunk(path, chunk.offset).lines == ("two",)


def test_entries_of_several_lines_stay_together_at_a_chunks_end(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    entries = [f"LOG:  one {number}\n\tgoes on\n\tand on" for number in range(50)]
    path.write_text("\n".join(entries) + "\n")
    for size in range(30, 90):
        found: list[str] = []
        offset = Offset()
        while (chunk := read_chunk(path, offset, size, joined=True)).lines:
            found += chunk.lines
            offset = chunk.offset
        assert found == entries, size
