"""The decision engine beside zen-engine: the same tables and objects, one process, each in turns."""

import gc
import importlib
import json
import random
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import psutil

from bench.report import Row
from bench.tools import Missing
from judgify.decision import DecisionTable
from judgify.decision.feel import compile_expression

OBJECTS: Final = 500
"""Objects that are judged in turn, so that no single one is kept warm."""
BATCH: Final = 10_000
"""Objects that are judged at once."""
SIZES: Final = (10, 100, 1_000, 10_000, 100_000)
"""Rules of the tables that show how cost grows."""
_EXPRESSION: Final = "temp * 2 + load > 100 and load < 90"
_WARMING: Final = 20

Rules = Sequence[tuple[Mapping[str, str], str]]
Task = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Case:
    """A table in neither engine's form, and what it judges."""

    inputs: Mapping[str, str]
    rules: Rules
    objects: Sequence[Mapping[str, Any]]

    def ours(self) -> DecisionTable:
        """Compile it here."""
        return DecisionTable.from_mapping(
            {
                "name": "t",
                "hit_policy": "F",
                "inputs": [{"name": name, "type": sort} for name, sort in self.inputs.items()],
                "outputs": [{"name": "r", "type": "string"}],
                "rules": [{"when": dict(when), "then": {"r": then}} for when, then in self.rules],
            }
        )

    def theirs(self, zen: Any) -> Any:
        """Compile it there: from a static loader, which keeps the compiled table."""
        place = {"x": 0, "y": 0}
        content = {
            "hitPolicy": "first",
            "inputs": [{"id": name, "name": name, "field": name} for name in self.inputs],
            "outputs": [{"id": "r", "name": "r", "field": "r"}],
            "rules": [{"_id": str(n), **when, "r": json.dumps(then)} for n, (when, then) in enumerate(self.rules)],
        }
        nodes = [
            {"id": "in", "type": "inputNode", "name": "in", "position": place},
            {"id": "t", "type": "decisionTableNode", "name": "t", "position": place, "content": content},
            {"id": "out", "type": "outputNode", "name": "out", "position": place},
        ]
        edges = [
            {"id": "1", "sourceId": "in", "targetId": "t", "type": "edge"},
            {"id": "2", "sourceId": "t", "targetId": "out", "type": "edge"},
        ]
        return zen.ZenEngine({"loader": {"type": "static", "content": {"t": {"nodes": nodes, "edges": edges}}}})


def small() -> Case:
    """Ten rules over a number and a text, the last of them for everything else."""
    dice = random.Random(1)  # noqa: S311 - the same objects in every run
    rules = [({"a": f"[{10 * n}..{10 * n + 10})", "b": '"x"' if n % 2 else '"y"'}, f"r{n}") for n in range(9)]
    objects = [{"a": dice.randrange(100), "b": dice.choice("xy")} for _ in range(OBJECTS)]
    return Case({"a": "number", "b": "string"}, [*rules, ({}, "none")], objects)


def ranges(size: int) -> Case:
    """So many stretches of one number."""
    dice = random.Random(2)  # noqa: S311 - the same objects in every run
    rules = [({"a": f"[{10 * n}..{10 * n + 10})"}, f"r{n}") for n in range(size)]
    return Case({"a": "number"}, rules, [{"a": dice.randrange(10 * size)} for _ in range(OBJECTS)])


def words(size: int) -> Case:
    """So many texts."""
    dice = random.Random(3)  # noqa: S311 - the same objects in every run
    rules = [({"a": f'"k{n}"'}, f"r{n}") for n in range(size)]
    return Case({"a": "string"}, rules, [{"a": f"k{dice.randrange(size)}"} for _ in range(OBJECTS)])


def measure(*, rounds: int = 9, seconds: float = 0.05, sizes: Sequence[int] = SIZES) -> list[Row]:
    """Give medians of processor time per evaluation, which what else runs on the machine hardly changes.

    Args:
        rounds: Rounds of each pair, in turns.
        seconds: Processor time of one side of one round.
        sizes: Rules of the tables that show how cost grows.

    Raises:
        Missing: zen-engine is not installed; it is a development requirement.
    """
    try:
        zen = importlib.import_module("zen")
    except ImportError as error:
        raise Missing("zen-engine is not installed") from error
    pair = _Pair(zen, rounds, seconds)
    return [
        pair.row("table of 10 rules", small(), 1.0),
        pair.row("the same with its trace", small(), 1.0, trace=True),
        pair.row("table of 1,000 ranges of a number", ranges(1_000), 10.0),
        pair.row("table of 1,000 texts", words(1_000), 0.5),
        pair.expression(0.8),
        *pair.batch("10 rules", small()),
        *pair.batch("1,000 ranges of a number", ranges(1_000)),
        *pair.batch("1,000 texts", words(1_000)),
        *(row for size in sizes for row in pair.growth(size)),
    ]


