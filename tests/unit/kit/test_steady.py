"""The clock that nobody can set: jumps, restarts of the process and of the machine, a note that cannot be kept."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from judgify.kit.clock import FakeClock, SystemClock
from judgify.kit.steady import SteadyClock, outside

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Machine(FakeClock):
    """A machine whose time of day can be set."""

    def __init__(self) -> None:
        super().__init__(START)
        self.set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.set_by

    def since_boot(self) -> float:
        return 1_000.0 + self.monotonic()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def test_it_is_the_machines_time_while_nobody_sets_it(machine: Machine, note: Path) -> None:
    clock = SteadyClock(note, machine, "boot-1")
    assert clock.now() == START
    assert clock.ahead_s() == 0
    assert clock.monotonic() == machine.monotonic()


@pytest.mark.parametrize("jump", [DAY, -DAY, timedelta(days=500)])
async def test_a_jump_changes_no_distance(machine: Machine, note: Path, jump: timedelta) -> None:
    clock = SteadyClock(note, machine, "boot-1")
    machine.set_by = jump
    await machine.advance(60)
    assert clock.now() == START + timedelta(minutes=1)
    assert clock.ahead_s() == jump.total_seconds()


async def test_a_new_process_goes_on_where_the_last_one_was(machine: Machine, note: Path) -> None:
    SteadyClock(note, machine, "boot-1")
    machine.set_by = DAY
    await machine.advance(5)
    assert SteadyClock(note, machine, "boot-1").now() == START + timedelta(seconds=5)


@pytest.mark.parametrize("boot", ["boot-2", ""])
def test_after_a_restart_of_the_machine_its_time_is_believed(machine: Machine, note: Path, boot: str) -> None:
    SteadyClock(note, machine, boot and "boot-1")
    machine.set_by = DAY
    assert SteadyClock(note, machine, boot).now() == START + DAY


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"boot": "boot-1", "began": 7}', '{"boot": "boot-1", "began": "never"}']
)
def test_a_note_that_cannot_be_read_is_no_note(machine: Machine, note: Path, content: str) -> None:
    note.write_text(content, encoding="utf-8")
    assert SteadyClock(note, machine, "boot-1").now() == START
    assert json.loads(note.read_text(encoding="utf-8"))["boot"] == "boot-1"


def test_it_follows_when_told_and_remembers_that(machine: Machine, note: Path) -> None:
    clock = SteadyClock(note, machine, "boot-1")
    machine.set_by = DAY
    clock.follow()
    assert clock.now() == START + DAY
    assert clock.ahead_s() == 0
    machine.set_by = timedelta()
    assert SteadyClock(note, machine, "boot-1").now() == START + DAY


def test_a_note_that_cannot_be_kept_now_is_kept_later(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    clock = SteadyClock(folder / "clock.json", machine, "boot-1")
    machine.set_by = DAY
    assert clock.now() == START
    folder.mkdir()
    assert clock.ahead_s() == DAY.total_seconds()
    assert SteadyClock(folder / "clock.json", machine, "boot-1").now() == START


async def test_it_sleeps_and_waits_as_the_machine_does(note: Path) -> None:
    clock = SteadyClock(note)
    event = asyncio.Event()
    await clock.sleep(0)
    assert not await clock.wait(event, 0.001)
    event.set()
    assert await clock.wait(event, None)
    assert abs(clock.ahead_s()) < 5


def test_the_world_outside_goes_by_the_machines_clock(machine: Machine, note: Path) -> None:
    clock = SteadyClock(note, machine, "boot-1")
    assert outside(clock) is machine
    assert outside(machine) is machine


def test_the_time_since_the_start_of_the_machine_only_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    first = clock.since_boot()
    assert clock.since_boot() >= first > 0
    monkeypatch.delattr("time.CLOCK_BOOTTIME", raising=False)
    assert clock.since_boot() > 0


def test_a_system_without_a_name_for_its_runs_is_believed_anew(
    machine: Machine, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judgify.kit.steady._BOOT_ID", note.parent / "none")
    SteadyClock(note, machine)
    machine.set_by = DAY
    assert SteadyClock(note, machine).now() == START + DAY
