"""A tree to closures: the way in to the `*_compiler` modules."""

from collections.abc import Callable
from typing import Any

from judgify.decision.feel.ast import (
    Between,
    Call,
    Entries,
    Filter,
    For,
    Items,
    Lambda,
    Membership,
    Node,
    Quantified,
    Tests,
)
from judgify.decision.feel.call_compiler import CallCompiler
from judgify.decision.feel.meter import bounded, metered
from judgify.decision.feel.mode import Mode
from judgify.decision.feel.scope import Code, Names
from judgify.decision.feel.type_compiler import Types
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value_compiler import kind_of_type, repeats


class Compiler(CallCompiler):
    """Compiles every kind of node."""

    def __init__(self, names: Names, mode: Mode = Mode.STRICT, types: Types | None = None) -> None:
        super().__init__(names, mode, types)
        more: dict[type, Callable[[Any], Code]] = {
            Membership: self.membership,
            Between: self.membership,
            Items: self.items,
            Entries: self.entries,
            Filter: self.filter,
            For: self.iteration,
            Quantified: self.quantified,
            Call: self.call,
            Lambda: self.function,
        }
        self.ways.update(more)


def compile_expression(node: Node, names: Names, mode: Mode = Mode.STRICT, types: Types | None = None) -> Code:
    """Compile an expression to a closure over a scope, held to a budget where it may take long.

    Raises:
        FeelError: An unknown name, or kinds that never go together.
    """
    code = Compiler(names, mode, types).code(node)
    if not repeats(node):
        return code
    run = code.run
    return Code(lambda scope: bounded(metered(run, scope)), code.kind, code.constant)


def compile_tests(
    tests: Tests,
    subject: str | None,
    names: Names,
    mode: Mode = Mode.STRICT,
    types: Types | None = None,
) -> Check:
    """Compile the tests of a cell; `tests` is not `-`.

    Args:
        tests: The parsed cell.
        subject: The kind of the value tested, where it is declared.
        names: Where other names lead.
        mode: What becomes of faults.
        types: The types that may be named.

    Raises:
        FeelError: An unknown name, or kinds that never go together.
    """
    check = Compiler(names, mode, types).tests(tests, subject, cell=True)
    if not repeats(tests):
        return check
    return lambda value, scope: metered(check, value, scope)


__all__ = ["Compiler", "compile_expression", "compile_tests", "kind_of_type"]
