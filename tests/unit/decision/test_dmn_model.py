"""Models: what is in scope, what the caller gives, services, functions, imports, types."""

import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.support.dmn_xml import decision, dmn, input_data, knowledge, literal, read, service, table

from judgify.decision.dmn import Mode, Model, ModelError, read_model, read_models
from judgify.decision.feel.temporal import read_date, read_duration
from judgify.kit.errors import Invalid, NotFound

AGE = """<itemDefinition name="tAge"><typeRef>number</typeRef>
  <allowedValues><text>[0..150]</text></allowedValues></itemDefinition>"""
PERSON = """<itemDefinition name="tPerson">
  <itemComponent name="Full Name"><typeRef>string</typeRef></itemComponent>
  <itemComponent name="age"><typeRef>tAge</typeRef></itemComponent>
  <itemComponent name="born"><typeRef>date</typeRef></itemComponent>
  <itemComponent name="friends" isCollection="true"><typeRef>tPerson</typeRef></itemComponent></itemDefinition>"""
AGES = """<itemDefinition name="tAges" isCollection="true"><typeRef>tAge</typeRef>
  <typeConstraint><text>count(?) &lt; 3</text></typeConstraint></itemDefinition>"""
ITEMS = (AGE, PERSON, AGES)
KIM = {"Full Name": "김", "age": 30, "born": "1995-01-02", "friends": []}


def test_a_decision_sees_what_it_requires_and_nothing_else() -> None:
    model = read(
        input_data("My Input", "number"),
        input_data("other"),
        decision("a b", literal("My Input + 1"), "i_MyInput", type_ref="number"),
        decision("c", literal("a b * 2"), "d_ab"),
        decision("d", literal("other"), "d_ab"),
    )
    outcome = model.evaluate("c", {"My Input": 20, "unknown": object()})
    assert outcome.value == 42
    assert [(step.name, step.value) for step in outcome.steps] == [("a b", 21), ("c", 42)]
    assert model.evaluate("d", {"My Input": 1, "other": 2}, mode=Mode.STANDARD).value is None
    assert model.evaluate("d", {"My Input": 1, "other": 2}).verdict == "not evaluable"
    assert model.decisions == ("a b", "c", "d")
    assert model.inputs == ("My Input", "other")
    assert (model.knowledge, model.services, model.name, model.namespace) == ((), (), "test", "urn:test")


def test_a_decision_is_found_by_name_or_id_and_a_mistyped_one_is_told() -> None:
    model = read(decision("grade", literal("1")), decision("other", literal("2")))
    assert model.evaluate("d_other", {}).value == 2
    with pytest.raises(NotFound, match=r'test has no "grad" \(did you mean "grade"'):
        model.evaluate("grad", {})
    with pytest.raises(NotFound):
        read().invoke("a", {})


