"""What came out, and how: the outcome of a table with its trace."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias

from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.shown import plain
from judgify.decision.limit import MAX_SHOWN
from judgify.decision.rule import SETTLED, Cell, Result, Row, Rule
from judgify.decision.wording import Language, reason


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for which an outcome is not evaluable.

    Attributes:
        code: One of `REASONS`.
        params: What the sentence of the code needs.
        rule: The rule's id; None when the reason lies between rules.
        rule_index: Its place, counted from 0.
        column: The input or output column of the cell.
        cell: The cell's text.
        input: The input whose value is at fault, which need not be the column's.
        value: That value, shortened, as JSON holds it; None also when there was none.
        given: Whether there was a value.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    rule: str | None = None
    rule_index: int | None = None
    column: str | None = None
    cell: str | None = None
    input: str | None = None
    value: Any = None
    given: bool = False

    @property
    def reason(self) -> str:
        """The reason as an English sentence."""
        return reason(self.code, self.params)

    def explain(self, language: Language = "ko") -> str:
        """Word the reason without its place."""
        return reason(self.code, self.params, language)

    def to_dict(self) -> dict[str, Any]:
        """Give the cause as JSON holds it."""
        return {
            "code": self.code,
            "params": dict(self.params),
            "reason": self.reason,
            "rule": self.rule,
            "rule_index": self.rule_index,
            "column": self.column,
            "cell": self.cell,
            "input": self.input,
            "value": self.value,
            "given": self.given,
        }


def cell_cause(row: Row, rule: Rule, cell: Cell, fault: EvaluationError) -> Cause:
    """Say why a cell of a rule is not evaluable."""
    column = row.columns[cell.column].name
    name = fault.name or column
    value = row.value_of(name) if fault.value is MISSING else fault.value
    return _cause(fault, rule, (column, cell.text), name, value)


def result_cause(row: Row, rule: Rule, result: Result, fault: EvaluationError) -> Cause:
    """Say why an output of a rule cannot be worked out."""
    value = row.value_of(fault.name) if fault.name and fault.value is MISSING else fault.value
    return _cause(fault, rule, (result.column.name, result.text), fault.name, value)


def _cause(fault: EvaluationError, rule: Rule, place: tuple[str, str | None], name: str | None, value: Any) -> Cause:
    given = value is not MISSING
    shown = plain(value, shorten=True) if given else None
    return Cause(fault.code, fault.params, rule.id, rule.index, *place, name, shown, given)


def rule_causes(row: Row, rule: Rule) -> list[Cause]:
    """Give every reason for which a judged rule is not evaluable."""
    return [
        cell_cause(row, rule, cell, verdict)
        for cell in rule.cells
        if isinstance(verdict := row.memo.get(cell.index), EvaluationError)
    ]


@dataclass(frozen=True, slots=True)
class CellTrace:
    """One cell that was looked at: its result is `true`, `false` or `not evaluable`."""

    column: str
    cell: str
    result: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule that was looked at: `matched`, `false` or `not evaluable`, with the cells that decided it."""

    id: str
    index: int
    note: str | None
    result: str
    cells: tuple[CellTrace, ...]


_WIDE: Final = 1 << 63
"""Whole numbers short of this are shown as they are, without a look at how long they are."""
_RULE_WORDS = {True: "matched", False: "false", None: "not evaluable"}


@dataclass(frozen=True, slots=True)
class Trace:
    """How an outcome came about; it is worked out when asked for, from values that no longer change.

    Attributes:
        table: The table's name.
        hit_policy: Its hit policy.
        by_default: Whether the table's declared default spoke.
    """

    table: str
    hit_policy: str
    by_default: bool
    _judged: "Row | Unjudged" = field(repr=False, compare=False)

    @property
    def _row(self) -> Row:
        judged = self._judged
        if isinstance(judged, Row):
            return judged
        row = judged()
        object.__setattr__(self, "_judged", row)
        return row

    @property
    def values(self) -> dict[str, Any]:
        """The values that were read, by input."""
        return self._row.read_values()

    @property
    def rules(self) -> tuple[RuleTrace, ...]:
        """The rules that were looked at, in order; hit policy F stops at the first that is not false."""
        return tuple(self._rules())

    def _rules(self) -> Iterator[RuleTrace]:
        for rule, holds in self._row.seen:
            cells = tuple(self._cell(rule, *pair) for pair in self._row.verdicts(rule))
            yield RuleTrace(rule.id, rule.index, rule.note, _RULE_WORDS[holds], cells)

    def _cell(self, rule: Rule, cell: Cell, verdict: bool | EvaluationError) -> CellTrace:  # noqa: FBT001 - as judged
        column = self._row.columns[cell.column].name
        if isinstance(verdict, EvaluationError):
            return CellTrace(column, cell.text, "not evaluable", cell_cause(self._row, rule, cell, verdict))
        return CellTrace(column, cell.text, "true" if verdict else "false")

    def to_dict(self) -> dict[str, Any]:
        """Give the trace as JSON holds it; long values are shortened."""
        judged = self._judged
        row, rules = (judged, None) if isinstance(judged, Row) else _judged_now(judged, self.hit_policy)
        if rules is None:
            row = self._row
            rules = [_written(row, rule, holds) for rule, holds in row.seen]
        return {
            "table": self.table,
            "hit_policy": self.hit_policy,
            "by_default": self.by_default,
            "values": {name: _plain(value) for name, value in row.read_values().items()},
            "rules": rules,
        }


