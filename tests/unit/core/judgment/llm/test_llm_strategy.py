from decimal import Decimal
from typing import Any, get_args

import pytest

from judgify.core.contracts.advice import Opinion
from judgify.core.contracts.plan import Judged
from judgify.core.contracts.wire import Verdict
from judgify.core.judgment.llm.strategy import Course, Decision, asks, course_of, decide, same

pytestmark = pytest.mark.guide("S02")
NG, OK = "NG", "OK"


def rules(verdict: Verdict, result: Any = None, code: str = "schema") -> Judged:
    causes = [{"code": code}] if verdict == "not_evaluable" else []
    return Judged(verdict, result, {}, causes, {"ko": "", "en": ""}, [])


def said(verdict: Any, result: Any = None) -> Opinion:
    return Opinion(verdict, result, 0.8, "why")


MATCHED, NOT_MATCHED, UNCLEAR = rules("matched", NG), rules("not_matched"), rules("not_evaluable")
SAME, OTHER, NONE, TELLS_NOT = said("matched", NG), said("matched", OK), said("not_matched"), said("cannot_tell")


def test_a_method_picks_the_course() -> None:
    assert course_of("rule", "llm_first") is None
    assert course_of("llm", "rule_first") == "llm"
    assert course_of("hybrid", "consensus") == "consensus"


@pytest.mark.parametrize(
    ("course", "matched", "not_matched", "not_evaluable"),
    [
        ("llm", True, True, True),
        ("rule_first", False, True, True),
        ("llm_first", True, True, True),
        ("parallel", True, True, True),
        ("consensus", True, True, False),
    ],
)
def test_when_the_model_is_asked(course: Course, matched: bool, not_matched: bool, not_evaluable: bool) -> None:  # noqa: FBT001 - a row of the table
    assert asks(course, MATCHED) is matched
    assert asks(course, NOT_MATCHED) is not_matched
    assert asks(course, UNCLEAR) is not_evaluable


def test_what_could_not_be_read_is_never_given_to_a_model() -> None:
    for course in get_args(Course):
        assert not asks(course, rules("not_evaluable", code="unreadable"))


@pytest.mark.parametrize(
    ("course", "ruled", "opinion", "expected"),
    [
        ("llm", MATCHED, SAME, Decision("matched", NG, "llm", agrees=True)),
        ("llm", MATCHED, OTHER, Decision("matched", OK, "llm", agrees=False)),
        ("llm", MATCHED, TELLS_NOT, Decision("not_evaluable", None, "llm", None, "cannot_tell")),
        ("llm", UNCLEAR, NONE, Decision("not_matched", None, "llm", agrees=None)),
        ("rule_first", NOT_MATCHED, OTHER, Decision("matched", OK, "llm", agrees=False)),
        ("rule_first", NOT_MATCHED, NONE, Decision("not_matched", None, "llm", agrees=True)),
        ("rule_first", NOT_MATCHED, TELLS_NOT, Decision("not_matched", None, "rule", agrees=None)),
        ("rule_first", UNCLEAR, OTHER, Decision("matched", OK, "llm", agrees=None)),
        ("rule_first", UNCLEAR, TELLS_NOT, Decision("not_evaluable", None, "rule", agrees=None)),
        ("llm_first", MATCHED, OTHER, Decision("matched", OK, "llm", agrees=False)),
        ("llm_first", MATCHED, NONE, Decision("not_matched", None, "llm", agrees=False)),
        ("llm_first", MATCHED, TELLS_NOT, Decision("matched", NG, "rule", agrees=None)),
        ("parallel", MATCHED, OTHER, Decision("matched", NG, "rule", agrees=False)),
        ("parallel", MATCHED, SAME, Decision("matched", NG, "rule", agrees=True)),
        ("parallel", MATCHED, TELLS_NOT, Decision("matched", NG, "rule", agrees=None)),
        ("parallel", NOT_MATCHED, OTHER, Decision("matched", OK, "llm", agrees=False)),
        ("parallel", UNCLEAR, OTHER, Decision("matched", OK, "llm", agrees=None)),
        ("consensus", MATCHED, SAME, Decision("matched", NG, "hybrid", agrees=True)),
        ("consensus", NOT_MATCHED, NONE, Decision("not_matched", None, "hybrid", agrees=True)),
        ("consensus", MATCHED, OTHER, Decision("not_evaluable", None, "hybrid", False, "disagreement")),
        ("consensus", NOT_MATCHED, OTHER, Decision("not_evaluable", None, "hybrid", False, "disagreement")),
        ("consensus", MATCHED, TELLS_NOT, Decision("not_evaluable", None, "hybrid", None, "cannot_tell")),
    ],
)
def test_who_decides(course: Course, ruled: Judged, opinion: Opinion, expected: Decision) -> None:
    assert decide(course, ruled, opinion) == expected


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("NG", "NG", True),
        ("NG", "ng", False),
        (1, Decimal("1.0"), True),
        (Decimal("0.1"), 0.1, True),
        (True, 1, False),
        (True, True, True),
        (False, None, False),
        ([1, "a"], [Decimal(1), "a"], True),
        ([1], [1, 2], False),
        ([1], "1", False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, [1], False),
        (None, None, True),
    ],
)
def test_results_are_compared_as_json_has_them(one: Any, other: Any, equal: bool) -> None:  # noqa: FBT001 - a row of the table
    assert same(one, other) is equal
