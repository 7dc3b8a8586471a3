"""What the decision engine does with texts that nobody means well: `python -m bench.fuzz_decision --minutes 60`.

Expressions, unary tests, tables in YAML or JSON and models in XML are read, worked out in both modes, written out and
read again. Wrong is: an exception other than those that the engine documents, a hang, more than `HANG_S` of processor
time for reading, more than `LONG_S` for working out, memory that grows by more than `GROWTH`, a result that is no JSON,
an expression that reads otherwise when it is written out, a strict answer that the standard's mode does not give.

The inputs are thrown by a process that may crash and hang; this one watches it, notes what it was at and starts it
again with the next. `--folder` keeps the place (run again, it goes on from there) and the input of every finding.
"""

import argparse
import json
import mmap
import os
import resource
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.fuzz_inputs import TARGETS, Input, made, scope
from judgify.decision import DecisionTable, TableError, analyse, counterfactual, explain, plain
from judgify.decision.coverage import coverage
from judgify.decision.dmn import ModelError, read_model, read_table, write_table
from judgify.decision.feel import (
    EvaluationError,
    FeelError,
    Mode,
    compile_expression,
    compile_unary_tests,
    parse,
    text_of,
)
from judgify.response.guide.unreadable import Unreadable
from judgify.response.guide.yaml_parser import parse as parse_yaml

