"""Values of every kind under names of every kind, and expressions worked out over them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from judgify.decision.feel import (
    Mode,
    compile_expression,
)
from judgify.decision.feel.temporal import MonthDuration
from judgify.decision.feel.type import SimpleType
from judgify.decision.feel.value import Function, Parameter

SCOPE: dict[str, Any] = {
    "a": 3,
    "b": 4.5,
    "big": 10**30,
    "text": "온도",
    "yes": True,
    "none": None,
    "bad": float("nan"),
    "list": [1, 2, 3],
    "orders": [{"id": 1, "sum": 10.5}, {"id": 2, "sum": 20}, {"id": 3, "sum": 30}],
    "deep": {"er": {"x": 5, "list": [{"y": 1}, {"y": 2}]}},
    "sensor 1": {"상한(℃)": 90, "items": [1.5]},
    "day": date(2025, 1, 20),
    "clock": time(9, 30),
    "moment": datetime(2025, 1, 20, 9, tzinfo=UTC),
    "span": timedelta(hours=2),
    "months": MonthDuration(14),
    "double": Function("double", [Parameter("number", SimpleType("number"))], lambda values: values[0] * 2),
    "untyped": Function(None, [Parameter("x")], lambda values: values[0]),
    "mean": "hides the function",
}
NAMES = [*SCOPE, "상한(℃)", "hyphen-ated"]


def work(text: str, mode: Mode = Mode.STRICT, **more: Any) -> Any:
    return compile_expression(text, names=NAMES, mode=mode, **more).evaluate(SCOPE)
