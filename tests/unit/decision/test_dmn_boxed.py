"""Boxed expressions, each in the standard's mode (a fault is null, and told) and in strict mode (a fault ends)."""

from typing import Any

import pytest
from tests.support.dmn_xml import decision, knowledge, literal, read

from judgify.decision.dmn import Mode, Model

DOUBLE = knowledge("double", "n:number", literal("n * 2"), type_ref="number")


def entry(expression: str, name: str = "", type_ref: str = "") -> str:
    declared = f' typeRef="{type_ref}"' if type_ref else ""
    variable = f'<variable name="{name}"{declared}/>' if name else ""
    return f"<contextEntry>{variable}{expression}</contextEntry>"


def context(*entries: str) -> str:
    return f"<context>{''.join(entries)}</context>"


def function(parameters: str, body: str, attributes: str = "") -> str:
    made = "".join(f'<formalParameter name="{one}"/>' for one in parameters.split())
    return f"<functionDefinition{attributes}>{made}{body}</functionDefinition>"


def invocation(callee: str, **arguments: str | None) -> str:
    bound = "".join(
        f'<binding><parameter name="{name}"/>{"" if text is None else literal(text)}</binding>'
        for name, text in arguments.items()
    )
    return f"<invocation>{literal(callee)}{bound}</invocation>"


def iterator(kind: str, source: str, body: str, type_ref: str = "") -> str:
    part = "return" if kind == "for" else "satisfies"
    declared = f' typeRef="{type_ref}"' if type_ref else ""
    return f'<{kind} iteratorVariable="x"><in{declared}>{literal(source)}</in><{part}>{literal(body)}</{part}></{kind}>'


def chosen(condition: str) -> str:
    parts = (("if", condition), ("then", '"yes"'), ("else", '"no"'))
    return f"<conditional>{''.join(f'<{name}>{literal(text)}</{name}>' for name, text in parts)}</conditional>"


def filtered(source: str, match: str) -> str:
    return f"<filter><in>{literal(source)}</in><match>{literal(match)}</match></filter>"


def model(expression: str) -> Model:
    return read(decision("a", expression, knows="b_double"), DOUBLE)