HANG_S: Final = 0.1
"""Processor time of one reading: an expression of 20,000 characters, a file of some 100 kB."""
LONG_S: Final = 0.5
"""Processor time of one working out, which counts its own steps."""
ANALYSIS_S: Final = 2.5
"""Processor time of an analysis, which cuts itself."""
STUCK_S: Final = 20.0
"""Wall time after which the process is taken for stuck."""
GROWTH: Final = 64 * 1024
"""KiB by which the process may grow at one input."""
CEILING: Final = 2 * 1024**3
"""Bytes of address space; beyond, memory is refused."""
BATCH: Final = 2_000
"""Inputs after which the process begins anew, so that growth shows."""
NOW: Final = datetime(2025, 1, 20, 9, tzinfo=UTC)
NAMES: Final = tuple(scope())
_PLACE: Final = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an input."""

    target: str
    kind: str
    said: str
    number: int

    @property
    def signature(self) -> str:
        """What findings of one cause have in common."""
        return f"{self.target}: {self.kind}"


@dataclass
class Trial:
    """One input, thrown: the time of each of its stages and what was wrong."""

    one: Input
    findings: list[Finding] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)

    def wrong(self, kind: str, said: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(self.one.target, kind, said[:2_000], self.one.number))

    @contextmanager
    def stage(self, name: str, *allowed: type[Exception]) -> Iterator[None]:
        """Time a stage; an exception that is allowed ends the trial, any other is a finding and ends it."""
        began = time.thread_time()
        try:
            yield
        except allowed as error:
            str(error)
            raise _OverError from error
        except _OverError:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            last = next((one for one in reversed(frames) if "judgify" in one.filename), frames[-1])
            where = f"{Path(last.filename).name}:{last.lineno}"
            self.wrong(f"{type(error).__name__} at {where}", traceback.format_exc()[-2_000:])
            raise _OverError from error
        finally:
            spent = time.thread_time() - began
            self.spent[name] = max(self.spent.get(name, 0.0), spent)


class _OverError(Exception):
    """The input has been dealt with."""


def _json(value: Any) -> None:
    json.dumps(plain(value), allow_nan=False)


def _feel(trial: Trial, *, cell: bool) -> None:
    text = trial.one.data.decode("utf-8", "surrogatepass")
    build: Callable[..., Any] = compile_unary_tests if cell else compile_expression
    answers: dict[Mode, Any] = {}
    faults: list[EvaluationError] = []
    for mode in Mode:
        with suppress(_OverError):
            with trial.stage("read", FeelError):
                code = build(text, names=NAMES, mode=mode)
            with trial.stage("work out", EvaluationError):
                given = {**SCOPE}
                answers[mode] = (
                    code.evaluate(5, given, faults, now=NOW) if cell else code.evaluate(given, faults, now=NOW)
                )
            with trial.stage("give out"):
                _json(answers[mode])
        if mode is Mode.STRICT and not cell:
            with suppress(_OverError):
                with trial.stage("read", FeelError):
                    tree = parse(text, names=NAMES)
                with trial.stage("write out"):
                    again = parse(text_of(tree), names=NAMES, mode=Mode.STANDARD)
                if text_of(again) != text_of(tree):
                    trial.wrong("reads otherwise when written out", f"{text_of(tree)!r}\n{text_of(again)!r}"[:2_000])
    # Where one side settles a test, strictness does not mind that the other is at fault.
    if Mode.STRICT in answers and Mode.STANDARD in answers and not faults:
        with suppress(_OverError), trial.stage("compare"):
            strict, standard = (json.dumps(plain(answers[mode])) for mode in Mode)
            if strict != standard:
                trial.wrong("the modes differ", f"strict {strict[:500]}, standard {standard[:500]}")


def _table(trial: Trial) -> None:
    text = trial.one.data.decode("utf-8", "replace")
    with suppress(_OverError):
        with trial.stage("parse", Unreadable, msgspec.DecodeError, ArithmeticError, RecursionError):
            raw = msgspec.json.decode(parse_yaml(text) if trial.one.number % 16 < 4 else text)
        with trial.stage("read", TableError):
            table = DecisionTable.from_mapping(raw)
        given: tuple[dict[str, Any], ...] = (
            {},
            {column.name: 5 for column in table.inputs},
            {column.name: "x" for column in table.inputs},
            SCOPE,
        )
        with trial.stage("work out"):
            for one in given:
                outcome = table.evaluate(one)
                json.dumps(outcome.to_dict(), allow_nan=False)
                explain(outcome, "ko")
                coverage(table)
        with trial.stage("write out"):
            again = DecisionTable.from_mapping(table.to_mapping())
        for one in given:
            if again.evaluate(one).to_dict() != table.evaluate(one).to_dict():
                trial.wrong("answers otherwise when written out", str(one)[:500])
        with trial.stage("DMN", ModelError, TableError):
            dmn = read_table(write_table(table))
        with trial.stage("compare"):
            for one in given:
                theirs, ours = dmn.evaluate(one).to_dict(trace=False), table.evaluate(one).to_dict(trace=False)
                if theirs != ours:
                    trial.wrong("answers otherwise as DMN", f"{str(one)[:200]}: {str(ours)[:300]} {str(theirs)[:300]}")
        with trial.stage("analyse"):
            json.dumps(analyse(table).to_dict(), allow_nan=False)
            json.dumps(counterfactual(table, given[1]).to_dict(), allow_nan=False)


def _xml(trial: Trial) -> None:
    data = trial.one.data
    with suppress(_OverError):
        with trial.stage("read", ModelError):
            model = read_model(data)
        with trial.stage("read"):
            told = [str(problem) for problem in model.problems]
        del told
        for mode in Mode:
            for name in dict.fromkeys(model.decisions):
                with trial.stage("work out"):
                    outcome = model.evaluate(name, {"n": 7, "x": [1, 5, None, {"a": 2}]}, mode=mode, now=NOW)
                with trial.stage("give out"):
                    json.dumps(outcome.to_dict(), allow_nan=False)
        for name in dict.fromkeys((*model.services, *model.knowledge)):
            with trial.stage("work out"):
                json.dumps(model.invoke(name, {"n": 7, "p": 3}, mode=Mode.STANDARD).to_dict(), allow_nan=False)
        for name in dict.fromkeys(model.decisions):
            with suppress(_OverError), trial.stage("read", ModelError, TableError):
                read_table(data, name)


SCOPE: Final = scope()
THROW: Final[dict[str, Callable[[Trial], None]]] = {
    "feel": lambda trial: _feel(trial, cell=False),
    "unary": lambda trial: _feel(trial, cell=True),
    "table": _table,
    "xml": _xml,
}


def limit_of(stage: str) -> float:
    """Give the processor time that a stage may take."""
    return {"read": HANG_S, "analyse": ANALYSIS_S}.get(stage, LONG_S)


def throw(one: Input) -> Trial:
    """Throw one input; what took too long is thrown twice again, since others use the processor's caches too."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trial = Trial(one)
    THROW[one.target](trial)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if growth > GROWTH:
        trial.wrong("memory", f"grew by {growth // 1024} MiB")
    if any(spent > limit_of(stage) for stage, spent in trial.spent.items()):
        for _ in range(2):
            again = Trial(one)
            THROW[one.target](again)
            trial.spent = {stage: min(spent, again.spent.get(stage, spent)) for stage, spent in trial.spent.items()}
    for stage, spent in trial.spent.items():
        if spent > limit_of(stage):
            trial.wrong(f"slow to {stage}", f"{spent * 1e3:.0f} ms of processor time")
    return trial


def work(seed: int, first: int, folder: Path, targets: tuple[str, ...]) -> None:
    """Throw inputs one after the other, leaving word of where it is, and end after `BATCH`."""
    resource.setrlimit(resource.RLIMIT_AS, (CEILING, CEILING))
    with (folder / "place").open("r+b") as held, mmap.mmap(held.fileno(), _PLACE.size) as place:
        slowest: dict[str, tuple[float, int]] = {}
        parent = os.getppid()
        for number in range(first, first + BATCH):
            one = made(seed, number, targets)
            if os.getppid() != parent:
                return
            _PLACE.pack_into(place, 0, number, 1)
            trial = throw(one)
            for found in trial.findings:
                print(json.dumps([found.target, found.kind, found.said, found.number]), flush=True)
            for stage, spent in trial.spent.items():
                key = f"{one.target}: {stage}"
                if spent > slowest.get(key, (0.0, 0))[0]:
                    slowest[key] = (spent, number)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"slowest": slowest, "peak": peak}), flush=True)
        _PLACE.pack_into(place, 0, first + BATCH, 0)


