"""Expressions and unary tests for callers: compiled once, worked out often, safe to share between threads."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from judgify.decision.feel.ast import Node, Tests
from judgify.decision.feel.compiler import Compiler
from judgify.decision.feel.error import MISSING, EvaluationError, LimitError
from judgify.decision.feel.meter import bounded, metered, record
from judgify.decision.feel.mode import Fail, Mode
from judgify.decision.feel.parser import parse_expression, parse_tests
from judgify.decision.feel.quick import is_plain, written
from judgify.decision.feel.scope import Run
from judgify.decision.feel.type import Type
from judgify.decision.feel.type_compiler import Types
from judgify.decision.feel.value import canonical, deep, finder
from judgify.decision.feel.value_compiler import repeats
from judgify.decision.limit import MAX_STEPS

_READY = frozenset({type(None), bool})


class _Names:
    """The caller's mapping as the scope of an expression."""

    closed = False

    def __init__(self, declared: Iterable[str], fail: Fail, *, raw: bool) -> None:
        self.declared = frozenset(declared)
        self.fail = fail
        self.raw = raw
        self.free: dict[str, Callable[[Mapping[str, Any]], Any]] = {}

    def declares(self, name: str) -> bool:
        return name in self.declared

    def resolve(self, name: str, at: int) -> tuple[Run, str | None]:
        find, take = self.free.setdefault(name, finder(name)), self._taker(name, at)
        return (lambda scope: take(find(scope))), None

    def _taker(self, name: str, at: int) -> Callable[[Any], Any]:
        raw = self.raw

        def take(value: Any) -> Any:
            if value is MISSING:
                raise EvaluationError("missing", name=name, at=at)
            if not raw or type(value) in _READY:
                return value
            try:
                return canonical(value)
            except EvaluationError as fault:
                fault.name, fault.at = name, at
                raise

        return take

    def taken(self, name: str, at: int, *, whole: bool) -> Callable[[Any], Any]:
        take, fail = self._taker(name, at), self.fail
        whole = whole and self.raw

        def fix(value: Any) -> Any:
            try:
                found = take(value)
                return deep(found) if whole and isinstance(found, list | Mapping) else found
            except EvaluationError as fault:
                return fail(fault, at)

        return fix

    def member(self, at: int, *, whole: bool) -> Callable[[Any], Any] | None:
        if not self.raw:
            return None
        convert, fail = deep if whole else canonical, self.fail

        def fix(value: Any) -> Any:
            if type(value) in _READY:
                return value
            try:
                return convert(value)
            except EvaluationError as fault:
                return fail(fault, at)

        return fix

    def converted(self, scope: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
        """Give the values that an expression names, once for all the times that it looks at them."""
        found = {}
        for name, find in self.free.items():
            value = find(scope)
            if value is MISSING:
                continue
            try:
                found[name] = deep(value)
            except EvaluationError as fault:
                fault.name = name
                if strict or isinstance(fault, LimitError):
                    raise
                record(fault)
        return found


class _Compiled:
    """What expressions and unary tests have in common."""

    def __init__(
        self, text: str, node: Node | Tests, names: Iterable[str], mode: Mode, types: Types, *, trusted: bool
    ) -> None:
        self.text = text
        self.mode = mode
        self._long = repeats(node)
        self._convert = self._long and not trusted
        self._scope = _Names(names, mode.fail, raw=not trusted and not self._long)
        self._compiler = Compiler(self._scope, mode, types)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are looked up in the scope, in the order of their first use."""
        return tuple(self._scope.free)

    def _call(self, run: Callable[[Mapping[str, Any]], Any], scope: Mapping[str, Any]) -> Any:
        return bounded(run(self._scope.converted(scope, strict=self.mode.strict) if self._convert else scope))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.text!r}>"


class Evaluate(Protocol):
    """Works an expression out."""

    def __call__(
        self,
        scope: Mapping[str, Any],
        faults: list[EvaluationError] | None = None,
        *,
        now: datetime | None = None,
        steps: int = MAX_STEPS,
    ) -> Any:
        """Work it out.

        Args:
            scope: Values by name; Python's own dates and durations are converted.
            faults: Where the faults are put that became null in the standard's mode.
            now: What `now()` and `today()` give.
            steps: What it may cost at most, where it holds loops or calls.

        Returns:
            A canonical value: numbers as `int` or `Decimal`, dates and durations of the engine's own types.

        Raises:
            EvaluationError: In strict mode, what cannot be worked out, with its reason and place.
            LimitError: In both modes, what would cost more than the limits allow.
        """


class Expression(_Compiled):
    """A compiled expression; make one with `compile_expression`.

    Attributes:
        text: As it was written.
        node: Its tree.
        mode: What becomes of faults.
        evaluate: Works it out over a mapping of names to values; see `Evaluate`.
    """

    evaluate: Evaluate

    def __init__(self, text: str, node: Node, names: Iterable[str], mode: Mode, types: Types, *, trusted: bool) -> None:
        super().__init__(text, node, names, mode, types, trusted=trusted)
        self.node = node
        self._run = self._compiler.code(node).run
        self.evaluate = self._evaluate
        if not self._long and is_plain(node):
            self.evaluate = written(node, self._compiler, self._scope, self._evaluate)

    def _evaluate(
        self,
        scope: Mapping[str, Any],
        faults: list[EvaluationError] | None = None,
        *,
        now: datetime | None = None,
        steps: int = MAX_STEPS,
    ) -> Any:
        if not self._long and faults is None:
            return self._run(scope)
        return metered(self._call, self._run, scope, steps=steps, faults=faults, moment=canonical(now))


class UnaryTests(_Compiled):
    """Compiled unary tests; make them with `compile_unary_tests`.

    Attributes:
        text: As they were written.
        node: Their tree.
        mode: What becomes of faults.
    """

    def __init__(
        self, text: str, node: Tests, names: Iterable[str], mode: Mode, types: Types, *, trusted: bool
    ) -> None:
        super().__init__(text, node, names, mode, types, trusted=trusted)
        self.node = node
        self._check = self._compiler.tests(node, None, cell=True) if node.items else None
        self._trusted = trusted

    def evaluate(
        self,
        subject: Any,
        scope: Mapping[str, Any] | None = None,
        faults: list[EvaluationError] | None = None,
        *,
        now: datetime | None = None,
        steps: int = MAX_STEPS,
    ) -> bool | None:
        """Tell whether a value passes; None where that is unknown, in the standard's mode only.

        Args:
            subject: The value tested, `?` in the text.
            scope: Other values by name.
            faults: Where the faults are put that became null in the standard's mode.
            now: What `now()` and `today()` give.
            steps: What it may cost at most, where it holds loops or calls.

        Raises:
            EvaluationError: In strict mode, what cannot be worked out, with its reason and place.
            LimitError: In both modes, what would cost more than the limits allow.
        """
        check = self._check
        if check is None:
            return True
        value = subject if self._trusted else deep(subject)
        if not self._long and faults is None:
            return _told(check(value, scope or {}))
        verdict = metered(
            self._call,
            lambda names: check(value, names),
            scope or {},
            steps=steps,
            faults=faults,
            moment=canonical(now),
        )
        return _told(verdict)


def _told(verdict: Any) -> bool | None:
    return verdict if type(verdict) is bool else None


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse(text: str, *, names: Iterable[str] = (), types: Iterable[str] = (), mode: Mode = Mode.STRICT) -> Node:
    """Read an expression into its tree; the arguments are those of `compile_expression`.

    Raises:
        FeelError: What is wrong, at which character, and the mend.
    """
    known = [_normal(name) for name in names]
    return parse_expression(_normal(text), known, types=types, strict=mode.strict, cell=False)


def parse_unary_tests(
    text: str, *, names: Iterable[str] = (), types: Iterable[str] = (), mode: Mode = Mode.STRICT
) -> Tests:
    """Read unary tests into their tree; the arguments are those of `compile_expression`.

    Raises:
        FeelError: What is wrong, at which character, and the mend.
    """
    known = [_normal(name) for name in names]
    return parse_tests(_normal(text), known, types=types, strict=mode.strict, cell=False)


def compile_expression(
    text: str,
    *,
    names: Iterable[str] = (),
    types: Mapping[str, Type] | None = None,
    mode: Mode = Mode.STRICT,
    trusted: bool = False,
) -> Expression:
    """Read and compile an expression.

    Args:
        text: FEEL as DMN 1.5 has it.
        names: Names that may hold spaces and signs, members of contexts included; other names are single words or,
            where nothing else makes sense, several.
        types: The model's own types by name.
        mode: What becomes of faults.
        trusted: The scope will hold canonical values only, which saves looking.

    Raises:
        FeelError: What is wrong, at which character, and the mend.
    """
    known = tuple(_normal(name) for name in names)
    node = parse(text, names=known, types=types or (), mode=mode)
    return Expression(text, node, known, mode, Types(types or {}), trusted=trusted)


def compile_unary_tests(
    text: str,
    *,
    names: Iterable[str] = (),
    types: Mapping[str, Type] | None = None,
    mode: Mode = Mode.STRICT,
    trusted: bool = False,
) -> UnaryTests:
    """Read and compile unary tests, as a cell of a decision table holds them; the arguments as above.

    Raises:
        FeelError: What is wrong, at which character, and the mend.
    """
    known = tuple(_normal(name) for name in names)
    node = parse_unary_tests(text, names=known, types=types or (), mode=mode)
    return UnaryTests(text, node, known, mode, Types(types or {}), trusted=trusted)
