"""Plain expressions as one Python function, where closures would spend most of their time calling each other.

Names, members, arithmetic, comparisons, `and`, `or` and conditions are written out as Python statements with the
common case in line: whole numbers, finite floats against whole numbers, texts. Everything else is handed to the
closures of `compiler`, which also say what is meant where the common case does not hold; so nothing means anything
else here. No text of the expression reaches the Python source but names and constants in their `repr`.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from judgify.decision.feel.ast import (
    Arithmetic,
    Between,
    Choice,
    Comparison,
    Interval,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Node,
)
from judgify.decision.feel.compiler import Compiler
from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.number import CONTEXT
from judgify.decision.feel.operator import COMPARISONS, NUMERIC, compare, compute
from judgify.decision.feel.value import finder, known_real

_REAL: Final = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply, "/": CONTEXT.divide}
_PYTHON: Final = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "!=": "!="}
_SAFE: Final = 1 << 62
_EXACT: Final = 1 << 53
"""Up to here a float lies on the same side of a whole number as the decimal that it prints as."""
_DEEPEST: Final = 14
"""Levels of indentation; `and` and `or` take two each, and Python allows twenty blocks within each other."""
Fix = Callable[[Any], Any]


class Loaders(Protocol):
    """What takes a value as the caller gave it into the engine's form."""

    def taken(self, name: str, at: int, *, whole: bool) -> Fix:
        """Give what converts the value of a name, or says that it is missing; `whole` with all its members."""

    def member(self, at: int, *, whole: bool) -> Fix | None:
        """Give what converts a member of such a value; None where there is nothing to convert."""


class _Value(NamedTuple):
    """A value in the function that is written.

    Attributes:
        text: Its variable or constant in Python.
        kind: `number` or `string` for a constant, `boolean` where it is true or false, `whole` and `raw` else.
        fix: What takes it into the engine's form, where it is raw.
    """

    text: str
    kind: str
    fix: Fix | None = None


