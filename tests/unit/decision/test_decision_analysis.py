"""What an analysis says of a table, against what judging says."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, analysis
from judgify.decision.analysis import Analysis, analyse
from judgify.decision.axis import axis_of
from judgify.decision.feel import compile_unary_tests
from judgify.decision.shape import Shape, Span

NUMBER_CELL = st.one_of(
    st.just("-"),
    st.integers(0, 4).map(str),
    st.tuples(st.sampled_from(("<", "<=", ">", ">=")), st.integers(0, 4)).map(lambda pair: f"{pair[0]} {pair[1]}"),
    st.tuples(st.integers(0, 2), st.integers(2, 4)).map(lambda pair: f"[{pair[0]}..{pair[1]}]"),
    st.integers(0, 4).map(lambda number: f"not({number})"),
    st.just("[0.5..1.5)"),
)
WORD_CELL = st.sampled_from(("-", '"가"', '"나"', '"가", "다"', 'not("가")'))
FLAG_CELL = st.sampled_from(("-", "true", "false"))
VALUES = {
    "n": (-1, 0, 0.5, 1, 1.25, 1.5, 2, 3, 3.5, 4, 5),
    "w": ("가", "나", "다"),
    "b": (True, False),
}


def table(rules: Sequence[Sequence[str]], policy: str = "F", says: Sequence[int] = (), **more: Any) -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "표",
            "hit_policy": policy,
            "inputs": [
                {"name": "n", "type": "number"},
                {"name": "w", "type": "string", "allowed": ["가", "나", "다"]},
                {"name": "b", "type": "boolean"},
            ],
            "outputs": [{"name": "r", "type": "number"}],
            "rules": [
                {"when": dict(zip("nwb", cells, strict=False)), "then": {"r": says[place] if says else place}}
                for place, cells in enumerate(rules)
            ],
            **more,
        }
    )


def records() -> list[dict[str, Any]]:
    return [{"n": n, "w": w, "b": b} for n in VALUES["n"] for w in VALUES["w"] for b in VALUES["b"]]


def inside(where: Any, record: dict[str, Any]) -> bool:
    return all(test == "-" or compile_unary_tests(test).evaluate(record[name]) for name, test in where.items())


def kinds(found: Analysis) -> list[str]:
    return [one.kind for one in found.findings]


RULES = st.lists(st.tuples(NUMBER_CELL, WORD_CELL, FLAG_CELL), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(cells=RULES)
def test_gaps_are_just_the_inputs_that_no_rule_meets(cells: list[tuple[str, str, str]]) -> None:
    made = table(cells)
    found = analyse(made)
    assert found.complete
    gaps = found.of("gap")
    for record in records():
        open_ = made.evaluate(record).verdict == "not matched"
        assert any(inside(gap.where, record) for gap in gaps) is open_
    for gap in gaps:
        anything = {name: values[0] for name, values in VALUES.items()}
        assert made.evaluate({**anything, **(gap.example or {})}).verdict == "not matched"


@settings(max_examples=80, deadline=None)
@given(cells=RULES, says=st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_what_is_masked_or_redundant_changes_nothing_when_it_is_gone(
    cells: list[tuple[str, str, str]], says: list[int]
) -> None:
    made = table(cells, says=says)
    found = analyse(made)
    for one in found.findings:
        if one.kind not in {"masked", "redundant", "impossible"}:
            continue
        gone = int(one.rules[0].removeprefix("rule-")) - 1
        left = [place for place in range(len(cells)) if place != gone]
        if not left:
            continue
        without = table([cells[place] for place in left], says=[says[place] for place in left])
        for record in records():
            before, after = made.evaluate(record), without.evaluate(record)
            assert getattr(before, "output", None) == getattr(after, "output", None)


@settings(max_examples=80, deadline=None)
@given(cells=RULES, says=st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_conflicts_are_just_what_a_unique_table_cannot_judge(
    cells: list[tuple[str, str, str]], says: list[int]
) -> None:
    made = table(cells, "U", says)
    found = [one for one in analyse(made).findings if one.kind in {"conflict", "overlap"}]
    for one in found:
        assert made.evaluate(one.example or {}).verdict == "not evaluable"
    if not found:
        assert all(made.evaluate(record).verdict != "not evaluable" for record in records())


def test_a_complete_table_has_no_findings() -> None:
    assert kinds(analyse(table([("< 2",), (">= 2", '"가"'), (">= 2", 'not("가")')], "U"))) == []
    assert kinds(analyse(table([("-", "-", "true"), ("-", "-", "false")], "U"))) == []


def test_each_finding_is_said_in_both_languages_with_an_example() -> None:
    found = analyse(table([("> 3",), (">= 2", '"가"'), ("> 4",), ("-", '"가"')], "F", (0, 1, 2, 1)))
    assert {one.kind for one in found.findings} >= {"gap", "masked", "redundant"}
    for one in found.findings:
        assert one.explain("ko") != one.explain("en")
        assert "{" not in one.explain("en").replace('{"', "")
        assert one.to_dict()["level"] == one.level
    (masked,) = found.of("masked")
    assert masked.explain("en") == "rule rule-3 is always covered by rule-1 before it"
    document = found.to_dict()
    assert document["complete"] is True
    assert document["not_analysed"] == []


def test_a_gap_of_a_table_with_a_default_is_a_note() -> None:
    (gap,) = analyse(table([(">= 2",)], default={"r": 9})).of("gap")
    assert (gap.level, gap.where, gap.example) == ("note", {"n": "< 2"}, {"n": 1, "w": "가"})


def test_a_cell_that_is_more_than_constants_hides_gaps_and_is_named() -> None:
    found = analyse(table([("> 1 + n",), ("< 0",)]))
    assert found.unknown == ("rule-1",)
    assert found.of("gap") == ()
    found = analyse(table([("-", "-", "-"), ("-", "-", "-")]))
    assert kinds(found) == ["masked"]
    hidden = analyse(table([("> 1 + n",), ("< 9",), ("< 9",)], "F", (0, 1, 1)))
    assert [(one.kind, one.rules) for one in hidden.findings if one.rules] == [
        ("redundant", ("rule-2",)),
        ("masked", ("rule-3",)),
    ]


def test_outputs_that_nobody_gives_and_policies_that_do_not_fit() -> None:
    outputs = [{"name": "r", "type": "string", "values": ["가", "나", "다"]}]

    def with_outputs(policy: str, cells: Sequence[str], says: Sequence[Any], **more: Any) -> Analysis:
        mapping = table([("-",)], policy).to_mapping() | {"outputs": outputs, **more}
        mapping["rules"] = [{"when": {"n": c}, "then": {"r": s}} for c, s in zip(cells, says, strict=True)]
        return analyse(DecisionTable.from_mapping(mapping))

    assert [one.where for one in with_outputs("F", ("< 1", "-"), ("가", "나")).of("unsaid")] == [{"r": "다"}]
    assert with_outputs("F", ("< 1",), ("가",), default={"r": "나"}).of("unsaid")[0].where == {"r": "다"}
    assert with_outputs("F", ("< 1", "-"), ("가", {"feel": "w"})).of("unsaid") == ()
    (hint,) = with_outputs("U", ("< 1", "-"), ("가", "나")).of("hit-policy")
    assert hint.params == {"now": "U", "instead": "F"}
    (hint,) = with_outputs("U", ("< 1", "-"), ("가", "가")).of("hit-policy")
    assert hint.params["instead"] == "A"
    (hint,) = with_outputs("F", ("< 1", ">= 1"), ("가", "나")).of("hit-policy")
    assert hint.params["instead"] == "U"
    assert with_outputs("A", ("< 1", "-"), ("가", "가")).of("overlap") == ()
    assert len(with_outputs("A", ("< 1", "-"), ("가", "나")).of("conflict")) == 1
    assert "conflict" not in kinds(with_outputs("C", ("< 1", "-"), ("가", "나")))


def test_a_rule_outside_what_is_allowed_can_never_hold() -> None:
    mapping = table([("> 9",), ("-",)]).to_mapping()
    mapping["inputs"][0]["allowed"] = "[0..5]"
    assert analyse(DecisionTable.from_mapping(mapping)).of("impossible")[0].rules == ("rule-1",)
    mapping["inputs"][0]["allowed"] = "> 1 + 1"
    assert kinds(analyse(DecisionTable.from_mapping(mapping))) == []


def test_work_without_end_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [(f"[{n}..{n + 1})", '"가"', "-") for n in range(12)]
    monkeypatch.setattr(analysis, "MAX_GAPS", 1)
    assert not analyse(table(cells)).complete
    monkeypatch.setattr(analysis, "MAX_GAPS", 50)
    monkeypatch.setattr(analysis, "MAX_PAIRS", 1)
    assert not analyse(table([("-",)] * 4, "U")).complete
    monkeypatch.setattr(analysis, "MAX_STATES", 3)
    found = analyse(table(cells))
    assert not found.complete
    assert found.of("masked") == ()
    monkeypatch.setattr(analysis, "MAX_STATES", 20_000)
    monkeypatch.setattr(analysis, "MAX_WORK", 5)
    assert not analyse(table(cells)).complete


def test_rules_that_cross_each_other_everywhere_are_cut_within_a_second_or_two() -> None:
    crossing = [(f"[{n * 7 % 101}..{n * 7 % 101 + n % 53 + 1})", "-", "-") for n in range(300)]
    mapping = table(crossing).to_mapping()
    mapping["inputs"] += [{"name": name, "type": "number"} for name in ("m", "k")]
    for place, rule in enumerate(mapping["rules"]):
        rule["when"] |= {
            name: f"[{place * by % 211}..{place * by % 211 + place % 97 + 1})" for name, by in (("m", 11), ("k", 29))
        }
    found = analyse(DecisionTable.from_mapping(mapping))
    assert not found.complete


@pytest.mark.parametrize(
    ("cells", "where", "example"),
    [
        (("<= 1", "> 2"), "(1..2]", 1.5),
        (("< 1", "> 1"), "1", 1),
        (("< 0.25", "> 0.75"), "[0.25..0.75]", 0.25),
        (("<= 0.25", ">= 0.75"), "(0.25..0.75)", 0.5),
        (("> 3",), "<= 3", 2),
        (("< 3",), ">= 3", 3),
        (("<= 3",), "> 3", 4),
        (("<= -1.5", ">= 0"), "(-1.5..0)", -1),
    ],
)
def test_a_gap_is_written_as_a_cell_would_be(cells: Sequence[str], where: str, example: Any) -> None:
    (gap,) = analyse(table([(cell,) for cell in cells])).of("gap")
    assert gap.where == {"n": where}
    assert (gap.example or {})["n"] == example


def test_dates_and_texts_are_cut_as_well() -> None:
    mapping = {
        "name": "날",
        "hit_policy": "F",
        "inputs": [{"name": "d", "type": "date"}, {"name": "t", "type": "string"}],
        "outputs": [{"name": "r", "type": "number"}],
        "rules": [
            {"when": {"d": '< @"2026-03-01"'}, "then": {"r": 1}},
            {"when": {"d": '> @"2026-03-02"', "t": '"가"'}, "then": {"r": 2}},
        ],
    }
    gaps = analyse(DecisionTable.from_mapping(mapping)).of("gap")
    assert [(dict(gap.where), gap.example) for gap in gaps] == [
        ({"d": '[@"2026-03-01"..@"2026-03-02"]'}, {"d": "2026-03-01", "t": "…"}),
        ({"d": '> @"2026-03-02"', "t": 'not("가")'}, {"d": "2026-03-03", "t": "…"}),
    ]


def test_an_axis_writes_all_of_itself_as_anything() -> None:
    line = axis_of([Shape("number", (Span(1, True, 2, False),), negated=False)], "number")
    assert line.text(range(line.count)) == "-"
    words = axis_of([Shape("string", (Span("가", True, "가", True),), negated=False)], "string")
    assert (words.text([0]), words.text([1]), words.text([0, 1])) == ('not("가")', '"가"', "-")
