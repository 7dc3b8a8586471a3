"""Whatever is done to a file: a model or a `ModelError`, an outcome for every decision, and nothing else."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.dmn_xml import decision, dmn, input_data, knowledge, literal, service, table

from judgify.decision import TableError
from judgify.decision.dmn import Mode, ModelError, read_model, read_table

LOOP = f"<for iteratorVariable='i'><in>{literal('a')}</in><return>{literal('f(i)')}</return></for>"
ENTRY = f"<context><contextEntry><variable name='k'/>{literal('s(x, a)')}</contextEntry></context>"
TABLE = table("x[1]; count(x)", "o; p", '> 1; - -> "가"; x', "-; < 3 -> 1 + 1; null", policy="COLLECT")
BASE = dmn(
    "<itemDefinition name='tA' isCollection='true'><typeRef>number</typeRef>"
    "<allowedValues><text>[0..9]</text></allowedValues></itemDefinition>",
    input_data("x", "tA"),
    decision("a", TABLE, "i_x"),
    decision("b", LOOP, "d_a", "b_f"),
    decision("c", ENTRY, "d_a i_x", "s_s"),
    knowledge("f", "n", literal("if n = null then 0 else string(n)")),
    service("s", "d_b", "d_a", "i_x"),
)
WORDS = r"""< > & " ' / = # null ( ) [ ] .. - ** ? , : <text> </text> <list/> </decision> typeRef="tA" hitPolicy="FIRST"
    function(x) d_a b_f s_s i_x @"P1Y" 99999999999 tA x &#0; &lt; <!-- ]]> xmlns:a="b" isCollection="true" 한"""
PLACE = st.integers(0, len(BASE))
CHANGES = st.lists(
    st.tuples(PLACE, st.integers(0, 30), st.sampled_from(WORDS.split()).map(str.encode) | st.binary(max_size=4)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(CHANGES, st.none() | st.integers(-2, 12) | st.lists(st.integers(-2, 12) | st.text(max_size=3), max_size=3))
def test_a_changed_file_is_read_or_refused_and_every_decision_gets_an_outcome(
    changes: list[tuple[int, int, bytes]], x: object
) -> None:
    data = BASE
    for place, gone, new in changes:
        data = data[:place] + new + data[place + gone :]
    try:
        model = read_model(data)
    except ModelError as error:
        assert error.problems  # noqa: PT017 - what it says is the property
        return
    assert all(str(problem) for problem in model.problems)
    for mode in Mode:
        for name in model.decisions:
            json.dumps(model.evaluate(name, {"x": x}, mode=mode).to_dict(), allow_nan=False)
    for name in model.decisions:
        try:
            read_table(data, name)
        except (ModelError, TableError):
            continue


def test_the_file_that_is_changed_is_sound() -> None:
    model = read_model(BASE)
    assert model.problems == ()
    assert model.evaluate("b", {"x": [5]}, mode=Mode.STANDARD).value == ['{o: "가", p: [5]}', "{o: 2, p: null}"]
    assert model.evaluate("c", {"x": [5]}, mode=Mode.STANDARD).value == {"k": ['{o: "가", p: [5]}', "{o: 2, p: null}"]}