class Writer:
    """Writes the function of one expression."""

    def __init__(self, compiler: Compiler, loaders: Loaders) -> None:
        self.compiler = compiler
        self.loaders = loaders
        self.strict = compiler.strict
        self.lines: list[str] = []
        self.given: dict[str, Any] = {"MISSING": MISSING, "Fault": EvaluationError}
        self.given |= {"Decimal": Decimal, "reals": known_real}
        self.count = 0
        self.ways: dict[type, Callable[[Any, int], _Value]] = {
            Literal: self.literal,
            Name: self.name,
            Member: self.member,
            Arithmetic: self.arithmetic,
            Comparison: self.comparison,
            Logic: self.logic,
            Choice: self.choice,
            Between: self.lying,
            Membership: self.lying,
        }

    def give(self, value: Any) -> str:
        """Hand a Python value to the function under a name of its own."""
        self.count += 1
        self.given[f"k{self.count}"] = value
        return f"k{self.count}"

    def put(self, level: int, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * level + text)

    def variable(self) -> str:
        """Give a new variable."""
        self.count += 1
        return f"v{self.count}"

    def emit(self, node: Node, level: int) -> _Value:
        """Write what works a node out; what has no plain form is left to its closure."""
        way = self.ways.get(type(node), self.closure)
        return way(node, level)

    def lying(self, node: Between | Membership, level: int) -> _Value:
        """Write a question for a range whose ends are whole numbers."""
        ends = _ends(node)
        if ends is None:
            return self.closure(node, level)
        value, found = self.emit(node.subject, level), self.variable()
        subject = self.compiler.code(node.subject).kind
        check, fix = self.compiler.check(node, subject), value.fix or _same
        slow = self.give(lambda one, scope: check(fix(one), scope))
        quick = f"{found} = {ends[0]} {ends[1]} {value.text} {ends[2]} {ends[3]}"
        self.put(level, f"if ({_small(value.text)}) or ({_finite(value.text)}): {quick}")
        self.put(level, f"else: {found} = {slow}({value.text}, scope)")
        return _Value(found, "boolean" if self.strict else "whole")

    def closure(self, node: Node, level: int) -> _Value:
        """Leave a node to its closure."""
        code, found = self.compiler.code(node), self.variable()
        self.put(level, f"{found} = {self.give(code.run)}(scope)")
        return _Value(found, "boolean" if code.kind == "boolean" and self.strict else "whole")

    def literal(self, node: Literal, level: int) -> _Value:
        """Write a constant."""
        del level
        value = node.value
        if type(value) is int and abs(value) < _EXACT:
            return _Value(repr(value) if value >= 0 else f"({value!r})", "number")
        kinds: dict[type, str] = {bool: "boolean", str: "string"}
        return _Value(self.give(value), kinds.get(type(value), "whole"))

    def name(self, node: Name, level: int, *, whole: bool = True) -> _Value:
        """Write the look at a name of the caller's."""
        if self.compiler.is_builtin(node.name):
            return self.closure(node, level)
        found = self.variable()
        if node.name.isascii():
            self.put(level, f"{found} = get({node.name!r}, MISSING)")
        else:
            self.put(level, f"{found} = {self.give(finder(node.name))}(scope)")
        return _Value(found, "raw", self.loaders.taken(node.name, node.at, whole=whole))

    def member(self, node: Member, level: int, *, whole: bool = True) -> _Value:
        """Write the look at a member of a dictionary; other bases are left to closures."""
        base = node.base
        if isinstance(base, Name) and not self.compiler.is_builtin(base.name):
            held = self.name(base, level, whole=False)
        elif isinstance(base, Member):
            held = self.member(base, level, whole=False)
        else:
            return self.closure(node, level)
        found, read = self.variable(), self.compiler.member_reader(node)
        slow = self.give(_fixed_one(read, held.fix))
        self.put(level, f"{found} = {held.text}.get({node.key!r}, MISSING) if type({held.text}) is dict else MISSING")
        self.put(level, f"if {found} is MISSING: {found} = {slow}({held.text})")
        fix = self.loaders.member(node.at, whole=whole)
        return _Value(found, "whole" if fix is None else "raw", fix)

    def settled(self, value: _Value, level: int) -> str:
        """Write the conversion of a value that is raw."""
        if value.fix is not None:
            self.put(level, f"{value.text} = {self.give(value.fix)}({value.text})")
        return value.text

    def number(self, value: _Value, level: int) -> _Value:
        """Write the conversion of a value that is most likely a number."""
        if value.fix is None:
            return value
        fix = self.give(value.fix)
        self.put(level, f"if type({value.text}) is float: {value.text} = reals({value.text}) or {fix}({value.text})")
        self.put(level, f"elif not ({_small(value.text)}): {value.text} = {fix}({value.text})")
        return _Value(value.text, "whole")

    def numeric(self, *values: _Value) -> str:
        """Write the question whether values are numbers; constants are."""
        asked = [value.text for value in values if value.kind != "number"]
        return " and ".join(f"(type({text}) is Decimal or type({text}) is int)" for text in asked) or "True"

    def arithmetic(self, node: Arithmetic, level: int) -> _Value:
        """Write + - * or /: whole numbers by Python's own, decimals by the methods of our context."""
        if node.symbol not in _REAL:
            return self.closure(node, level)
        left = self.emit(node.left, level)
        if left.kind == "raw":
            left = self.number(left, level)
        right = self.number(self.emit(node.right, level), level)
        found = self.variable()
        slow = self.give(self.compiler.operation(node, compute))
        otherwise = f"{found} = {slow}({left.text}, {right.text})"
        if "string" in {left.kind, right.kind}:
            self.put(level, otherwise)
            return _Value(found, "whole")
        wholes = [f"type({side.text}) is int" for side in (left, right) if side.kind != "number"] or ["True"]
        python, real = node.symbol, self.numeric(left, right)
        if python == "/":
            python, real = "//", f"{right.text} and {real}"
            wholes.append(f"{right.text} and not {left.text} % {right.text}")
        self.put(level, f"if {' and '.join(wholes)}:")
        self.put(level + 1, f"{found} = {left.text} {python} {right.text}")
        self.put(level + 1, f"if not {-_SAFE} < {found} < {_SAFE}: {otherwise}")
        if node.symbol == "/" or len(wholes) > 1 or wholes != ["True"]:
            # Two whole numbers came here only to be divided; sums of them are exact above.
            self.put(level, f"elif {real}:")
            self.put(level + 1, f"try: {found} = {self.give(_REAL[node.symbol])}({left.text}, {right.text})")
            self.put(level + 1, f"except ArithmeticError: {otherwise}")
        self.put(level, f"else: {otherwise}")
        return _Value(found, "whole")

    def comparison(self, node: Comparison, level: int) -> _Value:
        """Write a comparison; floats stand for the decimals that they print as, in whose order they are."""
        if any(isinstance(side, Literal) and side.value is None for side in (node.left, node.right)):
            return self.closure(node, level)
        left, right = self.emit(node.left, level), self.emit(node.right, level)
        if left.kind != right.kind and "string" not in {left.kind, right.kind} and right.kind != "number":
            left, right = self.number(left, level), self.number(right, level)
        found = self.variable()
        slow = self.give(_slow_comparison(node.symbol, self.compiler.operation(node, compare), left.fix, right.fix))
        quick = f"{found} = {left.text} {_PYTHON[node.symbol]} {right.text}"
        if right.kind == "number" and left.kind == "raw":
            self.put(level, f"if ({_small(left.text)}) or ({_finite(left.text)}): {quick}")
        elif right.kind == "string" and left.kind not in {"number", "boolean", "string"}:
            ascii_only = f" and {left.text}.isascii()" if left.kind == "raw" else ""
            self.put(level, f"if type({left.text}) is str{ascii_only}: {quick}")
        elif left.kind == right.kind == "raw":
            floats = f"{_finite(left.text)} and {_finite(right.text)}"
            self.put(level, f"if ({_small(left.text)} and {_small(right.text)}) or ({floats}): {quick}")
        else:
            self.put(level, f"if {self.numeric(left, right)}: {quick}")
        self.put(level, f"else: {found} = {slow}({left.text}, {right.text})")
        return _Value(found, "boolean" if self.strict else "whole")

    def truth(self, node: Node, level: int) -> _Value:
        """Write what has to be true or false."""
        value = self.emit(node, level)
        text = self.settled(value, level)
        if value.kind == "number":
            # Python warns of a comparison of a constant with True.
            text = self.variable()
            self.put(level, f"{text} = {value.text}")
        if self.strict and value.kind != "boolean":
            self.put(level, f"if type({text}) is not bool: {self.give(self.compiler.untrue(node))}({text})")
        return _Value(text, "boolean" if self.strict else "whole")

    def logic(self, node: Logic, level: int) -> _Value:
        """Write a chain of `and`, or of `or`: one that decides wins, else the first fault counts."""
        if level >= _DEEPEST:
            return self.closure(node, level)
        parts = _chain(node)
        decisive = node.symbol == "or"
        found, unknown = self.variable(), self.variable()
        self.put(level, f"{unknown} = None")
        self.put(level, "while True:")
        for part in parts:
            inner = level + 1
            if self.strict:
                self.put(inner, "try:")
                inner += 1
            value = self.truth(part, inner)
            self.put(inner, f"if {value.text} is {decisive}:")
            self.put(inner + 1, f"{found} = {decisive}; break")
            if self.strict:
                self.put(level + 1, f"except Fault as fault: {unknown} = {unknown} or fault")
            else:
                self.put(inner, f"if type({value.text}) is not bool: {unknown} = True")
        raised = f"if {unknown} is not None: raise {unknown}"
        self.put(level + 1, raised if self.strict else "pass")
        rest = repr(not decisive) if self.strict else f"None if {unknown} else {not decisive}"
        self.put(level + 1, f"{found} = {rest}; break")
        return _Value(found, "boolean" if self.strict else "whole")

    def choice(self, node: Choice, level: int) -> _Value:
        """Write a condition and its two ways."""
        if level >= _DEEPEST:
            return self.closure(node, level)
        condition, found = self.truth(node.condition, level), self.variable()
        otherwise = f"elif {condition.text} is False or {condition.text} is None:"
        for line, way in ((f"if {condition.text} is True:", node.yes), (otherwise, node.no)):
            self.put(level, line)
            value = self.emit(way, level + 1)
            self.put(level + 1, f"{found} = {self.settled(value, level + 1)}")
        self.put(level, f"else: {found} = {self.give(self.compiler.untrue(node.condition))}({condition.text})")
        return _Value(found, "whole")


