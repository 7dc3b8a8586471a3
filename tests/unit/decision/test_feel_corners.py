"""Corners of the language: what a table's own scope holds, limits within loops, and texts that nobody should write."""

from typing import Any

import pytest

from judgify.decision import DecisionTable, Matched, NotEvaluable, TableError
from judgify.decision.feel import EvaluationError, FeelError, LimitError, Mode, compile_expression, compile_unary_tests
from judgify.decision.feel.function import BUILTINS
from judgify.decision.feel.value import Function, canonical


def result(text: str, scope: dict[str, Any] | None = None, mode: Mode = Mode.STRICT, **how: Any) -> Any:
    return compile_expression(text, mode=mode, **how).evaluate(scope or {})


def code(text: str, scope: dict[str, Any] | None = None, mode: Mode = Mode.STRICT) -> str:
    with pytest.raises(EvaluationError) as caught:
        result(text, scope, mode)
    return caught.value.code


def table(cell: str, output: str) -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "a", "type": "number"}],
            "outputs": [{"name": "o"}],
            "rules": [{"when": [cell], "then": {"o": {"feel": output}}}],
        }
    )


def test_tables_use_the_whole_language() -> None:
    found = table("some x in [1, 2] satisfies x = ?", "sum(for i in 1..a return i)").evaluate({"a": 2})
    assert isinstance(found, Matched)
    assert found.output == {"o": 3}
    found = table("-", "{f: sum, r: f([a, 1])}.r").evaluate({"a": 2})
    assert isinstance(found, Matched)
    assert found.output == {"o": 3}
    ended = table("-", "count(for i in 1..100000, j in 1..100000 return i)").evaluate({"a": 2})
    assert isinstance(ended, NotEvaluable)


def test_a_table_names_a_function_that_there_is_not() -> None:
    with pytest.raises(TableError) as caught:
        table("-", "summ([a])")
    assert "did you mean sum?" in str(caught.value)
    with pytest.raises(TableError):
        table("-", "zzz(a)")


def test_a_filter_of_a_table_reads_members_that_only_the_items_have() -> None:
    found = table("-", "count([{x: 1}, {x: 3}][x > a])").evaluate({"a": 2})
    assert isinstance(found, Matched)
    assert found.output == {"o": 1}
    missing = table("-", "count([{x: 1}, {y: 3}][x > a])").evaluate({"a": 2})
    assert isinstance(missing, NotEvaluable)


def test_what_hides_a_function_may_be_faulty() -> None:
    assert code("sum", {"sum": object()}) == "unknown-type"
    assert code("{f: now, r: f(a: 1)}.r") == "no-parameter"
    assert code("{f: sum, r: f(lst: [1])}.r") == "no-parameter"


@pytest.mark.parametrize(
    "text",
    [
        "some x in [1] satisfies count(for i in 1..100000, j in 1..100000 return i) > 1",
        "[][count(for i in 1..100000, j in 1..100000 return i)]",
        "for i in 1..201000 return i",
    ],
)
def test_limits_end_everything_around_them(text: str) -> None:
    for mode in Mode:
        with pytest.raises(LimitError):
            result(text, mode=mode)


def test_a_body_that_recurses_without_end_is_ended() -> None:
    def run(values: list[Any]) -> Any:
        return run(values)

    endless = Function("endless", [], run)
    with pytest.raises(LimitError) as caught:
        result("endless()", {"endless": endless})
    assert caught.value.code == "too-deep"


def test_a_result_of_another_type_is_a_fault_or_null() -> None:
    from judgify.decision.feel.type import named

    number = named("number")
    assert number is not None
    for strict, expected in ((True, "wrong-type"), (False, None)):
        function = Function("f", [], lambda _: "x", number, strict=strict)
        if expected is None:
            assert result("f()", {"f": function}) is None
        else:
            assert code("f()", {"f": function}) == expected


def test_names_that_cannot_be_read_are_never_matched() -> None:
    for name in ('a "b', "", "1 a", "#"):
        assert result("a", {"a": 1}, names=[name]) == 1
    assert result("for x y in [1] return x y", names=["x"]) == [1]


def test_escapes_that_are_none_stay_in_the_standards_mode() -> None:
    assert result(r'"\d"', mode=Mode.STANDARD) == r"\d"
    with pytest.raises(FeelError):
        compile_expression(r'"\uD800"', mode=Mode.STANDARD)


def test_a_comparison_where_none_can_stand_is_mended() -> None:
    for text, mend in (("a =< 1", "<="), ("a => 1", ">=")):
        with pytest.raises(FeelError) as caught:
            compile_expression(text)
        assert caught.value.mend is None or mend in caught.value.mend


def test_not_that_is_only_the_beginning_of_a_cell() -> None:
    assert compile_unary_tests("not(? > 3) and ? < 9").evaluate(2) is True
    assert compile_unary_tests("not(? > 3)").evaluate(2) is True


def test_a_list_that_holds_what_cannot_be_compared() -> None:
    assert compile_unary_tests("[(< 5), (> 10)]").evaluate(3) is True
    with pytest.raises(EvaluationError):
        compile_unary_tests('[(< "a"), 7]').evaluate(3)
    assert compile_unary_tests('[(< "a"), 3]').evaluate(3) is True
    with pytest.raises(EvaluationError):
        compile_unary_tests("[(< 5)]").evaluate(None)


def test_many_conditions_within_each_other() -> None:
    deep = "if a > 0 then (" * 15 + "(a > 1 and a > 2) or a > 3" + ") else false" * 15
    assert result(deep, {"a": 9}) is True
    assert result(deep, {"a": 0}) is False
    chain = "a > 0 and (a > 1 or (" * 12 + "a > 5" + "))" * 12
    assert result(chain, {"a": 9}) is True


def test_powers() -> None:
    assert result("0 ** 0.5") == 0
    assert result("0.0 ** 0") == 1
    assert code("0 ** -1") == "division-by-zero"


def test_reals_seen_before_are_the_same() -> None:
    assert [canonical(number / 8) for number in range(5_000)][-1] == canonical(4_999 / 8)


def test_every_function_is_a_value() -> None:
    for name in BUILTINS:
        if name not in {"and", "or", "not"}:
            assert isinstance(result(name, names=[]), Function), name
