"""How the pager's proof goes about its runs: none of them is lost from sight, and nothing goes on for ever."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bench.pager_proof import engine, series
from bench.pager_proof.checker import ITSELF, Figures, Violation
from bench.pager_proof.database import SERVERS, Databases
from bench.pager_proof.engine import Nursery, begin
from bench.pager_proof.mutant_names import MUTANTS, SEARCH, TRIES, tries
from bench.pager_proof.orders import Orders
from bench.pager_proof.outcome import Job, Outcome, failed, read
from bench.pager_proof.record import Record
from bench.pager_proof.report import failure, stretches, table
from bench.pager_proof.schedule import FAMILIES, Schedule, plan
from bench.pager_proof.series import OutOfTime, Series

PLAIN = FAMILIES.index("calm")
STORED = FAMILIES.index("pg")


def good(seed: int, **more: Any) -> Outcome:
    figures = Figures(late_s=[0.01, 0.02], repeats=1, after_ack=0)
    return Outcome(seed, plan(seed).family, "", (), 16, 1, figures, 3.5, **more)


# what is kept


def test_an_outcome_is_the_same_after_it_was_a_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "outcomes"
    assert read(path) == []
    bad = failed(Job(17, "full", "forget-the-fence"), "OSError: 디스크", 1.0)
    path.write_text(f"{good(16).line()}\n{bad.line()}\n" + good(18).line()[:40], encoding="utf-8")
    assert read(path) == [good(16), bad], "a last line that was cut off is not there"
    assert bad.broken == (Violation(ITSELF, "OSError: 디스크"),)
    assert not bad.found, "a run that could not be carried out proves nothing"
    assert bad.again == "python -m bench.pager_proof --seed 17 --family full --mutant forget-the-fence"


@pytest.mark.parametrize("line", ["{", '{"seed": 1}', "[]", '{"figures": 1, "broken": []}'])
def test_a_line_that_is_no_outcome_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "outcomes"
    path.write_text(f"{good(1).line()}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        read(path)


def test_seeds_are_shown_as_the_stretches_that_they_make() -> None:
    assert stretches([3, 1, 2, 2, 1668, 7, 8]) == "1 to 3, 7 to 8, 1668"


def test_the_table_counts_what_failed_and_says_when_and_of_what_it_is() -> None:
    bad = failed(Job(18), "it hung", 75.0)
    text = table([good(16, at="2026-11-23 10:00:00 KST", commit="abc"), good(37, at="2026-11-23 10:05:00 KST"), bad])
    assert "| calm | 2 | 0 | 32 | 2 | 0.015 s | 0.020 s | 0.020 s | 0 |" in text
    assert "| pg-away | 1 | 1 | 0 |" in text
    assert "| all | 3 | 1 |" in text
    assert "commit abc" in text
    assert "2026-11-23 10:00:00 KST to 2026-11-23 10:05:00 KST" in text
    assert "seeds 16, 18, 37, 3 runs" in text
    assert "--seed 18 --family pg-away" in failure(bad)
    assert "it hung" in failure(bad)
    assert table([]) == "nothing was carried out\n"


def test_each_mutant_is_looked_for_where_it_shows() -> None:
    for mutant in MUTANTS:
        family, fit = SEARCH[mutant]
        assert len(tries(mutant)) == TRIES
        assert all(fit(plan(seed, family)) for seed in tries(mutant))


# how it is carried out


class Runs:
    """Stands in for `Run`: some seeds hang, some cannot be carried out, the others take a moment."""

    hang: frozenset[int] = frozenset()
    fail: frozenset[int] = frozenset()
    at_once: int = 0
    stored_at_once: int = 0
    most: int = 0
    stored_most: int = 0

    def __init__(self, schedule: Schedule, *_: object, database: object = None, **__: object) -> None:
        self.schedule = schedule
        self.database = database
        self.folder = Path("nowhere")

    async def carry_out(self) -> Record:
        kind = type(self)
        stored = self.database is not None
        kind.at_once += 1
        kind.stored_at_once += stored
        kind.most = max(kind.most, kind.at_once)
        kind.stored_most = max(kind.stored_most, kind.stored_at_once)
        try:
            if self.schedule.seed in kind.hang:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            if self.schedule.seed in kind.fail:
                raise OSError("no room")
        finally:
            kind.at_once -= 1
            kind.stored_at_once -= stored
        return Record()

    def discard(self) -> None:
        pass


class Lending:
    """Stands in for the databases."""

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        yield "database"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> type[Runs]:
    kind = type("Scripted", (Runs,), {})
    monkeypatch.setattr(series, "Run", kind)
    return kind


def at_work() -> Series:
    lending: Any = Lending()
    return Series(Nursery(Path("guide")), lending, keep=False)


async def test_a_run_that_hangs_and_one_that_cannot_be_carried_out_have_failed_and_the_others_go_on(
    runs: type[Runs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "LIMIT_S", 0.2)
    runs.hang, runs.fail = frozenset({3, STORED}), frozenset({5})
    outcomes = await at_work().carry_out([Job(seed) for seed in range(21)], at_once=4, limit_s=30)
    assert sorted(outcome.seed for outcome in outcomes) == list(range(21))
    broken = {outcome.seed: outcome.broken[0].detail for outcome in outcomes if outcome.broken}
    assert broken.keys() == {3, 5, STORED}
    assert "longer than 0.2 s" in broken[3]
    assert "OSError: no room" in broken[5]


async def test_a_series_ends_at_its_limit_and_names_what_it_did_not_do(runs: type[Runs]) -> None:
    runs.hang = frozenset({1, 2})
    told: list[Outcome] = []
    jobs = [Job(1), Job(0), Job(2), Job(3), Job(4)]
    with pytest.raises(OutOfTime, match=r"1 of 5 runs were carried out within 0\.2 s; 2 were under way, 2 not begun"):
        await at_work().carry_out(jobs, at_once=2, limit_s=0.2, told=told.append)
    assert {outcome.seed for outcome in told if outcome.broken} == {1, 2}
    assert runs.at_once == 0, "what was under way was ended"


async def test_no_more_runs_on_a_database_at_once_than_there_are_and_they_come_first(runs: type[Runs]) -> None:
    told: list[Outcome] = []
    jobs = [Job(seed) for seed in (*[PLAIN] * 12, *[STORED] * 8)]
    await at_work().carry_out(jobs, at_once=8, limit_s=30, told=told.append)
    assert runs.stored_most == SERVERS
    assert runs.most == 8
    assert {outcome.seed for outcome in told[:SERVERS]} == {STORED, PLAIN} or told[0].seed == STORED


@pytest.mark.usefixtures("runs")
async def test_what_is_not_wanted_any_more_is_left_out() -> None:
    outcomes = await at_work().carry_out(
        [Job(PLAIN, None, "a"), Job(PLAIN), Job(PLAIN, None, "a")],
        at_once=1,
        limit_s=30,
        wanted=lambda job: not job.mutant,
    )
    assert [outcome.mutant for outcome in outcomes] == [""]


async def test_a_database_that_cannot_be_made_takes_no_place_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = Databases(tmp_path)
    monkeypatch.setattr(Databases, "_new", _refused)
    for _ in range(SERVERS + 1):
        with pytest.raises(OSError, match="no room"):
            async with asyncio.timeout(1), databases.lent():
                pass


async def _refused(_: Databases) -> None:
    raise OSError("no room")


# the fork server

SLOW_SERVER = """
import json, os, sys, time, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    time.sleep(0.15)
    pid = os.fork()
    if pid == 0:
        time.sleep(json.loads(line)["environ"]["lasts"])
        os._exit(0)
    print(json.dumps({"pid": pid}), flush=True)
