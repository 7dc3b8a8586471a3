"""Decision tables of a model: which rules match, and what the hit policy makes of them.

Standard: DMN 1.5, chapter 8. In the standard's mode a cell that cannot be evaluated does not match. In strict mode a
rule with such a cell silences the table unless another of its cells is false, as in `judgify.decision.policy`; with
hit policy F only when no rule before it matches, with P only when it could outrank the rule that stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from judgify.decision.dmn.boxed import Boxes, Names, Test
from judgify.decision.dmn.definition import InputClause, OutputClause, Table, TableRule
from judgify.decision.dmn.outcome import Place
from judgify.decision.dmn.session import Run, Scope, Session
from judgify.decision.error import listing
from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.operator import equal
from judgify.decision.feel.range import Range
from judgify.decision.feel.type import ConstrainedType, ContextType, ListType, NamedType, Type

_ANYTHING: Final = {"-", ""}
_FOLDS: Final = {"C+": "sum(values)", "C<": "min(values)", "C>": "max(values)", "C#": "count(values)"}


@dataclass(frozen=True, slots=True)
class _Input:
    load: Run
    allowed: Test | None
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Output:
    name: str
    type: Type | None
    order: Run | None
    allowed: Test | None
    text: str
    default: Run | None
    place: Place


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    tests: tuple[tuple[int, Test], ...]
    outputs: tuple[Run, ...]


class _Row:
    """The inputs of one evaluation, each read once, and only when a cell asks in strict mode."""

    def __init__(self, inputs: Sequence[_Input], scope: Scope, session: Session) -> None:
        self.inputs = inputs
        self.scope = scope
        self.session = session
        self.known: dict[int, Any] = {}

    def value(self, index: int) -> Any:
        """Give an input's value.

        Raises:
            EvaluationError: In strict mode: it cannot be worked out, or is not allowed.
        """
        if index not in self.known:
            self.known[index] = self.inputs[index].load(self.scope, self.session)
            self.check(index)
        return self.known[index]

    def check(self, index: int) -> bool:
        """Tell whether an input's value is one of those allowed; a fault when it is not."""
        one, value = self.inputs[index], self.known[index]
        if one.allowed is None or self._passes(one.allowed, value):
            return True
        self.session.fail(EvaluationError("not-allowed", value=value, allowed=listing([one.text])), one.place)
        return False

    def _passes(self, allowed: Test, value: Any) -> bool:
        """Tell whether a value passes, or every item of a list does."""
        if not isinstance(value, list):
            return allowed(value, self.scope, self.session) is True
        mark = len(self.session.faults)
        try:
            if allowed(value, self.scope, self.session):
                return True
        except LimitError:
            raise
        except EvaluationError:
            # A test for items says nothing about the list; each of them is asked below.
            pass
        del self.session.faults[mark:]
        return all(allowed(item, self.scope, self.session) for item in value)

    def read_all(self) -> bool:
        """Read every input; tell whether all of them are allowed."""
        for index, one in enumerate(self.inputs):
            self.known[index] = one.load(self.scope, self.session)
        checked = [self.check(index) for index in range(len(self.inputs))]
        return all(checked)


