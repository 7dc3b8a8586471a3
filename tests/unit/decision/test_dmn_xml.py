"""The XML of models: hostile files are refused at once, faulty ones with the line of each mistake."""

import time

import pytest
from tests.support.dmn_xml import MODEL, decision, dmn, input_data, literal, read, table

from judgify.decision.dmn import ModelError, read_model
from judgify.decision.dmn.element import read_xml
from judgify.decision.dmn.limit import MAX_ATTRIBUTE, MAX_DEPTH, MAX_XML
from judgify.kit.errors import Invalid

BILLION = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
    f"<!ENTITY {chr(98 + n)} '{'&' + chr(97 + n) + ';' + '&' + chr(97 + n) + ';'}'>".encode() for n in range(20)
)
HOSTILE = {
    "billion laughs": BILLION + b"]><a>&u;</a>",
    "quadratic": b"<!DOCTYPE a [<!ENTITY x '" + b"y" * 100_000 + b"'>]><a>" + b"&x;" * 1000 + b"</a>",
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>',
    "unknown entity": b"<a>&x;</a>",
    "deep": b"<a>" * (MAX_DEPTH + 1),
    "very deep": b"<a>" * 200_000,
    "huge attribute": b'<a b="' + b"x" * (MAX_ATTRIBUTE + 1) + b'"/>',
    "many attributes": b"<a " + b" ".join(b'a%d=""' % n for n in range(201)) + b"/>",
    "many prefixes": b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(201)) + b"/>",
    "too long": b"<a>" + b" " * MAX_XML + b"</a>",
    "nothing": b"",
    "cut off": b"<a",
    "two roots": b"<a/><a/>",
    "no text": b"\x00\x01",
    "other encoding": '<?xml version="1.0" encoding="euc-kr"?><a>한</a>'.encode("euc-kr"),
    "no encoding": b'<?xml version="1.0" encoding="nope"?><a/>',
    "wrong bytes": b"<a>\xff</a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_quickly(name: str) -> None:
    began = time.process_time()
    with pytest.raises(ModelError) as caught:
        read_xml(HOSTILE[name], "bad.dmn")
    assert time.process_time() - began < 3
    assert caught.value.where == "bad.dmn"
    assert len(str(caught.value)) < 500


def test_the_number_of_elements_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.decision.dmn.element.MAX_ELEMENTS", 1000)
    with pytest.raises(ModelError, match="more than 1000 elements"):
        read_xml(b"<a>" + b"<b/>" * 1000 + b"</a>")


def test_a_document_type_is_refused_even_when_it_declares_nothing() -> None:
    with pytest.raises(ModelError, match="line 1: a document type or an entity is declared") as caught:
        read_xml(b"<!DOCTYPE a><a/>")
    assert caught.value.problems[0].mend == "remove <!DOCTYPE …>"


def test_namespaces_lines_and_text_are_kept() -> None:
    root = read_xml('<a xmlns="urn:a" xmlns:b="urn:b" b:c="1" d="2">\n<b:e/><f>한<!-- no -->글&amp;</f></a>'.encode())
    assert (root.namespace, root.name, root.line) == ("urn:a", "a", 1)
    assert root.attributes == {"{urn:b}c": "1", "d": "2"}
    assert root.prefixes == {"": "urn:a", "b": "urn:b"}
    assert [(one.namespace, one.name, one.line) for one in root.children] == [("urn:b", "e", 2), ("urn:a", "f", 2)]
    assert root.first("e") is None
    found = root.first("f")
    assert found is not None
    assert found.text == "한글&"
    assert found.get("none") is None


@pytest.mark.parametrize("version", ["http://www.omg.org/spec/DMN/20180521/MODEL/", MODEL])
def test_every_version_with_boxed_expressions_is_read(version: str) -> None:
    model = read_model(dmn(decision("a", literal("1")), model=version))
    assert model.definitions.version in {"1.2", "1.5"}
    assert model.evaluate("a", {}).value == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<a/>", "this is not DMN of a known version: <a> of no namespace"),
        (dmn(model="http://www.omg.org/spec/DMN/20151101/dmn.xsd"), "20151101/dmn.xsd"),
        (dmn(namespace=""), "<definitions> needs the attribute namespace"),
        (dmn("<decision/>"), "line 2: <decision> needs the attribute name"),
        (dmn(input_data("a", identity="x"), input_data("b", identity="x")), 'the id "x" is given twice'),
        (dmn('<import name="a"/>'), "<import> needs the attribute namespace"),
        (dmn('<import name="a" namespace="urn:b"/>'), 'line 2: the import "a" (urn:b) is not among the models given'),
        (dmn("<decisionService name='a'/>"), "needs at least one <outputDecision>"),
        (dmn(decision("a", literal("1"), "d_b").replace("#d_b", "d_b")), "<requiredDecision> needs an href with #"),
        (dmn(decision("a", "<decisionTable hitPolicy='BEST'/>")), '"BEST" is no hit policy'),
        (dmn(decision("a", table("1", "b", policy="COLLECT", attributes=' aggregation="AVG"'))), '"AVG" is no aggreg'),
        (dmn(decision("a", "<decisionTable/>")), "a decision table needs at least one output"),
        (dmn(decision("a", table("<input/>", "b"))), "an input needs <inputExpression> with <text>"),
        (dmn(decision("a", table("1", "b", "-;- -> 1"))), "the rule has 2 input entries and 1 output entries"),
        (dmn(decision("a", literal("1") + literal("2"))), "a second expression in <decision>"),
        (dmn(decision("a", "<conditional/>")), "<conditional> needs <if>"),
        (dmn(decision("a", "<for><in/></for>")), "<for> needs the attribute iteratorVariable"),
        (dmn(decision("a", "<relation><column name='b'/><row/></relation>")), "the row has 0 cells"),
        (dmn(decision("a", f"<invocation>{literal('b')}<binding/></invocation>")), "<binding> needs <parameter>"),
        (dmn(decision("a", literal("1"), "d_b"), decision("b", literal("1"), "d_a")), "in a circle: a, b"),
        (dmn(decision("a", literal("1"), "d_a")), "require each other in a circle: a"),
    ],
)
def test_a_faulty_file_is_told(data: bytes, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(data, where="faulty.dmn")
    assert says in " ".join(str(problem) for problem in caught.value.problems)
    assert isinstance(caught.value, Invalid)
    assert caught.value.fields["problems"][0]["message"] == caught.value.problems[0].message


def test_every_mistake_is_told_and_their_number_is_bounded() -> None:
    with pytest.raises(ModelError, match="and 1 more") as caught:
        read_model(dmn("<decision/>", "<inputData/>"))
    assert [problem.line for problem in caught.value.problems] == [2, 3]
    with pytest.raises(ModelError) as many:
        read_model(dmn(*["<decision/>"] * 500))
    assert len(many.value.problems) == 100


def test_two_ways_to_one_decision_are_no_circle() -> None:
    parts = [
        decision("a", literal("b+c"), "d_b d_c"),
        decision("b", literal("d"), "d_d"),
        decision("c", literal("d"), "d_d"),
    ]
    assert read(*parts, decision("d", literal("21"))).evaluate("a", {}).value == 42


def test_a_chain_of_decisions_longer_than_pythons_stack_is_worked_out() -> None:
    parts = [decision(f"a{n}", literal(f"a{n + 1} + 1"), f"d_a{n + 1}") for n in range(3000)]
    assert read(*parts, decision("a3000", literal("0"))).evaluate("a0", {}).value == 3000
