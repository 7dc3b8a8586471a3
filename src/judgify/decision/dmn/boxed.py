"""Boxed expressions to closures.

Standard: DMN 1.5, 10.4. In the standard's mode a fault makes the part null in which it happens; in strict mode it ends
the evaluation. What an iterator means (a list that is none, `partial`, three-valued quantifiers) is left to FEEL: it
runs as the FEEL expression that the standard defines it by.
"""

from collections.abc import Callable
from typing import Any, Final

from judgify.decision.dmn.definition import (
    Conditional,
    Context,
    Expression,
    Filter,
    FunctionDefinition,
    Invocation,
    Iterator,
    ListOf,
    Literal,
    Parameter,
    Relation,
    Table,
)
from judgify.decision.dmn.error import ModelProblem
from judgify.decision.dmn.item import Types
from judgify.decision.dmn.outcome import Place
from judgify.decision.dmn.session import Run, Scope, Session
from judgify.decision.feel import Mode, compile_expression, compile_unary_tests
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.type import ANY, FunctionType, Type, coerce
from judgify.decision.feel.value import Function, kind
from judgify.decision.feel.value import Parameter as FunctionParameter

Names = frozenset[str]
Test = Callable[[Any, Scope, Session], bool | None]
"""Judges a value by unary tests."""

_ITERATIONS: Final = {
    "for": "for element in source return body(element, partial)",
    "some": "some element in source satisfies body(element, null)",
    "every": "every element in source satisfies body(element, null)",
}
_KINDS: Final = {"FEEL", "feel"}