class _Compiled:
    """A compiled decision table."""

    def __init__(self, boxes: Boxes, table: Table, names: Names, place: Place) -> None:
        self.boxes = boxes
        self.names = names
        self.place = Place(place.node, place.part, None, table.line)
        self.policy = table.hit_policy
        self.inputs = [self._input(clause, index) for index, clause in enumerate(table.inputs, 1)]
        self.outputs = [self._output(clause, index, table) for index, clause in enumerate(table.outputs, 1)]
        self.single = len(self.outputs) == 1
        self.rules = [self._rule(rule, index) for index, rule in enumerate(table.rules, 1)]
        fold = _FOLDS.get(self.policy)
        self.fold = boxes.feel(fold, frozenset({"values"}), self.place) if fold else None

    def _input(self, clause: InputClause, index: int) -> _Input:
        place = self.place.within(f"input {clause.label or clause.text.strip() or index}", clause.line)
        declared = self.boxes.types.get(clause.type_ref, clause.line, str(place))
        load = self.boxes.typed(self.boxes.feel(clause.text, self.names, place), declared, place)
        allowed = None if clause.values is None else self.boxes.tests(clause.values, self.names, place)
        return _Input(load, allowed, (clause.values or "").strip(), place)

    def _output(self, clause: OutputClause, index: int, table: Table) -> _Output:
        name = clause.name or f"output {index}"
        place = self.place.within(f"output {clause.name or clause.label or index}", clause.line)
        declared = self.boxes.types.get(clause.type_ref, clause.line, str(place))
        of_table = self.boxes.types.get(table.type_ref, table.line, str(place))
        text = clause.values or _constraint(declared) or _constraint(_part(of_table, clause.name))
        order = allowed = default = None
        if text is not None and self.policy in {"P", "O"}:
            order = self.boxes.feel(f"[{text}]", self.names, place)
        if clause.values is not None:
            allowed = self.boxes.tests(clause.values, self.names, place)
        if clause.default is not None:
            default = self.boxes.typed(self.boxes.feel(clause.default, self.names, place), declared, place)
        return _Output(name, declared, order, allowed, (clause.values or "").strip(), default, place)

    def _rule(self, rule: TableRule, index: int) -> _Rule:
        name = f"rule {index}"
        place = self.place.within(name, rule.line)
        tests = tuple(
            (column, self.boxes.tests(text, self.names, place))
            for column, text in enumerate(rule.inputs)
            if text.strip() not in _ANYTHING
        )
        outputs = tuple(
            self.boxes.typed(self.boxes.feel(text, self.names, place), output.type, place)
            for text, output in zip(rule.outputs, self.outputs, strict=False)
        )
        return _Rule(rule.id or name, tests, outputs)

    def run(self, scope: Scope, session: Session) -> Any:
        """Judge the table."""
        row = _Row(self.inputs, scope, session)
        session.rules = ()
        if not session.strict and not row.read_all():
            return None
        hits = self._first(row) if self.policy == "F" else self._hits(row)
        if hits is None:
            return None
        session.rules = tuple(rule.name for rule, _ in hits)
        if not hits:
            return self._default(row)
        return self._combined([made for _, made in hits], row)

    def _holds(self, rule: _Rule, row: _Row) -> bool | EvaluationError:
        """Judge a rule: one false cell settles it, whatever else cannot be told."""
        doubt: EvaluationError | None = None
        mark = len(row.session.faults)
        for column, test in rule.tests:
            try:
                passed = test(row.value(column), row.scope, row.session)
            except LimitError:
                raise
            except EvaluationError as error:
                doubt = doubt or error
                continue
            if not passed:
                if row.session.strict:
                    del row.session.faults[mark:]
                return False
        return doubt or True

    def _made(self, rule: _Rule, row: _Row) -> list[Any]:
        made = [output(row.scope, row.session) for output in rule.outputs]
        if row.session.strict:
            for output, value in zip(self.outputs, made, strict=True):
                if output.allowed is not None and not output.allowed(value, row.scope, row.session):
                    error = EvaluationError("output-not-allowed", value=value, allowed=listing([output.text]))
                    row.session.fail(error, output.place)
        return made

    def _first(self, row: _Row) -> list[tuple[_Rule, list[Any]]]:
        for rule in self.rules:
            holds = self._holds(rule, row)
            if isinstance(holds, EvaluationError):
                raise holds
            if holds:
                return [(rule, self._made(rule, row))]
        return []

    def _hits(self, row: _Row) -> list[tuple[_Rule, list[Any]]] | None:
        """Give the rules that speak with their outputs, in the hit policy's order; None when it is violated."""
        judged = [(rule, self._holds(rule, row)) for rule in self.rules]
        doubts = [(rule, holds) for rule, holds in judged if isinstance(holds, EvaluationError)]
        if doubts and self.policy != "P":
            raise doubts[0][1]
        hits = [(rule, self._made(rule, row)) for rule, holds in judged if holds is True]
        if self.policy == "U" and len(hits) > 1:
            self._refuse("unique-violated", hits, row)
            return None
        if self.policy == "A" and not all(equal(hits[0][1], made) for _, made in hits[1:]):
            self._refuse("any-differs", hits, row)
            return None
        if self.policy in {"P", "O"}:
            hits = self._ranked(hits, doubts, row)
        return hits[:1] if self.policy in {"A", "P"} else hits

    def _refuse(self, code: str, hits: Sequence[tuple[_Rule, Any]], row: _Row) -> None:
        rules = listing(rule.name for rule, _ in hits)
        row.session.fail(EvaluationError(code, rules=rules), self.place)

    def _ranked(
        self, hits: list[tuple[_Rule, list[Any]]], doubts: Sequence[tuple[_Rule, EvaluationError]], row: _Row
    ) -> list[tuple[_Rule, list[Any]]]:
        orders = [output.order(row.scope, row.session) if output.order else None for output in self.outputs]

        def rank(made: list[Any]) -> list[int]:
            return [_rank(value, order) for value, order in zip(made, orders, strict=True) if order is not None]

        ranked = sorted(hits, key=lambda hit: rank(hit[1]))
        for rule, error in doubts:
            made = None if not ranked else self._made(rule, row)
            if made is None or (rank(made) < rank(ranked[0][1]) and not equal(made, ranked[0][1])):
                raise error
        return ranked

    def _default(self, row: _Row) -> Any:
        if not any(output.default for output in self.outputs):
            return None
        made = [output.default(row.scope, row.session) if output.default else None for output in self.outputs]
        return self._whole(made)

    def _whole(self, made: list[Any]) -> Any:
        if self.single:
            return made[0]
        return {output.name: value for output, value in zip(self.outputs, made, strict=True)}

    def _combined(self, made: list[list[Any]], row: _Row) -> Any:
        if self.policy in {"U", "A", "P", "F"}:
            return self._whole(made[0])
        if self.fold is None:
            return [self._whole(one) for one in made]
        fold = self.fold
        columns = zip(*made, strict=True)
        return self._whole([fold({"values": list(column)}, row.session) for column in columns])


def _rank(value: Any, order: Any) -> int:
    """Give the place of an output among the declared ones, 0 the highest."""
    for place, declared in enumerate(order):
        if equal(declared, value) or (isinstance(declared, Range) and _inside(declared, value)):
            return place
    return len(order)


def _inside(declared: Range, value: Any) -> bool:
    try:
        return declared.includes(value)
    except EvaluationError:
        return False


def _constraint(declared: Type | None) -> str | None:
    """Give the allowed values of a type, or of the items of a list type, as text."""
    while isinstance(declared, NamedType | ListType):
        declared = declared.target if isinstance(declared, NamedType) else declared.item
    return declared.text if isinstance(declared, ConstrainedType) else None


def _part(declared: Type | None, name: str | None) -> Type | None:
    """Give the type of an output by the type of the whole table."""
    whole = None if declared is None else declared.settled()
    whole = whole.item.settled() if isinstance(whole, ListType) else whole
    if isinstance(whole, ContextType):
        return whole.members.get(name or "")
    return declared


def compile_table(boxes: Boxes, table: Table, names: Names, place: Place) -> Run:
    """Compile a decision table."""
    return _Compiled(boxes, table, names, place).run
