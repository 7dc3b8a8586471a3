"""One sentence per reason for which something is not evaluable, in English and Korean."""

from collections.abc import Mapping
from typing import Final, Literal

from judgify.decision.wording_function import FUNCTION_REASONS

Language = Literal["en", "ko"]

REASONS: Final[dict[str, dict[Language, str]]] = {
    "missing": {"en": "no value was given", "ko": "값이 주어지지 않았습니다"},
    "null": {"en": "the value is null", "ko": "값이 비어 있습니다(null)"},
    "wrong-type": {
        "en": "the value is a {found}, and a {type} is needed",
        "ko": "{type} 값이 필요하지만 {found} 값이 주어졌습니다",
    },
    "unknown-type": {
        "en": "a value of type {type} cannot be judged",
        "ko": "{type} 형식의 값은 판단할 수 없습니다",
    },
    "not-finite": {
        "en": "the number is not finite (NaN or infinity)",
        "ko": "유한한 숫자가 아닙니다(NaN 또는 무한대)",
    },
    "out-of-range": {"en": "the value is out of range", "ko": "값이 허용 범위를 벗어났습니다"},
    "unreadable": {"en": "the text does not read as a {type}", "ko": "글자를 {type}(으)로 읽을 수 없습니다"},
    "not-allowed": {
        "en": "the value is not one of those allowed: {allowed}",
        "ko": "허용된 값이 아닙니다. 허용: {allowed}",
    },
    "no-member": {
        "en": 'there is no "{member}", because what should hold it is not an object',
        "ko": '"{member}" 항목을 담을 객체가 아닙니다',
    },
    "cannot-compare": {
        "en": "a {left} and a {right} cannot be compared by {operator}",
        "ko": "{left} 값과 {right} 값은 {operator}(으)로 비교할 수 없습니다",
    },
    "mixed-zones": {
        "en": "one moment has a time zone and the other has none",
        "ko": "한쪽 시각에만 시간대가 있어 비교할 수 없습니다",
    },
    "no-arithmetic": {
        "en": "{left} {operator} {right} means nothing",
        "ko": "{left} {operator} {right} 계산은 뜻이 없습니다",
    },
    "division-by-zero": {"en": "the divisor is zero", "ko": "0으로 나눌 수 없습니다"},
    "part-of-day": {
        "en": "a date moves by whole days only",
        "ko": "날짜에는 하루 단위의 기간만 더하거나 뺄 수 있습니다",
    },
    "not-boolean": {
        "en": "true or false is needed, and the value is a {found}",
        "ko": "참/거짓이 필요하지만 {found} 값입니다",
    },
    "output-not-allowed": {
        "en": "the output is not one of its declared values: {allowed}",
        "ko": "출력이 선언된 값이 아닙니다. 선언: {allowed}",
    },
    "unique-violated": {
        "en": "several rules match where only one may: {rules}",
        "ko": "하나만 맞아야 하는데 여러 규칙이 맞았습니다: {rules}",
    },
    "any-differs": {
        "en": "the matching rules give different outputs: {rules}",
        "ko": "맞은 규칙들의 출력이 서로 다릅니다: {rules}",
    },
    "bad-expression": {
        "en": "the expression cannot be read: {message}",
        "ko": "식을 읽을 수 없습니다: {message}",
    },
    "bad-model": {
        "en": "the model is faulty here: {message}",
        "ko": "모델의 이 부분이 잘못되었습니다: {message}",
    },
    "no-logic": {"en": "there is no expression to work out", "ko": "계산할 식이 없습니다"},
    "unsupported": {"en": "this is not supported: {what}", "ko": "지원하지 않습니다: {what}"},
    "no-item": {
        "en": "there is no member number {found} in a list of {size}",
        "ko": "{size}개짜리 목록에 {found}번째 항목이 없습니다",
    },
    "no-steps": {
        "en": "a loop goes through lists, whole numbers and dates, not a {found}",
        "ko": "반복은 목록, 정수, 날짜로만 할 수 있고 {found} 값으로는 할 수 없습니다",
    },
    "twice": {"en": "a key is given twice", "ko": "같은 키가 두 번 주어졌습니다"},
    "external": {"en": "an external function is not called", "ko": "외부 함수는 호출하지 않습니다"},
    **FUNCTION_REASONS,
}
"""Every reason code with its sentences."""

_KINDS_KO: Final = {
    "number": "숫자",
    "string": "문자열",
    "boolean": "참/거짓",
    "date": "날짜",
    "date-time": "일시",
    "duration": "기간",
    "months": "연월 기간",
    "null": "빈(null)",
    "list": "목록",
    "context": "객체",
    "time": "시각",
    "range": "범위",
    "function": "함수",
}
_KINDS_EN: Final = {"months": "duration of years and months", "context": "mapping"}


def reason(code: str, params: Mapping[str, str], language: Language = "en") -> str:
    """Word a reason code with its parameters."""
    kinds = _KINDS_KO if language == "ko" else _KINDS_EN
    return REASONS[code][language].format_map({key: kinds.get(text, text) for key, text in params.items()})
