"""A tree to closures, with the kinds of values checked as far as they are known beforehand."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from judgify.decision.feel.ast import (
    Arithmetic,
    Choice,
    Comparison,
    Interval,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Negate,
    Node,
    Test,
    Tests,
)
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.operator import compare, compute, negate, result_kind
from judgify.decision.feel.unary import Check, Code, Run, all_of, any_of, check_of, match
from judgify.decision.feel.value import canonical, kind


class Names(Protocol):
    """Where names lead: the scope of a compilation."""

    def resolve(self, name: str, at: int) -> tuple[Run, str | None]:
        """Give what loads the name's value (null as None), and its kind where it is declared.

        Raises:
            FeelError: No such name.
        """


_KINDS_OF_TYPE: Final = {"duration": None, "any": None}


def kind_of_type(declared: str) -> str | None:
    """Give the kind of a declared type; a duration may be of days or of months, so it has none."""
    return _KINDS_OF_TYPE.get(declared, declared)


def _spoken(node: Node) -> str:
    if isinstance(node, Member):
        return f"{_spoken(node.base)}.{node.key}"
    return node.name if isinstance(node, Name) else "(…)"


class _Compiler:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.ways: dict[type, Callable[[Any], Code]] = {
            Literal: self.literal,
            Name: self.solid,
            Member: self.solid,
            Negate: self.negate,
            Arithmetic: self.arithmetic,
            Comparison: self.comparison,
            Logic: self.logic,
            Choice: self.choice,
            Membership: self.membership,
        }

    def value(self, node: Node) -> Code:
        """Compile an expression whose null would be a fault."""
        return self.ways[type(node)](node)

    def nullable(self, node: Node) -> Code:
        """Compile an expression that may yield null."""
        if isinstance(node, Name):
            return Code(*self.names.resolve(node.name, node.at))
        return self.member(node) if isinstance(node, Member) else self.value(node)

    def literal(self, node: Literal) -> Code:
        value = node.value
        return Code(lambda _: value, kind(value), constant=True)

    def member(self, node: Member) -> Code:
        base, key, name = self.value(node.base).run, node.key, _spoken(node)

        def run(scope: Any) -> Any:
            holder = base(scope)
            if not isinstance(holder, Mapping):
                raise EvaluationError("no-member", name=name, value=holder, member=key)
            if key not in holder:
                raise EvaluationError("missing", name=name)
            return canonical(holder[key])

        return Code(run, None)

    def solid(self, node: Name | Member) -> Code:
        load, found, _ = self.nullable(node)
        name = _spoken(node)

        def run(scope: Any) -> Any:
            value = load(scope)
            if value is None:
                raise EvaluationError("null", name=name, value=None)
            return value

        return Code(run, found)

    def negate(self, node: Negate) -> Code:
        inner = self.value(node.operand)
        if inner.kind not in {None, "number", "duration", "months"}:
            raise FeelError(f"a {inner.kind} has no minus", node.at)
        run = inner.run
        return Code(lambda scope: negate(run(scope)), inner.kind)

    def arithmetic(self, node: Arithmetic) -> Code:
        left, right, symbol = self.value(node.left), self.value(node.right), node.symbol
        result = None
        if left.kind and right.kind:
            result = result_kind(symbol, left.kind, right.kind)
            if result is None:
                raise FeelError(f"{left.kind} {symbol} {right.kind} means nothing", node.at)
        one, two = left.run, right.run
        return Code(lambda scope: compute(symbol, one(scope), two(scope)), result)

    def comparison(self, node: Comparison) -> Code:
        symbol = node.symbol
        if symbol in {"=", "!="}:
            for side, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(side, Literal) and side.value is None:
                    return self.null_test(symbol, self.nullable(other).run)
        left, right = self.value(node.left), self.value(node.right)
        match(symbol, left.kind, right.kind, node.at)
        one, two = left.run, right.run
        return Code(lambda scope: compare(symbol, one(scope), two(scope)), "boolean")

    @staticmethod
    def null_test(symbol: str, run: Run) -> Code:
        if symbol == "=":
            return Code(lambda scope: run(scope) is None, "boolean")
        return Code(lambda scope: run(scope) is not None, "boolean")

    def truth(self, node: Node) -> Run:
        code = self.value(node)
        if code.kind not in {None, "boolean"}:
            raise FeelError(f"true or false is expected here, not a {code.kind}", node.at)
        run = code.run

        def truth(scope: Any) -> Any:
            value = run(scope)
            if type(value) is not bool:
                raise EvaluationError("not-boolean", value=value, found=kind(value))
            return value

        return truth

    def logic(self, node: Logic) -> Code:
        decisive = node.symbol == "or"
        left, right = self.truth(node.left), self.truth(node.right)

        def run(scope: Any) -> Any:
            fault = None
            try:
                if left(scope) is decisive:
                    return decisive
            except EvaluationError as error:
                fault = error
            if right(scope) is decisive:
                return decisive
            if fault:
                raise fault
            return not decisive

        return Code(run, "boolean")

    def choice(self, node: Choice) -> Code:
        condition, yes, no = self.truth(node.condition), self.value(node.yes), self.value(node.no)
        one, two = yes.run, no.run
        return Code(
            lambda scope: one(scope) if condition(scope) else two(scope), yes.kind if yes.kind == no.kind else None
        )

    def membership(self, node: Membership) -> Code:
        subject = self.nullable(node.subject)
        check = self.tests(node.tests, subject.kind)
        run = subject.run
        return Code(lambda scope: check(run(scope), scope), "boolean")

    def tests(self, tests: Tests, subject: str | None) -> Check:
        checks = [self.one(item, subject) for item in tests.items]
        check = checks[0] if len(checks) == 1 else any_of(checks)
        return (lambda value, scope: not check(value, scope)) if tests.negated else check

    def one(self, item: Test | Interval, subject: str | None) -> Check:
        if isinstance(item, Interval):
            return self.interval(item, subject)
        if isinstance(item.operand, Literal) and item.operand.value is None:
            if item.symbol not in {"=", "!="}:
                raise FeelError(f"null has no order: {item.symbol} null", item.at, "write null or not(null)")
            same = item.symbol == "="
            return lambda value, _: (value is None) is same
        operand = self.value(item.operand)
        match(item.symbol, subject, operand.kind, item.at)
        return check_of(item.symbol, operand)

    def interval(self, item: Interval, subject: str | None) -> Check:
        low, high = self.value(item.low), self.value(item.high)
        from_low, to_high = ">=" if item.low_closed else ">", "<=" if item.high_closed else "<"
        match(from_low, subject, low.kind, item.at)
        match(to_high, subject, high.kind, item.at)
        match("<", low.kind, high.kind, item.at)
        if low.constant and high.constant:
            first, last = low.run(None), high.run(None)
            try:
                backwards = compare(">", first, last)
            except EvaluationError as error:
                raise FeelError("one end of the range has a time zone, the other has none", item.at) from error
            empty = first == last and not (item.low_closed and item.high_closed)
            if backwards or empty:
                raise FeelError("no value lies in the range", item.at, "the smaller end comes first")
        above, below = check_of(from_low, low), check_of(to_high, high)
        return all_of(above, below)


def compile_expression(node: Node, names: Names) -> Code:
    """Compile an expression to a closure over a scope.

    Raises:
        FeelError: An unknown name, or kinds that never go together.
    """
    return _Compiler(names).nullable(node)


def compile_tests(tests: Tests, subject: str | None, names: Names) -> Check:
    """Compile the tests of a cell; `tests` is not `-`.

    Args:
        tests: The parsed cell.
        subject: The kind of the value tested, where it is declared.
        names: Where other names lead.

    Raises:
        FeelError: An unknown name, or kinds that never go together.
    """
    return _Compiler(names).tests(tests, subject)
