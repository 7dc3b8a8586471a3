"""Calls and function definitions, to closures."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from judgify.decision.feel.ast import Call, Lambda, Name
from judgify.decision.feel.collection_compiler import CollectionCompiler
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.function import BUILTINS, Builtin
from judgify.decision.feel.meter import moment, spend
from judgify.decision.feel.scope import Block, Code, Run
from judgify.decision.feel.value import Function, Parameter, kind
from judgify.decision.feel.value_compiler import weight

_VALUES: Final[dict[str, Function]] = {}
"""Built-in functions as values, one for each, so that one equals itself."""


def builtin_value(name: str) -> Function:
    """Give a built-in function as a value."""
    if name not in _VALUES:
        builtin = BUILTINS[name]
        longest = max(builtin.overloads, key=len, default=())
        run = run_of(builtin)
        parameters = [Parameter(parameter) for parameter in longest]
        _VALUES[name] = Function(name, parameters, lambda values: run(*values), builtin=name)
    return _VALUES[name]


def run_of(builtin: Builtin) -> Any:
    """Give what works a built-in function out; one that asks for the time is given that of the evaluation."""
    if not builtin.moment:
        return builtin.run
    return lambda *arguments: builtin.run(*arguments, moment=moment())


class CallCompiler(CollectionCompiler):
    """Compiles calls, and functions as values."""

    def is_builtin(self, name: str) -> bool:
        """Tell whether a name leads to a built-in function, and to nothing nearer."""
        return name in BUILTINS and not self.chain.holds(name) and not self.chain.names.declares(name)

    def loaded(self, node: Name, *, whole: bool) -> Code:
        """Load a name; that of a built-in function gives it, unless the caller has something of that name."""
        if not self.is_builtin(node.name):
            return super().loaded(node, whole=whole)
        function = builtin_value(node.name)
        if self.chain.names.closed:
            return Code(lambda _: function, "function")
        run = self.chain.load(node.name, node.at, whole=whole).run

        def load(scope: Any) -> Any:
            try:
                return run(scope)
            except EvaluationError as fault:
                if fault.code == "missing":
                    return function
                return self.fail(fault, node.at)

        return Code(load, None)

    def call(self, node: Call) -> Code:
        """Compile a call."""
        callee = node.callee
        runs = [self.code(argument).run for argument in node.arguments]
        if isinstance(callee, Name):
            if self.is_builtin(callee.name):
                return self.builtin(node, BUILTINS[callee.name], runs)
            known = self.chain.holds(callee.name) or self.chain.names.declares(callee.name)
            if self.strict and not known and self.chain.names.closed:
                near = difflib.get_close_matches(callee.name, BUILTINS, n=1)
                mend = f"did you mean {near[0]}?" if near else None
                raise FeelError(f"there is no function {callee.name}", callee.at, mend)
        return self.dynamic(node, runs)

    def dynamic(self, node: Call, runs: Sequence[Run]) -> Code:
        """Compile a call of what only the values tell."""
        names, callee = node.names, self.code(node.callee).run
        name = node.callee.name if isinstance(node.callee, Name) else None
        spare = None if self.chain.holds(name or "") else BUILTINS.get(name or "")

        def run(scope: Any) -> Any:
            function = callee(scope)
            if type(function) is not Function:
                if spare is None:
                    raise EvaluationError("no-function", function=name or "(…)", found=kind(function))
                function = builtin_value(spare.name)
            values = [one(scope) for one in runs]
            if names is None:
                return function(*values)
            if function.builtin is not None:
                return by_name(BUILTINS[function.builtin], names)(*values)
            return function(*placed(function, names, values, strict=self.strict))

        return Code(self.guarded(run, node.at), None)

    def builtin(self, node: Call, builtin: Builtin, runs: Sequence[Run]) -> Code:
        """Compile a call of a built-in function."""
        names, fail, at = node.names, self.fail, node.at
        work: Callable[..., Any] = run_of(builtin) if names is None else by_name(builtin, names)
        if not fits(builtin, len(runs), names):
            return self.mismatch(node, builtin)
        if len(runs) == 1:
            only = runs[0]

            def one(scope: Any) -> Any:
                try:
                    return work(only(scope))
                except EvaluationError as fault:
                    return fail(fault, at)

            return Code(one, None)

        def many(scope: Any) -> Any:
            try:
                return work(*[run(scope) for run in runs])
            except EvaluationError as fault:
                return fail(fault, at)

        return Code(many, None)

    def mismatch(self, node: Call, builtin: Builtin) -> Code:
        """Refuse arguments that fit no form of a function."""
        if self.strict:
            raise FeelError(f"{builtin.name} does not take these arguments", node.at, _forms(builtin))

        def run(_: Any) -> Any:
            raise EvaluationError("arguments", function=builtin.name, found=str(len(node.arguments)))

        return Code(self.guarded(run, node.at), None)

    def function(self, node: Lambda) -> Code:
        """Compile `function(…) …`: it keeps the frame in which it stands."""
        if node.external:
            if self.strict:
                raise FeelError("an external function is not called", node.at, "write its body in FEEL")
            return Code(self.guarded(_external, node.at), None)
        parameters = []
        for name, declared in node.parameters:
            made = None if declared is None else self.types.made(declared)
            if declared is not None and made is None and self.strict:
                raise FeelError(f"there is no type {declared.name}", declared.at)
            parameters.append(Parameter(name, made))
        self.chain.blocks.append(Block(parameter.name for parameter in parameters))
        body, strict, cost = self.code(node.body).run, self.strict, weight(node.body)
        self.chain.blocks.pop()

        def function(scope: Any) -> Function:
            spend(_MADE)

            def run(values: list[Any]) -> Any:
                spend(cost)
                return body([scope, *values])

            return Function(None, parameters, run, strict=strict)

        return Code(function, "function")


_MADE: Final = 7
"""Steps of making a function, which takes about as long."""


def _forms(builtin: Builtin) -> str:
    return " or ".join(f"{builtin.name}({', '.join(names)})" for names in builtin.overloads)


def _external(_: Any) -> Any:
    raise EvaluationError("external")


def placed(function: Function, names: Sequence[str], values: Sequence[Any], *, strict: bool) -> list[Any]:
    """Put arguments given by name into the order of the parameters; as the standard has it, one not given is null.

    Raises:
        EvaluationError: `arguments`, where a name is none of them, or, with `strict`, one of them is not given.
    """
    given: Mapping[str, Any] = dict(zip(names, values, strict=True))
    wanted = [parameter.name for parameter in function.parameters]
    if not given.keys() <= set(wanted) or (strict and len(given) < len(wanted)) or len(given) < len(names):
        raise EvaluationError("arguments", function=function.name or "function", found=", ".join(names))
    return [given.get(name) for name in wanted]


def fits(builtin: Builtin, number: int, names: Sequence[str] | None) -> bool:
    """Tell whether a function takes a number of arguments, or arguments of these names."""
    if names is None:
        return any(form.counts(number) for form in builtin.forms)
    known = [{parameter.name for parameter in form.parameters} for form in builtin.forms]
    return len(set(names)) == len(names) and any(set(names) <= form for form in known)


def by_name(builtin: Builtin, names: Sequence[str]) -> Callable[..., Any]:
    """Give what works a built-in function out for arguments given by name; those that ask for the time have none."""
    return lambda *arguments: builtin.run_named(names, arguments)