def _ends(node: Between | Membership) -> tuple[int, str, str, int] | None:
    """Give the whole numbers between which something is asked to lie, with the signs in Python."""
    low, high, signs = None, None, ("<=", "<=")
    if isinstance(node, Between):
        low, high = node.low, node.high
    elif len(node.tests.items) == 1 and isinstance(node.tests.items[0], Interval):
        within = node.tests.items[0]
        low, high = within.low, within.high
        signs = "<=" if within.low_closed else "<", "<=" if within.high_closed else "<"
    if not isinstance(low, Literal) or not isinstance(high, Literal):
        return None
    if type(low.value) is not int or type(high.value) is not int or low.value > high.value:
        return None
    small = abs(low.value) < _EXACT and abs(high.value) < _EXACT
    return (low.value, *signs, high.value) if small else None


def _chain(node: Logic) -> list[Node]:
    parts: list[Node] = []
    rest: Node = node
    while isinstance(rest, Logic) and rest.symbol == node.symbol:
        parts.append(rest.right)
        rest = rest.left
    return [rest, *reversed(parts)]


def _fixed_one(read: Fix, fix: Fix | None) -> Fix:
    return read if fix is None else lambda value: read(fix(value))


def _same(value: Any) -> Any:
    return value


def _small(text: str) -> str:
    """Ask whether a value is a whole number that is certainly not too long."""
    return f"type({text}) is int and {-_SAFE} < {text} < {_SAFE}"