COLUMNS = "<relation><column name='p'/><column name='q' typeRef='number'/>"
VALUES: list[tuple[str, Any]] = [
    (literal("1 + 1"), 2),
    (literal("[1, 2]", "number"), None),
    (literal("[7]", "number"), 7),
    (literal("7", "tMissing"), 7),
    (context(), {}),
    (context(entry(literal("1"), "p"), entry(literal("p + 1"), "q q")), {"p": 1, "q q": 2}),
    (context(entry(literal("1"), "p"), entry(literal("p + 1"))), 2),
    (context(entry(literal('"x"'), "p", "number")), {"p": None}),
    (context(entry(function("n", literal("if n = 0 then 1 else n * f(n - 1)")), "f"), entry(literal("f(5)"))), 120),
    ("<list/>", []),
    (f"<list>{literal('1')}{literal('nope')}</list>", [1, None]),
    (
        f"{COLUMNS}<row>{literal('1')}{literal('2')}</row><row>{literal('3')}{literal('true')}</row></relation>",
        [{"p": 1, "q": 2}, {"p": 3, "q": None}],
    ),
    (invocation("double", n="21"), 42),
    (invocation("double", n='"x"'), None),
    (invocation("double", m="21"), None),
    (invocation("double", n=None), None),
    (invocation("nothing", n="1"), None),
    (invocation("abs", n="-1"), 1),
    (chosen("true"), "yes"),
    (chosen("false"), "no"),
    (chosen("null"), "no"),
    (chosen('"x"'), None),
    (filtered("[1, 2, 3]", "item > 1"), [2, 3]),
    (filtered("[{n: 1, item: 5}, {n: 2, item: 6}]", "n = 2 and item = 6"), [{"n": 2, "item": 6}]),
    (filtered("5", "item > 1"), [5]),
    (filtered("null", "true"), None),
    (filtered("[4, 5, 6]", "2"), 5),
    (filtered("[4, 5]", '"x"'), []),
    (iterator("for", "[1, 2]", "x * 10"), [10, 20]),
    (iterator("for", "[1..3]", "x + count(partial)"), [1, 3, 5]),
    (iterator("for", "null", "x"), None),
    (iterator("for", '[1, "x"]', "x", "number"), [1, None]),
    (iterator("some", "[1, 2]", "x > 1"), True),
    (iterator("some", "[]", "x > 1"), False),
    (iterator("every", "[1, 2]", "x > 1"), False),
    (iterator("every", "[1, 2]", "if x = 1 then true else null"), None),
    (context(entry(function("n", literal("n + 1")), "f"), entry(literal("[f(1), f(n: 2)]"))), [2, 3]),
    (context(entry(function("n", literal("n"), ' typeRef="string"'), "f"), entry(literal("f(1)"))), None),
    (context(entry(function("", ""), "f"), entry(literal("f()"))), None),
    (context(entry(function("", "", ' kind="Java"'), "f"), entry(literal("f"))), None),
    (context(entry(function("", "", ' kind="PMML"'), "f"), entry(literal("f"))), None),
    (literal("("), None),
    ('<literalExpression expressionLanguage="urn:other"><text>1</text></literalExpression>', None),
    ('<literalExpression expressionLanguage="feel"><text>1</text></literalExpression>', 1),
    ("<literalExpression><importedValues/></literalExpression>", None),
    ("<literalExpression/>", None),
    (f"<conditional><if/><then>{literal('1')}</then><else>{literal('2')}</else></conditional>", 2),
    ("", None),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_the_standards_mode_gives_null_for_a_fault_and_tells_it(expression: str, value: Any) -> None:
    outcome = model(expression).evaluate("a", {}, mode=Mode.STANDARD)
    assert outcome.verdict == "decided"
    assert outcome.value == value
    # A null that is passed on is no fault.
    if value is None and "null" not in expression:
        assert outcome.faults
        assert all(str(fault) and fault.explain("ko") for fault in outcome.faults)


STRICT = [
    (literal("[1, 2]", "number"), "wrong-type", "", None),
    (literal("1 / 0"), "division-by-zero", "", None),
    (context(entry(literal('"x"'), "p", "number")), "wrong-type", "p", None),
    (invocation("double", n='"x"'), "wrong-type", "", None),
    (invocation("double", n=None), "no-logic", "n", None),
    (chosen("null"), "null", "if", None),
    (chosen('"x"'), "not-boolean", "if", None),
    (filtered("[1]", '"x"'), "not-boolean", "match", None),
    (iterator("for", "null", "x"), "null", "", None),
    (context(entry(function("", ""), "f"), entry(literal("f()"))), "no-logic", "f", None),
    (context(entry(function("", "", ' kind="Java"'), "f"), entry(literal("f"))), "unsupported", "f", None),
    (literal("1 +"), "bad-expression", "", 4),
    ("<literalExpression><importedValues/></literalExpression>", "unsupported", "", None),
    ("", "no-logic", "", None),
]


@pytest.mark.parametrize(("expression", "code", "part", "position"), STRICT)
def test_strict_mode_ends_with_the_reason_and_its_place(
    expression: str, code: str, part: str, position: int | None
) -> None:
    found = model(expression)
    outcome = found.evaluate("a", {})
    assert outcome.verdict == "not evaluable"
    assert outcome.value is None
    fault = outcome.faults[0]
    assert (fault.code, fault.place.part) == (code, part)
    assert 'decision "a"' in str(fault)
    assert fault.to_dict()["reason"] == fault.reason
    if position is not None:
        assert [problem.position for problem in found.problems] == [position]


def test_what_is_sound_is_the_same_in_both_modes() -> None:
    faulty = {expression for expression, *_ in STRICT}
    for expression, value in VALUES:
        if value is None or expression in faulty or "nope" in expression or "null" in expression:
            continue
        outcome = model(expression).evaluate("a", {})
        if outcome.verdict == "decided":
            assert outcome.value == value
        else:
            assert outcome.faults[0].code in {"wrong-type", "not-boolean", "bad-expression", "no-logic", "unsupported"}


def test_an_endless_recursion_is_a_limit_in_both_modes() -> None:
    endless = context(entry(function("n", literal("f(n + 1)")), "f"), entry(literal("f(0)")))
    for mode in Mode:
        outcome = model(endless).evaluate("a", {}, mode=mode)
        assert outcome.verdict == "not evaluable"
        assert outcome.faults[0].code == "too-deep"


def test_expressions_in_expressions_are_as_deep_as_the_file_allows() -> None:
    deep = literal("1")
    for _ in range(30):
        deep = f"<list>{deep}</list>"
    value: Any = model(deep).evaluate("a", {}).value
    for _ in range(30):
        (value,) = value
    assert value == 1
