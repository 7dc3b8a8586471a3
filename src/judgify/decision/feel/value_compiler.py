"""A tree to closures, with the kinds of values checked as far as they are known beforehand."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from judgify.decision.feel import range as ranges
from judgify.decision.feel import temporal
from judgify.decision.feel.ast import (
    Arithmetic,
    Between,
    Bound,
    Call,
    Choice,
    Comparison,
    Entries,
    Filter,
    For,
    InstanceOf,
    Interval,
    Lambda,
    Literal,
    Logic,
    Member,
    Name,
    Negate,
    Node,
    Quantified,
    walk,
)
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.mode import Mode
from judgify.decision.feel.number import CONTEXT
from judgify.decision.feel.operator import COMPARISONS, NUMERIC, compare, compute, negate, result_kind
from judgify.decision.feel.range import Range
from judgify.decision.feel.scope import Chain, Code, Names, Run
from judgify.decision.feel.type_compiler import Types
from judgify.decision.feel.unary import match
from judgify.decision.feel.value import canonical, deep, kind

_KINDS_OF_TYPE: Final = {"duration": None, "any": None}
_LONG: Final = 4_096
"""Characters from which on it counts how long a text is that is compared."""
_SAFE: Final = 1 << 62
"""Whole numbers below it need no look at their size after one operation."""
_REAL: Final = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply}
SIMPLE: Final = frozenset(
    {
        "not",
        "date",
        "time",
        "date and time",
        "duration",
        "number",
        "string",
        "abs",
        "floor",
        "ceiling",
        "decimal",
        "modulo",
    }
    | {"round up", "round down", "round half up", "round half down", "even", "odd", "sqrt", "log", "exp"}
    | {"substring", "string length", "upper case", "lower case", "contains", "starts with", "ends with"}
    | {"substring before", "substring after", "list contains", "count", "min", "max", "sum", "mean", "all", "any"}
    | {
        "year",
        "month",
        "day of week",
        "day of year",
        "month of year",
        "week of year",
        "is",
        "years and months duration",
    }
)
"""Built-in functions that go through their arguments once and call nothing."""
_LOOPS: Final = (Filter, For, Quantified, Lambda, Entries)
_OFTEN: Final = 16
"""Times that one name is looked up anew; one that is used more often is taken in once for all of them."""
_PROPERTIES: Final = frozenset({"date", "time", "date-time", "duration", "months"})


def kind_of_type(declared: str) -> str | None:
    """Give the kind of a declared type; a duration may be of days or of months, so it has none."""
    return _KINDS_OF_TYPE.get(declared, declared)


def spoken(node: Node) -> str | None:
    """Name what a fault is about, where it is a name or a member of one."""
    if isinstance(node, Member):
        return f"{spoken(node.base) or '(…)'}.{node.key}"
    return node.name if isinstance(node, Name) else None


def repeats(node: Any) -> bool:
    """Tell whether working something out may take much more than its text is long.

    That is so for loops, for what may call a function of FEEL, and for contexts, since their entries could double a
    list each; also for what names one thing so often that a long list would be taken in and gone through again and
    again. A built-in function by itself goes through its arguments once.
    """
    uses: dict[str, int] = {}
    for part, _ in walk(node):
        if isinstance(part, _LOOPS) or (isinstance(part, Call) and not _is_simple(part)):
            return True
        if isinstance(part, Name):
            uses[part.name] = uses.get(part.name, 0) + 1
    return max(uses.values(), default=0) > _OFTEN


_EXTRA: Final[dict[type, int]] = {Call: 12, Interval: 6, Between: 6, InstanceOf: 4}
"""Quarters of a step that a part of a tree costs beside its own; what grows with its values is counted when it runs."""
_SIGNS: Final = {"/": 4, "**": 12}
"""The same for operators."""


def weight(node: Any) -> int:
    """Tell how many steps it takes to work something out once, loops within aside."""
    quarters = sum(
        1 + (_SIGNS.get(part.symbol, 0) if type(part) is Arithmetic else _EXTRA.get(type(part), 0))
        for part, _ in walk(node)
    )
    return 1 + quarters // 4


def _is_simple(call: Call) -> bool:
    return isinstance(call.callee, Name) and call.callee.name in SIMPLE


class ValueCompiler:
    """Compiles what has one value: names, members, operators, choices."""

    def __init__(self, names: Names, mode: Mode = Mode.STRICT, types: Types | None = None) -> None:
        self.chain = Chain(names)
        self.strict = mode.strict
        self.mode = mode
        self.fail = mode.fail
        self.types = types or Types({})
        self.ways: dict[type, Callable[[Any], Code]] = {
            Literal: self.literal,
            Name: self.name,
            Member: self.member,
            Negate: self.negate,
            Arithmetic: self.arithmetic,
            Comparison: self.comparison,
            Logic: self.logic,
            Choice: self.choice,
            Interval: self.interval,
            Bound: self.bound,
            InstanceOf: self.instance_of,
        }

    def code(self, node: Node) -> Code:
        """Compile an expression; null is a value."""
        return self.ways[type(node)](node)

    def guarded(self, run: Run, at: int) -> Run:
        """Deal with the faults of something as the mode says."""
        fail = self.fail

        def guard(scope: Any) -> Any:
            try:
                return run(scope)
            except EvaluationError as fault:
                return fail(fault, at)

        return guard

    def literal(self, node: Literal) -> Code:
        """Compile a constant."""
        value = node.value
        return Code(lambda _: value, kind(value), constant=True)

    def name(self, node: Name) -> Code:
        """Compile a name."""
        return self.loaded(node, whole=True)

    def loaded(self, node: Name, *, whole: bool) -> Code:
        """Load a name; `whole` with all its members in the engine's form."""
        code = self.chain.load(node.name, node.at, whole=whole)
        if self.strict or self.chain.holds(node.name):
            return code
        return Code(self.guarded(code.run, node.at), code.kind)

    def shallow(self, node: Node) -> Code:
        """Compile what holds a member; only that member of what the caller gave need be converted."""
        if isinstance(node, Name):
            return self.loaded(node, whole=False)
        return self.plain_member(node) if isinstance(node, Member) else self.code(node)

    def member(self, node: Member) -> Code:
        """Compile `base.key`, with all the members of what it gives."""
        code, root = self.plain_member(node), node.base
        while isinstance(root, Member):
            root = root.base
        if not self.chain.names.raw or not isinstance(root, Name) or self.chain.holds(root.name):
            return code
        run = code.run

        def load(scope: Any) -> Any:
            value = run(scope)
            return deep(value) if isinstance(value, Mapping | list) else value

        return Code(load, None)

    def plain_member(self, node: Member) -> Code:
        """Compile `base.key`; what it gives from outside keeps its members as they are."""
        base, key, read = self.shallow(node.base).run, node.key, self.member_reader(node)
        fail, at = self.fail, node.at

        def run(scope: Any) -> Any:
            holder = base(scope)
            if type(holder) is dict and key in holder:
                try:
                    return canonical(holder[key])
                except EvaluationError as fault:
                    return fail(fault, at)
            return read(holder)

        return Code(run, None)

    def member_reader(self, node: Member) -> Callable[[Any], Any]:
        """Give what reads a member, faults included, of whatever may have one."""
        key, name, strict, fail, at = node.key, spoken(node), self.strict, self.fail, node.at

        def each(holder: Any) -> Any:
            try:
                if isinstance(holder, list):
                    spend(2 * len(holder))
                    return [each(deep(item)) for item in holder]
                return _member_of(holder, key, name)
            except EvaluationError as fault:
                return fail(fault, at)

        return lambda holder: None if holder is None and not strict else each(holder)

    def negate(self, node: Negate) -> Code:
        """Compile unary minus."""
        inner = self.code(node.operand)
        if self.strict and inner.kind not in {None, "number", "duration", "months"}:
            raise FeelError(f"a {inner.kind} has no minus", node.at)
        run, name = inner.run, spoken(node.operand)

        def minus(scope: Any) -> Any:
            value = run(scope)
            if value is None:
                raise EvaluationError("null", name=name, value=None)
            return negate(value)

        return Code(self.guarded(minus, node.at), inner.kind)

    def arithmetic(self, node: Arithmetic) -> Code:
        """Compile + - * / and **."""
        left, right, symbol = self.code(node.left), self.code(node.right), node.symbol
        result = None
        if self.strict and left.kind and right.kind:
            result = result_kind(symbol, left.kind, right.kind)
            if result is None:
                raise FeelError(f"{left.kind} {symbol} {right.kind} means nothing", node.at)
        slow = self.operation(node, compute)
        if symbol not in _REAL:
            one, two = left.run, right.run
            return Code(lambda scope: slow(one(scope), two(scope)), result)
        return Code(_summed(symbol, left.run, right.run, slow), result)

    def operation(self, node: Arithmetic | Comparison, work: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        """Make what an operator does on values of any kind, faults and null included."""
        symbol, strict, fail, at = node.symbol, self.strict, self.fail, node.at
        one, two = spoken(node.left), spoken(node.right)

        def slow(left: Any, right: Any) -> Any:
            if strict and (left is None or right is None):
                return fail(EvaluationError("null", name=one if left is None else two, value=None), at)
            try:
                return work(symbol, left, right, strict=strict)
            except EvaluationError as fault:
                return fail(fault, at)

        return slow

    def comparison(self, node: Comparison) -> Code:
        """Compile a comparison."""
        symbol = node.symbol
        if symbol in {"=", "!="}:
            for side, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(side, Literal) and side.value is None:
                    return _null_test(symbol, self.code(other).run)
        left, right = self.code(node.left), self.code(node.right)
        if self.strict:
            match(symbol, left.kind, right.kind, node.at)
        slow = self.operation(node, compare)
        if right.constant and right.kind in {"number", "string"}:
            return Code(_compared_with(symbol, left.run, right.run(None), slow), "boolean")
        return Code(_compared(symbol, left.run, right.run, slow), "boolean")

    def truth(self, node: Node) -> Run:
        """Compile what has to be true or false; in the standard's mode anything else is as good as null."""
        code = self.code(node)
        run, untrue = code.run, self.untrue(node)
        if not self.strict or code.kind == "boolean":
            return run
        if code.kind is not None:
            raise FeelError(f"true or false is expected here, not a {code.kind}", node.at)

        def truth(scope: Any) -> Any:
            value = run(scope)
            return value if type(value) is bool else untrue(value)

        return truth

    def untrue(self, node: Node) -> Callable[[Any], Any]:
        """Give what deals with a value that is neither true nor false."""
        name, at, fail = spoken(node), node.at, self.fail
        return lambda value: fail(EvaluationError("not-boolean", name=name, value=value, found=kind(value)), at)

    def logic(self, node: Logic) -> Code:
        """Compile `and` and `or`."""
        decisive = node.symbol == "or"
        made = _settled if self.strict else _ternary
        return Code(made(self.truth(node.left), self.truth(node.right), decisive=decisive), "boolean")

    def choice(self, node: Choice) -> Code:
        """Compile a condition."""
        condition, yes, no = self.truth(node.condition), self.code(node.yes), self.code(node.no)
        one, two, untrue = yes.run, no.run, self.untrue(node.condition)

        def run(scope: Any) -> Any:
            holds = condition(scope)
            if holds is True:
                return one(scope)
            return two(scope) if holds is False or holds is None else untrue(holds)

        return Code(run, yes.kind if yes.kind == no.kind else None)

    def interval(self, node: Interval) -> Code:
        """Compile a range of two ends."""
        low, high = self.code(node.low), self.code(node.high)
        if self.strict:
            match("<", low.kind, high.kind, node.at)
        one, two, low_closed, high_closed = low.run, high.run, node.low_closed, node.high_closed

        def run(scope: Any) -> Any:
            return ranges.range_of(one(scope), two(scope), low_closed=low_closed, high_closed=high_closed)

        return Code(self.guarded(run, node.at), "range")

    def bound(self, node: Bound) -> Code:
        """Compile a range of one end."""
        operand, symbol = self.code(node.operand).run, node.symbol
        low, high = symbol not in {"<", "<="}, symbol not in {">", ">="}
        low_closed, high_closed = symbol in {">=", "="}, symbol in {"<=", "="}

        def run(scope: Any) -> Any:
            end = operand(scope)
            if end is None:
                raise EvaluationError("null", value=None)
            return Range(end if low else None, end if high else None, low_closed, high_closed, symbol)

        return Code(self.guarded(run, node.at), "range")

    def instance_of(self, node: InstanceOf) -> Code:
        """Compile a question for the type."""
        declared, run = self.types.made(node.type), self.code(node.subject).run
        if declared is None:
            if self.strict:
                raise FeelError(f"there is no type {node.type.name}", node.type.at)
            return Code(lambda _: None, None)
        return Code(lambda scope: declared.admits(run(scope)), "boolean")


def _member_of(holder: Any, key: str, name: str | None) -> Any:
    """Give a member of a context, or a property of a date, duration or range."""
    if isinstance(holder, Mapping):
        if key not in holder:
            raise EvaluationError("missing", name=name)
        return canonical(holder[key])
    if kind(holder) in _PROPERTIES:
        return temporal.member(holder, key)
    if type(holder) is Range:
        return ranges.member(holder, key)
    raise EvaluationError("no-member", name=name, value=holder, member=key)


def _summed(symbol: str, one: Run, two: Run, slow: Callable[[Any, Any], Any]) -> Run:
    whole, real = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[symbol], _REAL[symbol]
    safe = _SAFE if symbol != "*" else 1 << 31

    def run(scope: Any) -> Any:
        left, right = one(scope), two(scope)
        kinds = type(left), type(right)
        if kinds == (int, int):
            if -safe < left < safe and -safe < right < safe:
                return whole(left, right)
        elif kinds[0] in NUMERIC and kinds[1] in NUMERIC:
            try:
                return real(left, right)
            except ArithmeticError:
                return slow(left, right)
        return slow(left, right)

    return run


def _compared(symbol: str, one: Run, two: Run, slow: Callable[[Any, Any], Any]) -> Run:
    quick = COMPARISONS[symbol]

    def run(scope: Any) -> Any:
        left, right = one(scope), two(scope)
        found = type(left)
        if found in NUMERIC and type(right) in NUMERIC:
            return quick(left, right)
        if found is str and type(right) is str:
            if len(left) > _LONG:
                spend(len(left) // _LONG)
            return quick(left, right)
        return slow(left, right)

    return run


def _compared_with(symbol: str, one: Run, constant: Any, slow: Callable[[Any, Any], Any]) -> Run:
    quick = COMPARISONS[symbol]
    kinds = frozenset({str}) if type(constant) is str else NUMERIC

    def run(scope: Any) -> Any:
        left = one(scope)
        return quick(left, constant) if type(left) in kinds else slow(left, constant)

    return run


def _null_test(symbol: str, run: Run) -> Code:
    if symbol == "=":
        return Code(lambda scope: run(scope) is None, "boolean")
    return Code(lambda scope: run(scope) is not None, "boolean")


def _settled(left: Run, right: Run, *, decisive: bool) -> Run:
    """Join two truths: one that decides wins, whatever the other is; else the first fault counts."""

    def run(scope: Any) -> Any:
        fault = None
        for side in (left, right):
            try:
                if side(scope) is decisive:
                    return decisive
            except EvaluationError as error:
                fault = fault or error
        if fault:
            raise fault
        return not decisive

    return run


def _ternary(left: Run, right: Run, *, decisive: bool) -> Run:
    """Join two truths, where what is neither true nor false is unknown."""

    def run(scope: Any) -> Any:
        one = left(scope)
        if one is decisive:
            return decisive
        two = right(scope)
        if two is decisive:
            return decisive
        return (not decisive) if type(one) is bool and type(two) is bool else None

    return run


__all__ = ["ValueCompiler", "kind_of_type", "repeats", "spoken"]