def test_inputs_have_to_be_a_mapping_and_the_moment_needs_a_zone() -> None:
    model = read(decision("a", literal("now()")))
    with pytest.raises(Invalid, match="an object of named values, not a list"):
        model.evaluate("a", [])  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="needs a time zone"):
        model.evaluate("a", {}, now=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused
    assert model.evaluate("a", {}).verdict == "not evaluable"
    outcome = model.evaluate("a", {}, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert outcome.to_dict()["value"].startswith("2026-01-01T00:00:00")


@pytest.mark.parametrize(
    ("type_ref", "given", "value", "code"),
    [
        ("number", 5, 5, None),
        ("number", [5], 5, None),
        ("number", "5", None, "wrong-type"),
        ("number", float("nan"), None, "not-finite"),
        ("tAge", 200, None, "not-allowed"),
        ("tAge", 20, 20, None),
        ("tAges", [1, 2], [1, 2], None),
        ("tAges", 1, [1], None),
        ("tAges", [1, 2, 3], None, "not-allowed"),
        ("tAges", [1, 200], None, "not-allowed"),
        ("tPerson", KIM | {"age": None}, None, None),
        ("tPerson", {"age": 3}, None, "wrong-type"),
        ("tPerson", KIM | {"age": 999}, None, "not-allowed"),
        ("date", "2025-01-20", read_date("2025-01-20"), None),
        ("date", date(2025, 1, 20), read_date("2025-01-20"), None),
        ("date", "someday", None, "wrong-type"),
        ("years and months duration", "P1Y", read_duration("P1Y"), None),
        ("Any", "5", "5", None),
        ("", None, None, None),
    ],
)
def test_a_value_is_turned_into_its_type_or_refused(type_ref: str, given: Any, value: Any, code: str | None) -> None:
    model = read(*ITEMS, input_data("x", type_ref), decision("a", literal("x"), "i_x"))
    outcome = model.evaluate("a", {"x": given})
    if code is None:
        assert outcome.verdict == "decided"
        assert outcome.value == value or given == KIM | {"age": None}
    else:
        assert (outcome.verdict, outcome.faults[0].code) == ("not evaluable", code)
        assert outcome.faults[0].place.node == 'input "x"'
        assert model.evaluate("a", {"x": given}, mode=Mode.STANDARD).value is None


def test_texts_inside_lists_and_contexts_are_read_as_dates_where_declared() -> None:
    model = read(
        *ITEMS, input_data("p", "tPerson"), decision("a", literal("p.born.year + p.friends[1].born.year"), "i_p")
    )
    person = KIM | {"friends": [KIM | {"extra": 1}]}
    assert model.evaluate("a", {"p": person}).value == 3990
    assert model.evaluate("a", {"p": person}, mode=Mode.STANDARD).value is None


def test_a_missing_input_is_told_in_strict_mode_and_null_in_the_standards() -> None:
    model = read(input_data("x"), decision("a", literal("x = null"), "i_x"))
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value is True
    outcome = model.evaluate("a", {})
    assert outcome.faults[0].code == "missing"
    assert outcome.to_dict()["faults"][0]["line"] == 2
    assert outcome.to_dict()["steps"] == []
    assert "steps" not in outcome.to_dict(trace=False)


def test_decomposed_hangul_finds_its_input() -> None:
    model = read(
        input_data("온도"), decision("등급", literal("온도 + 1"), "i_온도"), knowledge("증가", "값", literal("값 + 1"))
    )
    name, value = (unicodedata.normalize("NFD", text) for text in ("온도", "값"))
    assert name != "온도"
    assert model.evaluate("등급", {name: 1}).value == 2
    assert model.invoke("증가", {value: 1}).value == 2


def test_names_of_several_words_inside_contexts_are_one_name() -> None:
    model = read(*ITEMS, input_data("p", "tPerson"), decision("a", literal("p.Full Name"), "i_p"))
    assert model.evaluate("a", {"p": KIM}).value == "김"
    assert model.problems == ()


def test_a_knowledge_model_sees_its_parameters_and_what_it_requires() -> None:
    model = read(
        knowledge("twice", "n:number", literal("n * 2")),
        knowledge("four times", "n:number", literal("twice(twice(n))"), knows="b_twice"),
        decision("a", literal("four times(n: 10) + 2"), knows="b_fourtimes"),
        decision("b", literal("twice(1)"), knows="b_fourtimes"),
    )
    assert model.evaluate("a", {}).value == 42
    assert model.evaluate("b", {}, mode=Mode.STANDARD).value is None
    assert model.knowledge == ("twice", "four times")
    assert model.invoke("twice", {"n": 4}).value == 8
    assert model.invoke("b_twice", {"n": "4"}, mode=Mode.STANDARD).value is None
    assert model.invoke("twice", {"n": "4"}).faults[0].code == "wrong-type"
    assert model.invoke("twice", {}).faults[0].code == "missing"
    assert model.invoke("twice", {}, mode=Mode.STANDARD).value is None


def test_a_knowledge_model_without_logic_is_null_or_not_evaluable() -> None:
    model = read(knowledge("f", "", ""), decision("a", literal("f"), knows="b_f"))
    assert model.problems == ()
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value is None
    assert model.evaluate("a", {}).faults[0].code == "no-logic"
    assert model.invoke("f", {}, mode=Mode.STANDARD).value is None
    foreign = read(knowledge("f", "n", literal("1"), logic=' kind="Java"'), decision("a", literal("f(1)"), knows="b_f"))
    assert foreign.evaluate("a", {}, mode=Mode.STANDARD).value is None
    assert foreign.evaluate("a", {}).faults[0].code == "unsupported"


FUNCTION = """<itemDefinition name="tF"><functionItem outputTypeRef="number">
  <parameters name="n" typeRef="number"/></functionItem></itemDefinition>
<itemDefinition name="tG"><functionItem/></itemDefinition>"""
RESULTS = [("tF", None), ("tG", "x"), ("string", "x"), ("number", None), ("", "x")]


@pytest.mark.parametrize(("type_ref", "value"), RESULTS)
def test_the_type_of_a_function_is_its_own_or_that_of_its_result(type_ref: str, value: str | None) -> None:
    function = knowledge("f", "n", literal('"x"'), type_ref=type_ref)
    model = read(FUNCTION, function, decision("a", literal("f(1)"), knows="b_f"))
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value == value
    assert (model.evaluate("a", {}).verdict == "decided") == (value is not None)


def test_functions_are_instances_of_function_types() -> None:
    body = literal("f instance of tF and not(g instance of tF)")
    functions = (
        knowledge("f", "n:number", literal("1"), type_ref="number"),
        knowledge("g", "n:string,m", literal("1")),
    )
    assert read(FUNCTION, *functions, decision("a", body, knows="b_f b_g")).evaluate("a", {}).value is True


SERVICE = (
    input_data("i", "number"),
    decision("base", literal("100"), type_ref="number"),
    decision("sum", literal("i + base"), "i_i d_base"),
    decision("more", literal("sum + 1"), "d_sum"),
    service("one", "d_more", "d_base", "i_i"),
    service("two", "d_more d_sum", "d_base", "i_i"),
    decision("called", literal("one(1, 2) + one(base: 20, i: 10)"), knows="s_one"),
    decision("both", literal("two(1, 2)"), knows="s_two"),
    decision("wrong", literal('one("x", 2)'), knows="s_one"),
)


def test_a_service_works_its_decisions_out_for_the_given_values() -> None:
    model = read(*SERVICE)
    outcome = model.invoke("one", {"i": 1, "base": 2})
    assert (outcome.value, outcome.outputs) == (4, {"more": 4})
    assert [step.name for step in outcome.steps] == ["sum", "more"]
    assert model.invoke("s_two", {"i": 1, "base": 2}).value == {"more": 4, "sum": 3}
    assert model.evaluate("called", {}).value == 4 + 31
    assert model.evaluate("both", {}).value == {"more": 4, "sum": 3}
    assert model.services == ("one", "two")


def test_a_service_does_not_touch_the_decisions_around_it() -> None:
    parts = decision("mix", literal("[one(1, 2), sum]"), "d_sum", "s_one")
    assert read(*SERVICE, parts).evaluate("mix", {"i": 5}).value == [4, 105]


def test_a_service_misses_what_it_is_not_given() -> None:
    model = read(*SERVICE)
    assert model.invoke("one", {"i": 1}).faults[0].code == "missing"
    assert model.invoke("one", {"i": 1}, mode=Mode.STANDARD).value is None
    assert model.invoke("one", {"i": 1, "base": "x"}).faults[0].code == "wrong-type"
    outcome = model.evaluate("wrong", {})
    assert [fault.code for fault in outcome.faults] == ["wrong-type"]
    assert model.evaluate("wrong", {}, mode=Mode.STANDARD).value is None


def test_what_a_service_gives_is_of_its_type() -> None:
    """In a call and when it is invoked alike; several outputs are a context."""
    typed = service("one", "d_sum", "", "i_i").replace(">", '><variable name="one" typeRef="string"/>', 1)
    pair = service("two", "d_sum d_base", "", "i_i").replace(">", '><variable name="two" typeRef="number"/>', 1)
    model = read(*SERVICE[:3], typed, pair, decision("called", literal("one(1)"), knows="s_one"))
    for outcome in (model.invoke("one", {"i": 1}), model.evaluate("called", {}), model.invoke("two", {"i": 1})):
        assert outcome.faults[0].code == "wrong-type"
    assert model.invoke("one", {"i": 1}, mode=Mode.STANDARD).outputs == {"sum": None}
    assert model.invoke("two", {"i": 1}, mode=Mode.STANDARD).outputs == {"sum": None, "base": None}


WRITTEN = """<itemDefinition name="tList"><typeRef>list&lt;number&gt;</typeRef></itemDefinition>
<itemDefinition name="tRange"><typeRef>range&lt;number&gt;</typeRef></itemDefinition>
<itemDefinition name="tPart"><typeRef>context&lt;a b: tList, c: string&gt;</typeRef></itemDefinition>
<itemDefinition name="tCall"><typeRef>function&lt;number&gt; -&gt; number</typeRef></itemDefinition>"""


@pytest.mark.parametrize(
    ("type_ref", "expression", "value"),
    [
        ("tList", "[1, 2]", [1, 2]),
        ("tList", "1", [1]),
        ("tList", '["a"]', None),
        ("list<tList>", "[[1], [2]]", [[1], [2]]),
        ("list<tList>", '[["a"]]', None),
        ("tRange", "[1..2].end", None),
        ("tPart", '{a b: [1], c: "x"}', {"a b": [1], "c": "x"}),
        ("tPart", '{a b: ["x"], c: "x"}', None),
    ],
)
def test_a_type_may_be_written_as_feel_writes_it(type_ref: str, expression: str, value: Any) -> None:
    model = read(WRITTEN, decision("a", literal(expression), type_ref=type_ref))
    assert not model.problems
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value == value


def test_a_function_literal_is_held_to_the_result_that_its_type_names() -> None:
    literals = [
        decision(name, literal(f"function(x: number) {body}"), type_ref="tCall") for name, body in CALLS.items()
    ]
    wrong = decision("wrong", literal('function(x: string) "a"'), type_ref="tCall")
    range_of = decision("range", literal("[1..2]"), type_ref="tRange")
    called = decision("called", literal("[right(1), list(1), text(1), wrong(1), range.end]"), REQUIRED)
    outcome = read(WRITTEN, *literals, wrong, range_of, called).evaluate("called", {}, mode=Mode.STANDARD)
    assert outcome.value == [2, 1, None, None, 2]


CALLS = {"right": "x + 1", "list": "[x]", "text": 'string(x) + "!"'}
REQUIRED = "d_right d_list d_text d_wrong d_range"


def test_a_type_that_cannot_be_read_is_told() -> None:
    for type_ref in ("list<number", "list<tNone>", "list<number, string>"):
        problem = read(decision("a", literal("1"), type_ref=type_ref)).problems[0]
        assert f'the type "{type_ref}" is not defined' in problem.message


def test_the_inputs_of_a_table_that_is_a_function_name_its_parameters() -> None:
    """DMN 1.5, 10.2.1.7: where none are declared."""
    inputs = "Score Of; grade; 1 + 1"
    called = decision("a", literal('f(Score Of: 6, grade: "A")'), knows="b_f")
    positional = decision("b", literal('f(4, "A")'), knows="b_f")
    for more in ("", "; ("):
        rest = "; -" if more else ""
        rules = f'> 5; "A"; -{rest} -> "up"', f'-; -; -{rest} -> "down"'
        function = knowledge("f", "", table(inputs + more, "r", *rules, policy="FIRST"))
        model = read(function, called, positional)
        assert [model.evaluate(name, {}, mode=Mode.STANDARD).value for name in "ab"] == ["up", "down"]
        assert bool(model.problems) is bool(more)


def test_an_argument_that_is_not_given_is_null_by_the_standard_only() -> None:
    function = knowledge("f", "n,m", literal("if m = null then n else m"))
    parts = (function, decision("a", literal("f(n: 1)"), knows="b_f"), decision("b", literal("f(x: 1)"), knows="b_f"))
    model = read(*parts)
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value == 1
    assert model.evaluate("b", {}, mode=Mode.STANDARD).value is None
    assert model.evaluate("a", {}).faults[0].code == "arguments"


def test_what_leads_to_nothing_is_a_problem_of_its_element_only() -> None:
    model = read(
        decision("a", literal("1"), "d_none", "b_none"),
        decision("b", literal("2"), "urn:other#d_x"),
        decision("c", literal("3")),
        decision("d", literal("4"), "s_s"),
        service("s", "d_none", "i_none", "i_none"),
        knowledge("f", "", literal("1"), knows="d_c"),
        decision("e", literal("f()"), knows="b_f"),
        decision("g", literal("s()"), knows="s_s"),
    )
    messages = [str(problem) for problem in model.problems]
    assert 'line 2: decision "a": the required information "#d_none" leads to nothing' in messages
    assert 'line 2: decision "a": the required knowledge "#b_none" leads to nothing' in messages
    assert any('"#d_x" of urn:other leads to nothing' in message for message in messages)
    assert any('the required information "s" is of another kind' in message for message in messages)
    assert model.evaluate("c", {}).value == 3
    for name in ("a", "b", "d", "e", "g"):
        assert model.evaluate(name, {}).faults[0].code == "bad-model"
    assert model.evaluate("a", {}, mode=Mode.STANDARD).value == 1
    assert model.evaluate("e", {}, mode=Mode.STANDARD).value == 1
    assert model.invoke("s", {}).faults[0].code == "bad-model"
    assert model.invoke("s", {}, mode=Mode.STANDARD).value == {}


def test_types_that_are_not_sound_are_told_and_check_nothing() -> None:
    model = read(
        "<itemDefinition name='tA'><typeRef>tB</typeRef></itemDefinition>",
        "<itemDefinition name='tB'><typeRef>tA</typeRef></itemDefinition>",
        "<itemDefinition name='tC'><typeRef>tNone</typeRef></itemDefinition>",
        AGE.replace("tAge", "tD").replace("[0..150]", "&gt;"),
        "<itemDefinition name='tE'/>",
        input_data("x", "tA"),
        input_data("y", "feel:string"),
        decision("a", literal("x"), "i_x i_y", type_ref="tNothing"),
    )
    messages = " ".join(str(problem) for problem in model.problems)
    assert 'the type "tA" is defined by itself' in messages
    assert 'the type "tNone" is not defined' in messages
    assert 'the type "tNothing" is not defined' in messages
    assert 'item definition "tD": >' in messages
    assert model.evaluate("a", {"x": 5, "y": "z"}, mode=Mode.STANDARD).value == 5
    assert len(model.problems) == len(model.problems)


INNER = dmn(
    ITEMS[0],
    ITEMS[1],
    input_data("Who", "tPerson"),
    decision("Greeting", literal('"Hi, " + Who.Full Name'), "i_Who"),
    knowledge("Shout", "text:string", literal("upper case(text)")),
    service("Serve", "d_Greeting", "", "i_Who"),
    namespace="urn:inner",
)


def outer(name: str, *parts: str) -> bytes:
    imported = (
        f'<import name="{name}" namespace="urn:inner" importType="https://www.omg.org/spec/DMN/20230324/MODEL/"/>'
    )
    schema = '<import name="x" namespace="urn:xsd" importType="http://www.w3.org/2001/XMLSchema"/>'
    return dmn(imported, schema, *parts, namespace="urn:outer")


def used(prefix: str) -> tuple[str, ...]:
    return (
        input_data("p", f"{prefix}tAge"),
        decision("a", literal(f"{prefix}Shout({prefix}Greeting)"), "urn:inner#d_Greeting", "urn:inner#b_Shout"),
        decision("b", literal(f"p instance of {prefix}tAge"), "i_p"),
        decision("c", literal(f"{prefix}Serve(k)"), "i_k", "urn:inner#s_Serve"),
        input_data("k", f"{prefix}tPerson"),
    )


@pytest.mark.parametrize(("name", "prefix"), [("my lib", "my lib."), ("", "")])
def test_an_imported_model_is_used_under_the_name_of_the_import(name: str, prefix: str) -> None:
    inner = read_model(INNER)
    model = read_model(outer(name, *used(prefix)), [inner, read()])
    for given in ({"Who": KIM}, {("urn:inner", "Who"): KIM}, {name: {"Who": KIM}} if name else {"Who": KIM}):
        assert model.evaluate("a", given).value == "HI, 김"
    assert model.evaluate("b", {"p": 5}).value is True
    assert model.evaluate("c", {"k": KIM}).value == "Hi, 김"
    assert model.evaluate(f"{prefix}Greeting", {"Who": KIM}).value == "Hi, 김"
    assert model.invoke(f"{prefix}Shout", {"text": "a"}).value == "A"
    assert model.invoke(f"{prefix}Serve", {"Who": KIM}).value == "Hi, 김"
    assert model.problems == ()
    if name:
        assert model.evaluate("a", {"my lib.Who": KIM}).value == "HI, 김"
        assert model.evaluate("a", {"my lib": 5, "Who": KIM}).value == "HI, 김"


def test_an_input_of_the_same_name_in_two_models_needs_its_import() -> None:
    inner = read_model(INNER)
    parts = (input_data("Who"), decision("a", literal("lib.Greeting"), "urn:inner#d_Greeting"))
    model = read_model(outer("lib", *parts), [inner])
    assert model.evaluate("a", {"Who": KIM}).faults[0].code == "missing"
    assert model.evaluate("a", {"lib": {"Who": KIM}}).value == "Hi, 김"


def test_models_are_read_in_the_order_that_they_need() -> None:
    top = dmn(
        '<import name="mid" namespace="urn:outer"/>',
        decision("t", literal("mid.m"), "urn:outer#d_m"),
        namespace="urn:top",
    )
    middle = outer("lib", decision("m", literal("lib.Greeting"), "urn:inner#d_Greeting"))
    models = read_models({"top": top, "middle": middle, "inner": INNER})
    assert list(models) == ["top", "middle", "inner"]
    assert models["top"].evaluate("t", {"Who": KIM}).value == "Hi, 김"


def test_models_that_do_not_fit_together_are_refused() -> None:
    one = dmn('<import name="b" namespace="urn:b"/>', namespace="urn:a")
    two = dmn('<import name="a" namespace="urn:a"/>', namespace="urn:b")
    with pytest.raises(ModelError, match="import each other in a circle"):
        read_models({"one": one, "two": two})
    with pytest.raises(ModelError, match="one has the same namespace: urn:a"):
        read_models({"one": one, "again": one})


def test_an_outcome_is_json_and_a_model_may_be_shared() -> None:
    model: Model = read(decision("a", literal('[1, {b: @"2025-01-01"}]')))
    written = model.evaluate("a", {}).to_dict()
    assert written["value"] == [1, {"b": "2025-01-01"}]
    assert written["outputs"] == {"a": [1, {"b": "2025-01-01"}]}
    assert written["steps"][0]["name"] == "a"
    assert model.engine(Mode.STRICT) is model.engine(Mode.STRICT)