class Run:
    """A run that can be taken up again: its place and what was found."""

    def __init__(self, folder: Path, seed: int, targets: tuple[str, ...]) -> None:
        """Take up what the folder holds of this seed, or begin."""
        self.folder, self.seed, self.targets = folder, seed, targets
        folder.mkdir(parents=True, exist_ok=True)
        self.state: dict[str, Any] = {"seed": seed, "next": 0, "seconds": 0.0, "peak": 0, "slowest": {}, "found": {}}
        path = folder / "state.json"
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["seed"] == seed:
                self.state = kept
        (folder / "place").write_bytes(_PLACE.pack(self.state["next"], 0))

    def keep(self) -> None:
        """Write the place down."""
        new = self.folder / "state.new"
        new.write_text(json.dumps(self.state, ensure_ascii=False, indent=1))
        new.replace(self.folder / "state.json")

    def note(self, target: str, kind: str, said: str, number: int) -> None:
        """Keep a finding: its input the first five times, and how often it came."""
        found = self.state["found"].setdefault(f"{target}: {kind}", {"times": 0, "said": said, "numbers": []})
        found["times"] += 1
        if len(found["numbers"]) < 5:
            found["numbers"].append(number)
            (self.folder / f"{self.seed}-{number}.{target}").write_bytes(made(self.seed, number, self.targets).data)
            print(f"{target} {self.seed}:{number} {kind}: {said[-300:]}", flush=True)

    def go(self, seconds: float) -> None:
        """Throw for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            first = self.state["next"]
            self._batch(first, until)
            self.state["seconds"] += time.monotonic() - began
            self.keep()

    def _batch(self, first: int, until: float) -> None:
        command = [sys.executable, "-m", "bench.fuzz_decision", "--work", str(first), "--seed", str(self.seed)]
        command += ["--folder", str(self.folder), "--targets", ",".join(self.targets)]
        told = self.folder / "told"
        with told.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            try:
                ended = self._watch(process, until)
            finally:
                process.kill()
                process.wait()
        at, _ = _PLACE.unpack((self.folder / "place").read_bytes())
        for line in told.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                self._take(json.loads(line))
        if ended == "done":
            self.state["next"] = at
        elif ended == "time":
            self.state["next"] = max(at, first)
        else:
            said = f"{ended}; {told.read_text(errors='replace')[-500:]}"
            self.note(self.targets[at % len(self.targets)], ended, said, at)
            self.state["next"] = at + 1

    def _watch(self, process: "subprocess.Popen[bytes]", until: float) -> str:
        last, since = -1, time.monotonic()
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(1.0)
                return "done" if code == 0 else f"crash, exit {code}"
            now = time.monotonic()
            at, busy = _PLACE.unpack((self.folder / "place").read_bytes())
            if at != last or not busy:
                last, since = at, now
            elif now - since > STUCK_S:
                return "stuck"
            if now > until:
                return "time"

    def _take(self, told: Any) -> None:
        if isinstance(told, list):
            self.note(*told)
            return
        self.state["peak"] = max(self.state["peak"], told["peak"])
        for key, (spent, number) in told["slowest"].items():
            if spent > self.state["slowest"].get(key, (0.0, 0))[0]:
                self.state["slowest"][key] = (spent, number)


def main(argv: list[str]) -> int:
    """Throw; 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz_decision", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (1)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same inputs (0)")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-decision"), help="where place and findings are kept")
    parser.add_argument("--targets", default=",".join(TARGETS), help="what is thrown at, parted by commas")
    parser.add_argument("--one", type=int, metavar="NUMBER", help="throw this one input and tell")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    targets = tuple(chosen.targets.split(","))
    if chosen.work is not None:
        work(chosen.seed, chosen.work, chosen.folder, targets)
        return 0
    if chosen.one is not None:
        one = made(chosen.seed, chosen.one, targets)
        trial = throw(one)
        print(one.target, len(one.data), repr(one.data[:500]), trial.spent, *trial.findings, sep="\n")
        return 1 if trial.findings else 0
    run = Run(chosen.folder, chosen.seed, targets)
    run.go(chosen.minutes * 60)
    state = run.state
    for key, (spent, number) in sorted(state["slowest"].items()):
        print(f"{key}: at most {spent * 1e3:.1f} ms (input {number})")
    print(
        f"seed {chosen.seed}: {state['next']:,} inputs in {state['seconds'] / 60:.0f} min, at most "
        f"{state['peak'] / 1024:.0f} MiB, {len(state['found'])} kinds of findings"
    )
    return 1 if state["found"] else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main(sys.argv[1:]))