class Unjudged:
    """A row of which an index left out rules, and what judges all of them when a trace is asked for."""

    __slots__ = ("judge", "row", "rules")

    def __init__(self, row: Row, rules: tuple[Rule, ...], judge: Callable[[Row], object]) -> None:
        self.row, self.rules, self.judge = row, rules, judge

    def again(self) -> Row:
        """Give the row as it was before a rule was judged."""
        return self.row.again()

    def __call__(self) -> Row:
        """Give a row that has looked at the rules as a table without an index does."""
        again = self.again()
        self.judge(again)
        return again


class Member(Unjudged):
    """The same for one object of a batch, whose row is made when it is asked for."""

    __slots__ = ("number", "row_of")

    def __init__(
        self, row_of: Callable[[int], Row], number: int, rules: tuple[Rule, ...], judge: Callable[[Row], object]
    ) -> None:
        self.row_of, self.number, self.rules, self.judge = row_of, number, rules, judge

    def again(self) -> Row:
        """Give the row of that number."""
        return self.row_of(self.number)


def _judged_now(  # noqa: C901 - one loop without calls: this is what a trace costs
    unjudged: Unjudged, hit_policy: str
) -> tuple[Row, list[dict[str, Any]] | None]:
    """Judge and write in one go; nothing is written where an output has to be worked out, which may read more."""
    row, first_wins = unjudged.again(), hit_policy == "F"
    names = [column.name for column in row.columns]
    memo, values, known, scalar = row.memo, row.values, row.memo.get, SETTLED
    found: list[dict[str, Any]] = []
    for rule in unjudged.rules:
        cells: list[dict[str, Any]] = []
        holds: bool | None = True
        for cell in rule.cells:
            number, column = cell.index, cell.column
            verdict = known(number)
            if verdict is None and type(value := values[column]) in scalar:  # what `test` does, without the call
                try:
                    verdict = memo[number] = cell.run(value, row)
                except EvaluationError as fault:
                    verdict = memo[number] = fault
            elif verdict is None:
                verdict = row.test(cell)
            if verdict is False:
                cells.append({"column": names[column], "cell": cell.text, "result": "false", "reason": None})
                holds = False
                break
            if verdict is True:
                cells.append({"column": names[column], "cell": cell.text, "result": "true", "reason": None})
            else:
                cells.append(_untold(row, rule, cell, verdict))
                holds = None
        if holds is False:
            found.append({"id": rule.id, "index": rule.index, "note": rule.note, "result": "false", "cells": cells})
            continue
        if rule.ready is None:
            return row, None
        word = _RULE_WORDS[holds]
        found.append({"id": rule.id, "index": rule.index, "note": rule.note, "result": word, "cells": cells})
        if first_wins:
            break
    return row, found


def _untold(row: Row, rule: Rule, cell: Cell, fault: EvaluationError) -> dict[str, Any]:
    why = cell_cause(row, rule, cell, fault).reason
    return {"column": row.columns[cell.column].name, "cell": cell.text, "result": "not evaluable", "reason": why}


def _written(row: Row, rule: Rule, holds: bool | None) -> dict[str, Any]:  # noqa: FBT001 - what became of it, as the row has it
    cells = []
    for cell, verdict in row.verdicts(rule):
        if isinstance(verdict, EvaluationError):
            cells.append(_untold(row, rule, cell, verdict))
        else:
            name, result = row.columns[cell.column].name, "true" if verdict else "false"
            cells.append({"column": name, "cell": cell.text, "result": result, "reason": None})
    return {"id": rule.id, "index": rule.index, "note": rule.note, "result": _RULE_WORDS[holds], "cells": cells}


def _plain(value: Any) -> Any:
    sort = type(value)
    if sort is bool or (sort is int and -_WIDE < value < _WIDE) or (sort is str and len(value) <= MAX_SHOWN):
        return value
    return plain(value, shorten=True, level=1)


def _trace(trace: Trace, *, wanted: bool) -> dict[str, Any]:
    return {"trace": trace.to_dict()} if wanted else {}


@dataclass(frozen=True, slots=True)
class Matched:
    """Rules matched, or the declared default spoke (`by_default`, then there are no rules).

    Attributes:
        rules: The ids of the rules that the output comes from, in the order of `outputs`.
        output: The output; for R and C each name leads to the list of its values in rule order.
        outputs: The output of each of the rules.
        trace: How it came about.
        by_default: Whether the table's declared default spoke.
    """

    verdict: ClassVar[str] = "matched"
    rules: tuple[str, ...]
    output: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]
    trace: Trace = field(repr=False, compare=False)
    by_default: bool = False

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Give the outcome as JSON holds it; the trace of a long table is long, and may be left out."""
        return {
            "verdict": self.verdict,
            "by_default": self.by_default,
            "rules": list(self.rules),
            "output": plain(self.output),
            "outputs": plain(self.outputs),
        } | _trace(self.trace, wanted=trace)


@dataclass(frozen=True, slots=True)
class NotMatched:
    """Every rule is false, and the table declares no default."""

    verdict: ClassVar[str] = "not matched"
    trace: Trace = field(repr=False, compare=False)

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Give the outcome as JSON holds it; the trace of a long table is long, and may be left out."""
        return {"verdict": self.verdict} | _trace(self.trace, wanted=trace)


@dataclass(frozen=True, slots=True)
class NotEvaluable:
    """What the table says about these values cannot be told; `causes` (at least one) say why."""

    verdict: ClassVar[str] = "not evaluable"
    causes: tuple[Cause, ...]
    trace: Trace = field(repr=False, compare=False)

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Give the outcome as JSON holds it; the trace of a long table is long, and may be left out."""
        return {
            "verdict": self.verdict,
            "causes": [cause.to_dict() for cause in self.causes],
        } | _trace(self.trace, wanted=trace)


Outcome: TypeAlias = Matched | NotMatched | NotEvaluable
"""The closed set of what an evaluation gives."""
