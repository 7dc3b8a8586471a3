"""One sentence per reason for which a function of FEEL yields no value, in English and Korean."""

from typing import Final, Literal

FUNCTION_REASONS: Final[dict[str, dict[Literal["en", "ko"], str]]] = {
    "arguments": {
        "en": "{function} is not called with {found} arguments",
        "ko": "{function} 함수는 인수 {found}개로 호출할 수 없습니다",
    },
    "no-parameter": {
        "en": "{function} has no parameters of these names: {parameter}",
        "ko": "{function} 함수에는 이런 이름의 매개변수가 없습니다: {parameter}",
    },
    "bad-argument": {
        "en": 'the argument "{argument}" of {function} cannot be a {found}',
        "ko": '{function} 함수의 인수 "{argument}"에는 {found} 값을 쓸 수 없습니다',
    },
    "no-function": {
        "en": "{function} is a {found}, not a function",
        "ko": "{function}은(는) 함수가 아니라 {found} 값입니다",
    },
    "no-property": {
        "en": 'a value of this kind has no property "{member}"',
        "ko": '이 종류의 값에는 "{member}" 속성이 없습니다',
    },
    "unknown-zone": {
        "en": 'the time zone "{zone}" is not known',
        "ko": '알 수 없는 시간대입니다: "{zone}"',
    },
    "no-moment": {
        "en": "the present moment was not given to the evaluation",
        "ko": "평가에 현재 시각이 주어지지 않았습니다",
    },
    "bad-range": {
        "en": "the range begins with its greater end",
        "ko": "범위의 시작이 끝보다 큽니다",
    },
    "not-whole": {
        "en": 'the argument "{argument}" has to be a whole number',
        "ko": '인수 "{argument}"은(는) 정수여야 합니다',
    },
    "bad-position": {
        "en": "there is no such position among {size}; the first is 1, the last -1",
        "ko": "{size}개 중에 없는 위치입니다. 첫째는 1, 마지막은 -1입니다",
    },
    "bad-length": {
        "en": "the length has to be from 1 to the {size} that are left",
        "ko": "길이는 1부터 남은 {size}까지여야 합니다",
    },
    "not-numbers": {
        "en": "{function} needs numbers, and one item is a {found}",
        "ko": "{function} 함수에는 숫자만 쓸 수 있지만 {found} 항목이 있습니다",
    },
    "not-booleans": {
        "en": "{function} needs true or false, and one item is a {found}",
        "ko": "{function} 함수에는 참/거짓만 쓸 수 있지만 {found} 항목이 있습니다",
    },
    "not-strings": {
        "en": "{function} needs strings, and one item is a {found}",
        "ko": "{function} 함수에는 문자열만 쓸 수 있지만 {found} 항목이 있습니다",
    },
    "no-contexts": {
        "en": "contexts are needed, and one item is a {found}",
        "ko": "객체만 쓸 수 있지만 {found} 항목이 있습니다",
    },
    "no-context": {
        "en": 'what the key "{key}" leads to is a {found}, not a context',
        "ko": '"{key}" 키의 값이 객체가 아니라 {found} 값입니다',
    },
    "bad-keys": {
        "en": "the keys have to be strings, one at least",
        "ko": "키는 하나 이상의 문자열이어야 합니다",
    },
    "bad-entry": {
        "en": 'each entry needs a string as "key", and a "value"',
        "ko": '항목마다 문자열 "key"와 "value"가 있어야 합니다',
    },
    "duplicate-key": {
        "en": 'the key "{key}" comes twice',
        "ko": '"{key}" 키가 두 번 나옵니다',
    },
    "bad-separator": {
        "en": "the separators have to be two of space, comma and period, or null",
        "ko": "구분 기호는 공백, 쉼표, 마침표 중 서로 다른 두 가지이거나 null이어야 합니다",
    },
    "bad-pattern": {
        "en": "the pattern is no regular expression of XPath: {problem}, at character {position}",
        "ko": "XPath 정규식이 아닙니다({position}번째 글자): {problem}",
    },
    "bad-flags": {
        "en": "the flags of a regular expression are s, m, i, x and q",
        "ko": "정규식 플래그는 s, m, i, x, q만 쓸 수 있습니다",
    },
    "bad-replacement": {
        "en": "in a replacement a digit follows $, and $ or a backslash follows a backslash (character {position})",
        "ko": "치환 문자열에서 $ 뒤에는 숫자, 역슬래시 뒤에는 $나 역슬래시가 와야 합니다({position}번째 글자)",
    },
    "empty-match": {
        "en": "the pattern matches the empty string, so that it would be found everywhere",
        "ko": "빈 문자열과 일치하는 정규식이어서 어디서나 발견됩니다",
    },
    "slow-pattern": {
        "en": "the regular expression takes too long on this text",
        "ko": "이 글자에 대한 정규식 검색이 너무 오래 걸립니다",
    },
    "too-many-steps": {
        "en": "the evaluation takes too many steps",
        "ko": "평가에 필요한 단계가 너무 많습니다",
    },
    "too-deep": {"en": "the values or calls are nested too deeply", "ko": "값이나 호출이 너무 깊게 중첩되었습니다"},
    "too-large": {"en": "the result would be too large", "ko": "결과가 너무 큽니다"},
}
"""The reasons of functions, and those that end any evaluation which costs too much."""