class Boxes:
    """Compiles the expressions of one model in one mode; mistakes are kept, and make their part fail."""

    def __init__(self, types: Types, mode: Mode) -> None:
        self.types = types
        self.mode = mode
        self.problems: list[ModelProblem] = []
        self.ways: dict[type, Callable[[Any, Names, Place], Run]] = {
            Literal: self._literal,
            Table: self._table,
            Context: self._context,
            Relation: self._relation,
            ListOf: self._list,
            Invocation: self._invocation,
            FunctionDefinition: self._function,
            Conditional: self._conditional,
            Filter: self._filter,
            Iterator: self._iterator,
        }

    def compile(self, expression: Expression, names: Names, place: Place) -> Run:
        """Compile an expression in which these names lead to values."""
        run = self.ways[type(expression)](expression, names, place)
        if isinstance(expression, FunctionDefinition):
            return run
        return self.typed(run, self.types.get(expression.type_ref, expression.line, str(place)), place)

    def typed(self, run: Run, declared: Type | None, place: Place) -> Run:
        """Turn what comes out into a declared type."""
        if declared is None:
            return run

        return lambda scope, session: fitted(run(scope, session), declared, session, place)

    def refusal(self, code: str, place: Place, **params: str) -> Run:
        """Compile what always fails."""

        def fail(_: Scope, session: Session) -> None:
            session.fail(EvaluationError(code, at=None, **params), place)

        return fail

    def feel(self, text: str, names: Names, place: Place) -> Run:
        """Compile a FEEL expression; one that cannot be read fails whenever it is worked out."""
        place = place.at(text)
        try:
            code = compile_expression(
                text, names=names | self.types.spaced, types=self.types.known, mode=self.mode, trusted=True
            )
        except FeelError as error:
            self._unread(error, place)
            return self.refusal("bad-expression", place, message=error.message)

        def run(scope: Scope, session: Session) -> Any:
            before = len(session.raw)
            try:
                value = code.evaluate(scope)
            except EvaluationError as error:
                session.tell(error, place)
                raise
            session.note(before, place)
            return value

        return run

    def tests(self, text: str, names: Names, place: Place) -> Test:
        """Compile unary tests; those that cannot be read fail whenever they are asked."""
        place = place.at(text)
        try:
            code = compile_unary_tests(
                text, names=names | self.types.spaced, types=self.types.known, mode=self.mode, trusted=True
            )
        except FeelError as error:
            self._unread(error, place)
            refusal = self.refusal("bad-expression", place, message=error.message)
            return lambda _, scope, session: refusal(scope, session)

        def test(value: Any, scope: Scope, session: Session) -> bool | None:
            before = len(session.raw)
            try:
                passed = code.evaluate(value, scope)
            except EvaluationError as error:
                session.tell(error, place)
                raise
            session.note(before, place)
            return passed

        return test

    def _unread(self, error: FeelError, place: Place) -> None:
        self.problems.append(ModelProblem(error.message, place.line, str(place), error.position, error.mend))

    def _literal(self, expression: Literal, names: Names, place: Place) -> Run:
        place = Place(place.node, place.part, None, expression.line)
        if expression.unread is not None:
            self.problems.append(ModelProblem(expression.unread, expression.line, str(place)))
            return self.refusal("unsupported", place, what=expression.unread)
        return self.feel(expression.text, names, place)

    def _table(self, expression: Table, names: Names, place: Place) -> Run:
        from judgify.decision.dmn.table import compile_table  # noqa: PLC0415 - tables hold expressions of this module

        return compile_table(self, expression, names, place)

    def _context(self, expression: Context, names: Names, place: Place) -> Run:
        steps: list[tuple[str | None, Run]] = []
        for entry in expression.entries:
            inner = place.within(entry.name or "result")
            own = names | {entry.name} if entry.name and isinstance(entry.value, FunctionDefinition) else names
            declared = self.types.get(entry.type_ref, expression.line, str(inner))
            steps.append((entry.name, self.typed(self.compile(entry.value, own, inner), declared, inner)))
            names = names | {entry.name} if entry.name else names

        def run(scope: Scope, session: Session) -> Any:
            local, made = dict(scope), {}
            for name, step in steps:
                value = step(local, session)
                if name is None:
                    return value
                local[name] = made[name] = value
            return made

        return run

    def _relation(self, expression: Relation, names: Names, place: Place) -> Run:
        rows = []
        for index, row in enumerate(expression.rows, 1):
            cells = []
            for column, cell in zip(expression.columns, row, strict=False):
                inner = place.within(f"row {index}: {column.name}")
                declared = self.types.get(column.type_ref, expression.line, str(inner))
                cells.append((column.name, self.typed(self.compile(cell, names, inner), declared, inner)))
            rows.append(cells)
        return lambda scope, session: [{name: cell(scope, session) for name, cell in row} for row in rows]

    def _list(self, expression: ListOf, names: Names, place: Place) -> Run:
        items = [
            self.compile(item, names, place.within(f"item {index}")) for index, item in enumerate(expression.items, 1)
        ]
        return lambda scope, session: [item(scope, session) for item in items]

    def parameters(self, parameters: tuple[Parameter, ...], place: Place) -> tuple[FunctionParameter, ...]:
        """Give the parameters of a function with their types."""
        return tuple(
            FunctionParameter(one.name, self.types.get(one.type_ref, place.line, str(place))) for one in parameters
        )

    def result(self, reference: str | None, line: int, place: Place) -> Type | None:
        """Give the type of what a function gives, whether its own type is named or, as older files do, its result's."""
        declared = self.types.get(reference, line, str(place))
        settled = None if declared is None else declared.settled()
        if isinstance(settled, FunctionType):
            return None if settled.result is ANY else settled.result
        return declared

    def _function(self, expression: FunctionDefinition, names: Names, place: Place) -> Run:
        parameters = self.parameters(expression.parameters, place)
        result = self.result(expression.type_ref, expression.line, place)
        if expression.kind not in _KINDS:
            what = f"functions of kind {expression.kind} are not run"
            self.problems.append(ModelProblem(what, expression.line, str(place)))
            return self.refusal("unsupported", place, what=what)
        inner = names | {parameter.name for parameter in parameters}
        if expression.body is None:
            body = self.refusal("no-logic", place)
        else:
            body = self.typed(self.compile(expression.body, inner, place), result, place)
        order = [parameter.name for parameter in parameters]

        def run(scope: Scope, session: Session) -> Any:
            def call(arguments: list[Any]) -> Any:
                return body({**scope, **dict(zip(order, arguments, strict=True))}, session)

            return Function(None, parameters, call, result=result, strict=session.strict)

        return run

    def _conditional(self, expression: Conditional, names: Names, place: Place) -> Run:
        test = self.compile(expression.condition, names, place.within("if"))
        inner = place.within("if", expression.line)
        yes = self.compile(expression.yes, names, place.within("then"))
        no = self.compile(expression.no, names, place.within("else"))

        def run(scope: Scope, session: Session) -> Any:
            chosen = test(scope, session)
            if chosen is True:
                return yes(scope, session)
            # The standard's conditional takes null for false, and is null itself for anything that is no boolean.
            if chosen is not False and (session.strict or chosen is not None):
                code = "null" if chosen is None else "not-boolean"
                session.fail(EvaluationError(code, value=chosen, found=kind(chosen)), inner)
                return None
            return no(scope, session)

        return run

    def _filter(self, expression: Filter, names: Names, place: Place) -> Run:
        source = self.compile(expression.source, names, place.within("in"))
        inner = place.within("match", expression.line)
        match = self.compile(expression.match, names | {"item"} | self.types.spaced, inner)
        pick = self.feel("source[index]", frozenset({"source", "index"}), inner)

        def run(scope: Scope, session: Session) -> Any:
            found = source(scope, session)
            if found is None:
                return None
            kept = []
            for item in found if isinstance(found, list) else [found]:
                members = item if isinstance(item, dict) else {}
                verdict = match({**scope, "item": item, **members}, session)
                if kind(verdict) == "number":
                    return pick({"source": found, "index": verdict}, session)
                if verdict is True:
                    kept.append(item)
                elif verdict is not False and session.strict:
                    session.fail(EvaluationError("not-boolean", value=verdict, found=kind(verdict)), inner)
            return kept

        return run

    def _iterator(self, expression: Iterator, names: Names, place: Place) -> Run:
        variable = expression.variable.name
        source = self.compile(expression.source, names, place.within("in"))
        part = "return" if expression.kind == "for" else "satisfies"
        loops = expression.kind == "for"
        known = names | {variable, "partial"} if loops else names | {variable}
        body = self.compile(expression.body, known, place.within(part))
        loop = self.feel(_ITERATIONS[expression.kind], frozenset({"source", "body"}), place)
        declared = self.types.get(expression.variable.type_ref, expression.line, str(place.within("in")))
        parameters = (FunctionParameter("element", declared), FunctionParameter("partial", None))

        def run(scope: Scope, session: Session) -> Any:
            def call(arguments: list[Any]) -> Any:
                partial = {"partial": arguments[1]} if loops else {}
                return body({**scope, **partial, variable: arguments[0]}, session)

            given = {"source": source(scope, session), "body": Function(None, parameters, call, strict=session.strict)}
            return loop(given, session)

        return run

    def _invocation(self, expression: Invocation, names: Names, place: Place) -> Run:
        callee = self.compile(expression.function, names, place.within("function"))
        bound: list[tuple[str, Run]] = []
        for binding in expression.bindings:
            inner = place.within(binding.parameter.name)
            declared = self.types.get(binding.parameter.type_ref, expression.line, str(inner))
            if binding.value is None:
                value = self.refusal("no-logic", inner)
            else:
                value = self.compile(binding.value, names, inner)
            bound.append((binding.parameter.name, self.typed(value, declared, inner)))
        arguments = ", ".join(f"{name}: argument {index}" for index, (name, _) in enumerate(bound))
        keys = [f"argument {index}" for index in range(len(bound))]
        call = self.feel(f"callee({arguments})", frozenset({"callee", *keys}), place)

        def run(scope: Scope, session: Session) -> Any:
            values = [value(scope, session) for _, value in bound]
            return call({"callee": callee(scope, session), **dict(zip(keys, values, strict=True))}, session)

        return run


def fitted(value: Any, declared: Type | None, session: Session, place: Place) -> Any:
    """Turn a value into a declared type; what does not fit is a fault.

    Raises:
        EvaluationError: In strict mode: it does not fit.
    """
    if declared is None:
        return value
    try:
        return coerce(value, declared)
    except EvaluationError as error:
        session.fail(error, place)
        return None
