"""Lists, contexts, filters and loops, to closures."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from judgify.decision.feel import temporal
from judgify.decision.feel.ast import Entries, Filter, For, Items, Lambda, Literal, Node, Quantified, Source, mentions
from judgify.decision.feel.check_compiler import CheckCompiler
from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.meter import FAULT, spend
from judgify.decision.feel.operator import NUMERIC, compare, order
from judgify.decision.feel.range import Range
from judgify.decision.feel.scope import Block, Code, ItemBlock, Run
from judgify.decision.feel.temporal import Date, DayTimeDuration
from judgify.decision.feel.value import kind
from judgify.decision.feel.value_compiler import weight
from judgify.decision.limit import MAX_LIST

_DAY = DayTimeDuration(86_400 * 1_000_000_000)
_FARTHEST = 1 << 62
"""Where a loop over whole numbers may begin or end; longer ones would fill the memory with few steps."""
Loop = Callable[[Any, list[Any]], Iterator[Any]]
"""Goes through the frames of nested sources, from a scope and the results so far."""


class CollectionCompiler(CheckCompiler):
    """Compiles what is made of members, and what goes through them."""

    def items(self, node: Items) -> Code:
        """Compile `[a, b]`."""
        runs = [self.code(item).run for item in node.items]
        return Code(lambda scope: [run(scope) for run in runs], "list")

    def entries(self, node: Entries) -> Code:
        """Compile `{key: value}`: each value sees those before it, and a function itself."""
        keys = [key for key, _ in node.entries]
        block = Block()
        self.chain.blocks.append(block)
        runs = []
        for key, value in node.entries:
            if isinstance(value, Lambda):
                block.add(key)
                runs.append(self.code(value).run)
            else:
                runs.append(self.code(value).run)
                block.add(key)
        self.chain.blocks.pop()
        if len(set(keys)) < len(keys):
            return Code(self.guarded(_twice, node.at), None)

        def run(scope: Any) -> Any:
            frame = [scope]
            for one in runs:
                frame.append(one(frame))
            return dict(zip(keys, frame[1:], strict=True))

        return Code(run, "context")

    def filter(self, node: Filter) -> Code:
        """Compile `base[condition]`."""
        base = self.code(node.base).run
        if isinstance(node.condition, Literal) and type(node.condition.value) in NUMERIC:
            place = node.condition.value
            return Code(self.guarded(lambda scope: picked(_listed(base(scope)), place), node.at), None)
        self.chain.blocks.append(ItemBlock())
        code = self.code(node.condition)
        self.chain.blocks.pop()
        cost = weight(node.condition)
        condition, strict, may_pick = code.run, self.strict, code.kind != "boolean"

        def run(scope: Any) -> Any:
            members = _listed(base(scope))
            spend(len(members) * cost)
            if not may_pick:
                return [member for member in members if _passes(condition([scope, member]), strict=strict)]
            first = _first(condition, scope, members)
            if type(first) in NUMERIC:
                return picked(members, first)
            # Asked twice on every level, filters within each other would take for ever.
            rest = [member for member in members[1:] if _passes(condition([scope, member]), strict=strict)]
            return [*members[:1], *rest] if members and _passes(first, strict=strict) else rest

        return Code(self.guarded(run, node.at), None)

    def loop(self, sources: Sequence[Source], extra: Sequence[str], body: Node) -> tuple[Loop, Run]:
        """Compile nested sources, and a body within their frame; `extra` names follow those of the sources."""
        block = Block()
        self.chain.blocks.append(block)
        steps = []
        for source in sources:
            last = None if source.last is None else self.code(source.last).run
            steps.append((self.code(source.values).run, last, source.at))
            block.add(source.name)
        for name in extra:
            block.add(name)
        run, cost = self.code(body).run, weight(body)
        self.chain.blocks.pop()

        def frames(frame: list[Any], level: int, tail: list[Any]) -> Iterator[Any]:
            values, last, _ = steps[level]
            found = _through(values(frame)) if last is None else _span(values(frame), last(frame))
            for value in found:
                spend(cost)
                inner = [*frame, value]
                if level + 1 == len(steps):
                    yield inner + tail
                else:
                    yield from frames(inner, level + 1, tail)

        return (lambda scope, tail: frames([scope], 0, tail)), run

    def iteration(self, node: For) -> Code:
        """Compile `for … return …`."""
        frames, body = self.loop(node.sources, ("partial",), node.body)
        keeps = mentions(node.body, "partial")

        def run(scope: Any) -> Any:
            results: list[Any] = []
            for frame in frames(scope, [results]):
                if keeps:
                    # What a body keeps of the results so far must not grow with them.
                    spend(len(results))
                    frame[-1] = list(results)
                results.append(body(frame))
                if len(results) > MAX_LIST:
                    raise LimitError("too-large")
            return results

        return Code(self.guarded(run, node.at), "list" if self.strict else None)

    def quantified(self, node: Quantified) -> Code:
        """Compile `some … satisfies …` and `every … satisfies …`."""
        frames, condition = self.loop(node.sources, (), node.condition)
        decisive, strict = node.quantifier == "some", self.strict

        def run(scope: Any) -> Any:
            fault: EvaluationError | None = None
            unknown = False
            for frame in frames(scope, []):
                try:
                    passed = condition(frame)
                except LimitError:
                    raise
                except EvaluationError as error:
                    spend(FAULT)
                    fault = fault or error
                    continue
                if passed is decisive:
                    return decisive
                if type(passed) is not bool:
                    unknown = True
                    if strict:
                        fault = fault or EvaluationError("not-boolean", value=passed, found=kind(passed))
            if fault:
                raise fault
            return None if unknown else not decisive

        return Code(self.guarded(run, node.at), "boolean" if self.strict else None)


def picked(members: Sequence[Any], place: Any) -> Any:
    """Give the member at a place: from 1 up, or from -1 at the end down.

    Raises:
        EvaluationError: `no-item`, where the place is no whole number or the list is shorter.
    """
    if place != int(place) or not 1 <= abs(place) <= len(members):
        raise EvaluationError("no-item", found=str(place), size=str(len(members)))
    return members[int(place) - 1 if place > 0 else int(place)]


def _first(condition: Run, scope: Any, members: Sequence[Any]) -> Any:
    """Look at a condition once: as a number it is a place. In an empty list it need not be worked out."""
    if members:
        return condition([scope, members[0]])
    try:
        return condition([scope, None])
    except LimitError:
        raise
    except EvaluationError:
        return None


def _passes(passed: Any, *, strict: bool) -> bool:
    if strict and type(passed) is not bool:
        raise EvaluationError("not-boolean", value=passed, found=kind(passed))
    return passed is True


def _twice(_: Any) -> Any:
    raise EvaluationError("twice")


def _listed(value: Any) -> list[Any]:
    """Give a list as it is, anything else as a list of one.

    Raises:
        EvaluationError: `null`.
    """
    if value is None:
        raise EvaluationError("null", value=None)
    return value if isinstance(value, list) else [value]


def _through(value: Any) -> Sequence[Any] | Iterator[Any]:
    if isinstance(value, Range):
        return _range(value)
    return _listed(value)


def _range(values: Range) -> Iterator[Any]:
    """Go through the whole numbers or dates of a range with two ends."""
    if values.low is None or values.high is None:
        raise EvaluationError("no-steps", found="range")
    return (value for value in _span(values.low, values.high) if values.includes(value))


def _span(first: Any, last: Any) -> Iterator[Any]:
    """Go from one whole number or date to another, up or down.

    Raises:
        EvaluationError: `no-steps` for anything else.
    """
    found = kind(first)
    if found != kind(last) or found not in {"number", "date"}:
        raise EvaluationError("no-steps", found=found if found not in {"number", "date"} else kind(last))
    if found == "number":
        if max(abs(first), abs(last)) > _FARTHEST:
            raise EvaluationError("out-of-range")
        if first != int(first) or last != int(last):
            raise EvaluationError("no-steps", found="number")
        yield from range(int(first), int(last) + 1) if first <= last else range(int(first), int(last) - 1, -1)
        return
    step = _DAY if compare("<=", first, last) else temporal.negate(_DAY)
    day: Date = first
    while order(day, last) != 0:
        yield day
        spend(8)
        day = temporal.add(day, step)  # type: ignore[assignment] # a date and a duration give a date
    yield day