@dataclass(frozen=True, slots=True)
class _Pair:
    zen: Any
    rounds: int
    seconds: float

    def row(self, name: str, case: Case, floor: float, *, trace: bool = False) -> Row:
        table, engine = case.ours(), case.theirs(self.zen)
        given, judge = case.objects, engine.evaluate
        for one in given:
            wanted, found = judge("t", one)["result"].get("r"), table.evaluate(one).to_dict(trace=False)
            if found["output"]["r"] != wanted:
                raise RuntimeError(f"{name}: {one} is {found} here and {wanted} there")
        if trace:
            asked = {"trace": True}
            ours, theirs = self._times(
                lambda n: table.evaluate(given[n % OBJECTS]).trace.to_dict(),
                lambda n: judge("t", given[n % OBJECTS], asked),
            )
        else:
            ours, theirs = self._times(
                lambda n: table.evaluate(given[n % OBJECTS]), lambda n: judge("t", given[n % OBJECTS])
            )
        return _compared(name, ours, theirs, floor)

    def expression(self, floor: float) -> Row:
        given = [{"temp": n % 70, "load": n % 93} for n in range(OBJECTS)]
        here = compile_expression(_EXPRESSION, names=("temp", "load"))
        there = self.zen.compile_expression(_EXPRESSION)
        for one in given:
            if here.evaluate(one) != there.evaluate(one):
                raise RuntimeError(f"{_EXPRESSION} of {one} is not the same here and there")
        ours, theirs = self._times(
            lambda n: here.evaluate(given[n % OBJECTS]), lambda n: there.evaluate(given[n % OBJECTS])
        )
        return _compared("one compiled expression", ours, theirs, floor)

    def batch(self, name: str, case: Case) -> list[Row]:
        table, judge = case.ours(), case.theirs(self.zen).evaluate
        given = [case.objects[number % OBJECTS] for number in range(BATCH)]
        if table.evaluate_many(given) != [table.evaluate(one) for one in given]:
            raise RuntimeError(f"{name}: a batch is not judged as its objects are")
        tasks: tuple[Task, ...] = (
            lambda _: table.evaluate_many(given),
            lambda _: [table.evaluate(one) for one in given],
            lambda _: [judge("t", one) for one in given],
        )
        found = [[_spent(task, 1) / BATCH for task in tasks] for _ in range(self.rounds)]
        ours, loop, theirs = (median(one) for one in zip(*found, strict=True))
        name = f"batch of {BATCH:,}, {name}"
        return [
            Row(name, 1e6 / ours, "per s", ("one by one", 1e6 / loop), note=f"{ours:.2f} us here, {loop:.2f} us so"),
            _compared(f"{name}, beside zen-engine", ours, theirs, None),
        ]

    def growth(self, size: int) -> list[Row]:
        case = ranges(size)
        engine, theirs_s, theirs_mb = _made(lambda: case.theirs(self.zen), lambda made: made.evaluate("t", {"a": 5}))
        table, ours_s, ours_mb = _made(case.ours, lambda made: made.evaluate({"a": 5}))
        given = case.objects
        ours, theirs = self._times(
            lambda n: table.evaluate(given[n % OBJECTS]), lambda n: engine.evaluate("t", given[n % OBJECTS])
        )
        # Only what Python itself has taken can be traced; it is traced once more, since tracing slows down the making.
        held = f"{ours_mb:.1f} MiB more resident, there {theirs_mb:.1f}; {_held(case.ours):.1f} MiB of Python objects"
        return [
            Row(f"{size:,} ranges: one evaluation", ours, "us", ("zen-engine", theirs)),
            Row(
                f"{size:,} ranges: compiled and judged once",
                ours_s * 1e3,
                "ms",
                ("zen-engine", theirs_s * 1e3),
                note=held,
            ),
        ]

    def _times(self, ours: Task, theirs: Task) -> tuple[float, float]:
        count, other = self._often(ours), self._often(theirs)
        found = [(_spent(ours, count), _spent(theirs, other)) for _ in range(self.rounds)]
        return median(here for here, _ in found), median(there for _, there in found)

    def _often(self, task: Task) -> int:
        return max(_WARMING, int(self.seconds * 1e6 / max(_spent(task, _WARMING), 0.1)))


def _compared(name: str, ours: float, theirs: float, floor: float | None) -> Row:
    note = f"{ours:.2f} us here, {theirs:.2f} us there"
    return Row(name, 1e6 / ours, "per s", ("zen-engine", 1e6 / theirs), floor=floor, note=note)


def _spent(task: Task, count: int) -> float:
    began = time.process_time()
    for number in range(count):
        task(number)
    return (time.process_time() - began) / count * 1e6


def _made(make: Callable[[], Any], once: Callable[[Any], object]) -> tuple[Any, float, float]:
    gc.collect()
    process = psutil.Process()
    before, began = process.memory_info().rss, time.process_time()
    made = make()
    once(made)
    spent = time.process_time() - began
    return made, spent, max(0, process.memory_info().rss - before) / 2**20


def _held(make: Callable[[], object]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / 2**20 if made is not None else 0.0
    finally:
        tracemalloc.stop()