"""


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    made = Nursery(Path("guide"))
    made._process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", SLOW_SERVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    yield made
    await made.close()


def lasts(seconds: float) -> Any:
    return {"lasts": seconds}


async def test_an_engine_that_nobody_waits_for_any_more_is_ended_and_nobody_else_gets_it(nursery: Nursery) -> None:
    ended: list[int] = []
    asked = asyncio.create_task(nursery.fork(lasts(60), Orders(0), Path("log")))
    await asyncio.sleep(0)
    inner = next(task for task in asyncio.all_tasks() if task.get_coro().__name__ == "_asked")  # type: ignore[union-attr]
    inner.add_done_callback(lambda done: ended.append(done.result()))
    asked.cancel()
    second = await nursery.fork(lasts(60), Orders(0), Path("log"))
    assert ended
    assert second not in ended
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(ended[0])
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, gone.set)
        async with asyncio.timeout(5):
            await gone.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
    os.kill(second, signal.SIGKILL)


async def test_a_fork_server_that_says_nothing_is_an_error_and_is_not_believed_later(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ANSWER_S", 0.05)
    with pytest.raises(RuntimeError, match="no answer within"):
        await nursery.fork(lasts(0), Orders(0), Path("log"))
    with pytest.raises(RuntimeError, match="ended"):
        await nursery.fork(lasts(0), Orders(0), Path("log"))


async def test_a_process_that_ended_is_not_watched_any_longer(nursery: Nursery) -> None:
    life = await begin(nursery, lasts(0.05), Orders(0), Path("log"), 1)
    async with asyncio.timeout(5):
        await life.ended.wait()
    assert life.handle is not None
    assert not asyncio.get_running_loop().remove_reader(life.handle), "it would be readable for ever"
    life.signal(signal.SIGKILL)
    life.close()


async def test_a_signal_to_an_engine_that_ended_before_it_could_be_watched_hits_nobody(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dead(*_: object) -> int:
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()
        return process.pid

    monkeypatch.setattr(nursery, "fork", dead)
    life = await begin(nursery, {}, Orders(0), Path("log"), 1)
    assert life.ended.is_set()
    life.signal(signal.SIGKILL)  # it once meant this very process
    life.close()


def test_the_fork_server_measures_no_coverage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", json.dumps({}))
    monkeypatch.setenv("COVERAGE_PROCESS_START", "x")
    monkeypatch.setenv("JUDGIFY_HOME", "x")
    assert not [name for name in Nursery(tmp_path / "guide").environ() if name.startswith(("COV", "JUDGIFY_HOME"))]
