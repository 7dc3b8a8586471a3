"""Unary tests, `in` and `between`, to closures."""

from typing import Any

from judgify.decision.feel.ast import SUBJECT, Between, Interval, Literal, Membership, Test, Tests, mentions
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.operator import compare
from judgify.decision.feel.scope import Block, Code, Run
from judgify.decision.feel.unary import Check, all_of, any_of, belongs, check_of, match, none_of
from judgify.decision.feel.value import kind
from judgify.decision.feel.value_compiler import ValueCompiler, spoken

_PLAIN = frozenset({"number", "string", "boolean", "date", "time", "date-time", "duration", "months", "context"})


class CheckCompiler(ValueCompiler):
    """Compiles what tests a value."""

    def checked(self, check: Check, at: int) -> Check:
        """Deal with the faults of a check as the mode says."""
        fail = self.fail

        def guard(value: Any, scope: Any) -> Any:
            try:
                return check(value, scope)
            except EvaluationError as fault:
                return fail(fault, at)

        return guard

    def membership(self, node: Membership | Between) -> Code:
        """Compile `subject in tests`, or `subject between low and high`."""
        subject = self.code(node.subject)
        run, check = subject.run, self.check(node, subject.kind)
        return Code(lambda scope: check(run(scope), scope), "boolean" if self.strict else None)

    def check(self, node: Membership | Between, kind: str | None) -> Check:
        """Compile what is asked of a subject of a kind."""
        if isinstance(node, Membership):
            return self.tests(node.tests, kind)
        return self.ends(self.code(node.low), self.code(node.high), (">=", "<="), kind, node.at)

    def tests(self, tests: Tests, subject: str | None, *, cell: bool = False) -> Check:
        """Compile the tests of a cell, or what follows `in`; there is at least one."""
        checks = [self.checked(self.one(item, subject, cell=cell), item.at) for item in tests.items]
        check = checks[0] if len(checks) == 1 else any_of(checks)
        return none_of(check) if tests.negated else check

    def one(self, item: Test | Interval, subject: str | None, *, cell: bool) -> Check:
        """Compile one test."""
        if isinstance(item, Interval):
            return self.lying(item, subject)
        if isinstance(item.operand, Literal) and item.operand.value is None and self.strict:
            if item.symbol not in {"=", "!="}:
                raise FeelError(f"null has no order: {item.symbol} null", item.at, "write null or not(null)")
            same = item.symbol == "="
            return lambda value, _: (value is None) is same
        if mentions(item.operand, SUBJECT):
            return self.judged(item)
        operand = self.code(item.operand)
        if item.symbol != "=":
            if self.strict:
                match(item.symbol, subject, operand.kind, item.at)
            return self.named_null(item, check_of(item.symbol, operand, strict=self.strict), operand)
        return self.bare(item, operand, subject, cell=cell)

    def bare(self, item: Test, operand: Code, subject: str | None, *, cell: bool) -> Check:
        """Compile a test without operator: equal to it, in it, or, in a cell of the standard's, true."""
        strict, run = self.strict, operand.run
        if operand.kind in _PLAIN and (strict or operand.constant):
            if strict:
                match("=", subject, operand.kind, item.at)
            return check_of("=", operand, strict=strict)

        def check(value: Any, scope: Any) -> Any:
            held = run(scope)
            if cell and not strict and held is True and type(value) is not bool:
                return True
            return belongs(value, held, strict=strict)

        return self.named_null(item, check, operand) if strict else check

    def named_null(self, item: Test, check: Check, operand: Code) -> Check:
        """Name what is null, where it is the operand and not the value tested."""
        name = spoken(item.operand)
        if name is None or not self.strict:
            return check
        run = operand.run

        def named(value: Any, scope: Any) -> Any:
            if value is not None and run(scope) is None:
                raise EvaluationError("null", name=name, value=None)
            return check(value, scope)

        return named

    def judged(self, item: Test) -> Check:
        """Compile a test that speaks of its value as `?`."""
        self.chain.blocks.append(Block((SUBJECT,)))
        run, symbol, strict = self.code(item.operand).run, item.symbol, self.strict
        self.chain.blocks.pop()

        def check(value: Any, scope: Any) -> Any:
            held = run([scope, value])
            if symbol != "=":
                return compare(symbol, value, held, strict=strict)
            if type(held) is bool:
                return held
            if strict:
                raise EvaluationError("not-boolean", value=held, found=kind(held))
            return belongs(value, held, strict=strict)

        return check

    def lying(self, item: Interval, subject: str | None) -> Check:
        """Compile a test by two ends."""
        if not self.strict:
            run = self.interval(item).run

            def check(value: Any, scope: Any) -> Any:
                within = run(scope)
                return None if within is None else belongs(value, within, strict=False)

            return check
        low, high = self.code(item.low), self.code(item.high)
        signs = (">=" if item.low_closed else ">", "<=" if item.high_closed else "<")
        return self.ends(low, high, signs, subject, item.at, closed=item.low_closed and item.high_closed)

    def ends(
        self, low: Code, high: Code, signs: tuple[str, str], subject: str | None, at: int, *, closed: bool = True
    ) -> Check:
        """Compile that a value lies between two others.

        Raises:
            FeelError: In strict mode, that no value could.
        """
        from_low, to_high = signs
        if self.strict:
            match(from_low, subject, low.kind, at)
            match(to_high, subject, high.kind, at)
            match("<", low.kind, high.kind, at)
            if low.constant and high.constant:
                _refuse_empty(low.run, high.run, at, closed=closed)
        above = check_of(from_low, low, strict=self.strict)
        below = check_of(to_high, high, strict=self.strict)
        return self.checked(all_of(above, below), at)


def _refuse_empty(low: Run, high: Run, at: int, *, closed: bool) -> None:
    first, last = low(None), high(None)
    try:
        backwards = compare(">", first, last)
    except EvaluationError as error:
        raise FeelError("one end of the range has a time zone, the other has none", at) from error
    if backwards or (first == last and not closed):
        raise FeelError("no value lies in the range", at, "the smaller end comes first")