def _finite(text: str) -> str:
    """Ask whether a value is a float, neither infinite nor no number at all: either minus itself is not zero."""
    return f"type({text}) is float and {text} - {text} == 0.0"


def _slow_comparison(symbol: str, slow: Callable[[Any, Any], Any], left: Fix | None, right: Fix | None) -> Any:
    quick, first, second = COMPARISONS[symbol], left or _same, right or _same

    def work(one: Any, two: Any) -> Any:
        one, two = first(one), second(two)
        found = type(one)
        if (found in NUMERIC and type(two) in NUMERIC) or (found is str and type(two) is str):
            return quick(one, two)
        return slow(one, two)

    return work


class Slow(Protocol):
    """Works an expression out with what an evaluation may ask for beside its value."""

    def __call__(self, scope: Any, faults: Any, *, now: Any) -> Any:
        """Keep the faults, and know the time."""


def is_plain(node: Node) -> bool:
    """Tell whether more than one closure is saved."""
    return isinstance(node, Name | Member | Arithmetic | Comparison | Logic | Choice | Between | Membership)


def written(node: Node, compiler: Compiler, loaders: Loaders, slow: Slow) -> Callable[..., Any]:
    """Give the function that works an expression out over the caller's mapping.

    Args:
        node: The expression; `compiler` has compiled it once, so that what is wrong with it has been told.
        compiler: What compiles the parts that are left to closures.
        loaders: What takes values in.
        slow: What is called instead when faults are to be kept.
    """
    writer = Writer(compiler, loaders)
    writer.given["slow"] = slow
    value = writer.emit(node, 2)
    text = writer.settled(value, 2)
    writer.put(2, f"return {text}")
    head = [
        f"def make({', '.join(writer.given)}):",
        "    def run(scope, faults=None, *, now=None, steps=0):",
        "        if faults is not None: return slow(scope, faults, now=now)",
        "        get = scope.get",
    ]
    source = "\n".join([*head, *writer.lines, "    return run"])
    scope: dict[str, Any] = {}
    exec(compile(source, "<expression>", "exec"), {}, scope)  # noqa: S102 - the source is ours, names in it are repr
    run: Callable[..., Any] = scope["make"](**writer.given)
    return run
