"""The elements of a model as running code, in one mode."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judgify.decision.dmn.boxed import Boxes, fitted
from judgify.decision.dmn.definition import Decision, Definitions, InputData, Key, KnowledgeModel, Node, Service, Table
from judgify.decision.dmn.error import ModelProblem
from judgify.decision.dmn.given import Given
from judgify.decision.dmn.graph import Graph, Link, spoken
from judgify.decision.dmn.item import Types, prefixed
from judgify.decision.dmn.outcome import Place, Step
from judgify.decision.dmn.session import Run, Scope, Session
from judgify.decision.feel import Mode, compile_unary_tests
from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.type import Type
from judgify.decision.feel.value import Function, Parameter, deep, finder

Compiled = Decision | KnowledgeModel


class Engine:
    """Evaluates the elements of one model, and asks the engines of other models for theirs."""

    def __init__(self, graph: Graph, others: Mapping[str, "Engine"], mode: Mode) -> None:
        self.graph = graph
        self.mode = mode
        self.engines: dict[str, Engine] = {graph.own.namespace: self}
        for other in others.values():
            self.engines.update({space: one for space, one in other.engines.items() if space != graph.own.namespace})
        self.own_types = [item.name for item in graph.own.items]
        self.types = Types(graph.own.items, _imported(graph.own, others), self._tests)
        for other in others.values():
            self.types.members |= other.types.members
        self.boxes = Boxes(self.types, mode)
        self.runs: dict[Key, Run] = {}

    def _tests(self, text: str) -> Any:
        code = compile_unary_tests(text, types={}, mode=Mode.STANDARD, trusted=True)
        return lambda value: code.evaluate(value, {}) is True

    def problems(self) -> tuple[ModelProblem, ...]:
        """Compile everything, and give what is wrong."""
        for node in self.graph.own.nodes:
            if isinstance(node, Decision | KnowledgeModel):
                self._run(node)
            self.type_of(node.type_ref, node)
        found = [problem for problems in self.graph.problems.values() for problem in problems]
        return tuple(dict.fromkeys([*found, *self.types.problems, *self.boxes.problems]))

    def type_of(self, reference: str | None, node: Node) -> Type | None:
        """Give the type that an element of this model names; None when it names none."""
        return self.types.get(reference, node.line, spoken(node))

    def _of(self, key: Key) -> "Engine":
        return self.engines[key.namespace]

    # Decisions

    def work_out(self, wanted: Sequence[Key], session: Session, given: Given) -> None:
        """Work out what decisions require, each after what it requires itself, and the decisions.

        Raises:
            EvaluationError: In strict mode: one of them is not evaluable.
        """
        for node in self.graph.order(wanted, session.values):
            engine = self._of(node.key)
            if isinstance(node, InputData):
                session.values[node.key] = engine.given(node, session, given)
            else:
                session.values[node.key] = engine.decide(node, session)

    def given(self, node: InputData | Decision, session: Session, given: Given) -> Any:
        """Give the caller's value for an element.

        Raises:
            EvaluationError: In strict mode: it is missing, of another type or not allowed.
        """
        try:
            return given.value(node, self.type_of(node.type_ref, node))
        except EvaluationError as error:
            session.fail(error, Place(spoken(node), line=node.line))
            return None

    def decide(self, node: Decision, session: Session) -> Any:
        """Work out a decision whose requirements are known.

        Raises:
            EvaluationError: In strict mode: it is not evaluable.
        """
        session.begin()
        place = Place(spoken(node), line=node.line)
        run = self._run(node)
        try:
            self._refuse_faulty(node, session, place)
            value = run(self.scope((*node.requires, *node.knows), session), session)
        except EvaluationError as error:
            session.tell(error, place)
            session.steps.append(Step(node.name, node.key.namespace, "not evaluable", None))
            raise
        rules = session.rules if isinstance(node.expression, Table) else None
        verdict = "not matched" if value is None and rules == () else "decided"
        session.steps.append(Step(node.name, node.key.namespace, verdict, value, rules or ()))
        return value

    def _refuse_faulty(self, node: Compiled, session: Session, place: Place) -> None:
        for problem in self.graph.problems.get(node.key, ()):
            session.fail(EvaluationError("bad-model", message=problem.message), place)

    def _run(self, node: Compiled) -> Run:
        found = self.runs.get(node.key)
        return found if found is not None else self.runs.setdefault(node.key, self._compiled(node))

    def _compiled(self, node: Compiled) -> Run:
        place = Place(spoken(node), line=node.line)
        declared = self.type_of(node.type_ref, node)
        if isinstance(node, KnowledgeModel):
            names = self._names(node.knows)
            if node.function is None:
                return self.boxes.refusal("no-logic", place)
            return self.boxes.compile(node.function, names, place)
        expression = node.expression
        if expression is None:
            return self.boxes.refusal("no-logic", place)
        if isinstance(expression, Table) and expression.type_ref is None:
            expression = replace(expression, type_ref=node.type_ref)
        run = self.boxes.compile(expression, self._names((*node.requires, *node.knows)), place)
        return self.boxes.typed(run, declared, place)

    def _names(self, keys: Sequence[Key]) -> frozenset[str]:
        names: set[str] = set()
        for link in self.graph.links(keys):
            names |= {link.alias, link.name} if link.alias else {link.name}
        return frozenset(names)

    def scope(self, keys: Sequence[Key], session: Session) -> Scope:
        """Give the values and functions that are in the scope of an element that requires these."""
        scope: Scope = {}
        for link in self.graph.links(keys):
            value = self._meant(link, session)
            if link.alias:
                scope.setdefault(link.alias, {})[link.name] = value
            else:
                scope[link.name] = value
        return scope

    def _meant(self, link: Link, session: Session) -> Any:
        node = self.graph.nodes[link.key]
        if isinstance(node, KnowledgeModel):
            return self._of(link.key).function(node, session)
        if isinstance(node, Service):
            return self._of(link.key).service(node, session)
        return session.values.get(link.key)

    # Functions

    def function(self, node: KnowledgeModel, session: Session) -> Any:
        """Give a business knowledge model as a function."""
        place = Place(spoken(node), line=node.line)
        if node.function is None:
            session.fail(EvaluationError("no-logic"), place)
            return None
        parameters = self.boxes.parameters(node.function.parameters, place)
        result = self.boxes.result(node.type_ref, node.line, place)

        def call(arguments: list[Any]) -> Any:
            self._refuse_faulty(node, session, place)
            made = self._run(node)(self.scope(node.knows, session), session)
            value = None if made is None else made(*arguments)
            return fitted(value, result, session, place)

        return Function(node.name, parameters, call, result=result, strict=session.strict)

    def apply(self, node: KnowledgeModel, session: Session, values: Mapping[Any, Any]) -> Any:
        """Call a business knowledge model with the caller's values for its parameters.

        Raises:
            EvaluationError: In strict mode: a value is missing, of another type, or the call is not evaluable.
        """
        function = self.function(node, session)
        if function is None:
            return None
        try:
            arguments = [
                deep(_given(values, parameter.name, strict=session.strict)) for parameter in function.parameters
            ]
            return function(*arguments)
        except EvaluationError as error:
            session.fail(error, Place(spoken(node), line=node.line))
            return None

    def service(self, node: Service, session: Session) -> Function:
        """Give a decision service as a function of its inputs, then of its input decisions."""
        place = Place(spoken(node), line=node.line)
        result = self.boxes.result(node.type_ref, node.line, place)
        keys = [key for key in (*node.inputs, *node.decisions) if key in self.graph.nodes]
        required = [self.graph.nodes[key] for key in keys]
        parameters = tuple(Parameter(one.name, self._of(one.key).type_of(one.type_ref, one)) for one in required)

        def call(arguments: list[Any]) -> Any:
            below = session.below(dict(zip(keys, arguments, strict=True)))
            outputs = self.outputs(node, below, Given({}, self.graph, strict=session.strict))
            value = next(iter(outputs.values())) if len(outputs) == 1 else outputs
            return fitted(value, result, session, place)

        return Function(node.name, parameters, call, result=result, strict=session.strict)

    def serve(self, node: Service, session: Session, given: Given) -> dict[str, Any]:
        """Work out a decision service for the caller's values.

        Raises:
            EvaluationError: In strict mode: it is not evaluable.
        """
        for required in (*node.inputs, *node.decisions):
            one = self.graph.nodes.get(required)
            if isinstance(one, InputData | Decision):
                session.values[required] = self._of(required).given(one, session, given)
        engine, place = self._of(node.key), Place(spoken(node), line=node.line)
        outputs = engine.outputs(node, session, Given({}, self.graph, strict=session.strict))
        result = engine.boxes.result(node.type_ref, node.line, place)
        if len(outputs) > 1:
            fits = fitted(outputs, result, session, place) is not None
            return outputs if fits else dict.fromkeys(outputs)
        return {name: fitted(value, result, session, place) for name, value in outputs.items()}

    def outputs(self, node: Service, session: Session, given: Given) -> dict[str, Any]:
        """Work out the output decisions of a service whose inputs are known, by name.

        Raises:
            EvaluationError: In strict mode: one of them is not evaluable.
        """
        for problem in self.graph.problems.get(node.key, ()):
            session.fail(EvaluationError("bad-model", message=problem.message), Place(spoken(node), line=node.line))
        self.work_out(node.outputs, session, given)
        return {self.graph.nodes[key].name: session.values.get(key) for key in node.outputs if key in self.graph.nodes}


def _given(values: Mapping[Any, Any], name: str, *, strict: bool) -> Any:
    value = finder(name)(values)
    if value is not MISSING:
        return value
    if strict:
        raise EvaluationError("missing", name=name)
    return None


def _imported(own: Definitions, others: Mapping[str, Engine]) -> dict[str, Type]:
    """Give the types of imported models under the names of the imports."""
    found: dict[str, Type] = {}
    for one in own.imports:
        engine = others[one.namespace]
        found |= {prefixed(name, one.name): engine.types.known[name] for name in engine.own_types}
    return found
