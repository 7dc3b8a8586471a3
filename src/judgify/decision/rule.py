"""Rules, and the row of values on which they are judged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from judgify.decision.clause import InputColumn, OutputColumn
from judgify.decision.error import listing
from judgify.decision.feel.error import MISSING, EvaluationError, FeelError
from judgify.decision.feel.scope import Run
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value import native
from judgify.decision.shape import Shape

_UNREAD: Final[Any] = object()
_MUTABLE: Final = frozenset({list, dict})
SETTLED: Final = frozenset({bool, int, Decimal, str})
"""Types of values that were read, and are neither an error nor still to be read."""
_PLAIN: Final = frozenset({type(None), bool, int, Decimal, str})


@dataclass(frozen=True, slots=True)
class Cell:
    """One test of one input; equal cells of a column are one `Cell`, judged once per row."""

    index: int
    column: int
    text: str
    run: Check = field(repr=False, compare=False)
    shape: Shape | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Result:
    """One output of one rule: a constant, or an expression over the inputs."""

    column: OutputColumn
    constant: Any
    text: str | None = None
    run: Run | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the cells that are not `-`, and the outputs in the order of the columns.

    Attributes:
        id: The id given, else `rule-N` with N counted from 1.
        index: Its place, counted from 0.
        named: Whether the id was given.
        note: What the author says about it.
    """

    id: str
    index: int
    named: bool
    note: str | None
    cells: tuple[Cell, ...]
    results: tuple[Result, ...]
    ready: Mapping[str, Any] | None = field(init=False, repr=False, compare=False)
    """The output, where it is made of constants that are the same inside and outside of the engine."""

    def __post_init__(self) -> None:
        fixed = all(result.run is None and type(result.constant) in _PLAIN for result in self.results)
        ready = {result.column.name: result.constant for result in self.results} if fixed else None
        object.__setattr__(self, "ready", ready)


class Row:
    """The values of one evaluation, each read at most once, each distinct cell judged at most once."""

    __slots__ = ("_inputs", "_kept", "columns", "memo", "seen", "sure", "values")

    def __init__(self, columns: Sequence[InputColumn], inputs: Mapping[str, Any]) -> None:
        self._inputs = inputs
        self._kept: list[Any] | None = None
        self.columns = columns
        self.values: list[Any] = [_UNREAD] * len(columns)
        self.memo: dict[int, bool | EvaluationError] = {}
        self.seen: list[tuple[Rule, bool | None]] = []
        self.sure = 0
        """Rules of which an index knows that they hold, as the bits of a number."""

    def peek(self, index: int) -> Any:
        """Give the value of a column, null as None, or the error for which it cannot be read."""
        value = self.values[index]
        if value is _UNREAD and self._kept is not None:
            value = self.values[index] = self._kept[index]
        elif value is _UNREAD:
            value = self.values[index] = self.columns[index].tell(self._inputs)
        return value

    def get(self, index: int) -> Any:
        """Give the value of a column, null as None.

        Raises:
            EvaluationError: It cannot be read; the same error at every call.
        """
        value = self.peek(index)
        if isinstance(value, EvaluationError):
            raise value.with_traceback(None)
        return value

    def again(self) -> "Row":
        """Give a row of the same object, of which nothing was judged yet; its values were read before."""
        row = Row(self.columns, self._inputs)
        row._kept = self.values
        return row

    @classmethod
    def of(cls, columns: Sequence[InputColumn], values: list[Any]) -> "Row":
        """Give a row of values that were read before, each as `InputColumn.tell` gives it."""
        row = cls(columns, {})
        row._kept = values
        return row

    def close(self) -> None:
        """Let go of the caller's object; what was read stays for the trace."""
        self._inputs = {}

    def read_values(self) -> dict[str, Any]:
        """Give what was read, by input; values that could not be read are left out."""
        found = {}
        for column, value in zip(self.columns, self.values, strict=True):
            if type(value) in SETTLED:
                found[column.name] = value
            elif value is not _UNREAD and not isinstance(value, EvaluationError):
                found[column.name] = native(value)
        return found

    def value_of(self, name: str) -> Any:
        """Give what was read for an input, as it was given when it could not be read; else `MISSING`."""
        for column, value in zip(self.columns, self.values, strict=True):
            if column.name == name and value is not _UNREAD:
                return value.value if isinstance(value, EvaluationError) else value
        return MISSING

    def test(self, cell: Cell) -> bool | EvaluationError:
        """Judge a cell that was not judged yet."""
        value = self.values[cell.column]
        verdict: bool | EvaluationError
        if type(value) not in SETTLED:
            value = self.peek(cell.column)
        if isinstance(value, EvaluationError):
            verdict = value
        else:
            try:
                verdict = cell.run(value, self)
            except EvaluationError as fault:
                verdict = fault
        self.memo[cell.index] = verdict
        return verdict

    def verdicts(self, rule: Rule) -> Iterator[tuple[Cell, bool | EvaluationError]]:
        """Give the cells of a judged rule that decided it: up to the first that is false."""
        for cell in rule.cells:
            verdict = self.memo[cell.index]
            yield cell, verdict
            if verdict is False:
                return

    def judge(self, rule: Rule) -> bool | None:
        """Tell whether a rule holds; None when that is not evaluable.

        One false cell decides the rule, whatever the others are; the cells after it are not looked at.
        """
        if self.sure >> rule.index & 1:
            return True
        holds: bool | None = True
        memo = self.memo
        for cell in rule.cells:
            verdict = memo.get(cell.index)
            if verdict is None:
                verdict = self.test(cell)
            if verdict is False:
                holds = False
                break
            if verdict is not True:
                holds = None
        self.seen.append((rule, holds))
        return holds

    def first(self, rules: Iterable[Rule]) -> tuple[Rule, bool | None] | None:
        """Give the first rule that is not false and whether it holds, as `judge` tells; the rest is not looked at."""
        memo, test, sure = self.memo, self.test, self.sure
        for rule in rules:
            if sure and sure >> rule.index & 1:
                return rule, True
            holds: bool | None = True
            for cell in rule.cells:
                verdict = memo.get(cell.index)
                if verdict is None:
                    verdict = test(cell)
                if verdict is False:
                    holds = False
                    break
                if verdict is not True:
                    holds = None
            self.seen.append((rule, holds))
            if holds is not False:
                return rule, holds
        return None

    def produce(self, result: Result) -> Any:
        """Give one output of a rule.

        Raises:
            EvaluationError: Its expression cannot be worked out, or yields what the column does not take.
        """
        if result.run is not None:
            return result.column.take(result.run(self))
        # A constant list or mapping belongs to the table; the caller gets one of his own.
        return deepcopy(result.constant) if type(result.constant) in _MUTABLE else result.constant


class ColumnNames:
    """The scope of cells and output expressions: the inputs by their declared names."""

    def __init__(self, columns: Sequence[InputColumn]) -> None:
        self._columns = {column.name: (index, column.kind) for index, column in enumerate(columns)}

    raw = False
    closed = True

    def declares(self, name: str) -> bool:
        """Tell whether an input has the name."""
        return name in self._columns

    def __iter__(self) -> Any:
        return iter(self._columns)

    def resolve(self, name: str, at: int) -> tuple[Run, str | None]:
        """Load another input of the row.

        Raises:
            FeelError: There is no such input; most often a text without its quotes.
        """
        if name not in self._columns:
            mend = f'a text is written "{name}"; inputs: {listing(self._columns)}'
            raise FeelError(f"{name} is not an input of this table", at, mend)
        index, kind = self._columns[name]
        return (lambda row: row.get(index)), kind
