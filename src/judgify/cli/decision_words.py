"""What `judgify decision` says around the engine's own sentences, Korean and English."""

from collections.abc import Iterator
from typing import Final

from judgify.decision import Counterfactual, DecisionTable, ExampleFailure, Matched
from judgify.decision.coverage import Coverage
from judgify.decision.error import listing
from judgify.decision.feel.shown import as_json
from judgify.decision.wording import Language

LEVELS: Final[dict[Language, dict[str, str]]] = {
    "ko": {"error": "오류", "warning": "경고", "note": "참고"},
    "en": {"error": "error", "warning": "warning", "note": "note"},
}
"""How grave a finding is."""
POLICIES: Final[dict[Language, dict[str, str]]] = {
    "ko": {
        "U": "하나의 규칙만 맞음",
        "A": "여럿이 맞으면 답이 같음",
        "P": "우선순위가 높은 답",
        "F": "위에서부터 처음 맞는 규칙",
        "R": "맞는 규칙 모두, 순서대로",
        "C": "맞는 규칙 모두",
        "C+": "맞는 규칙의 합",
        "C<": "맞는 규칙의 최솟값",
        "C>": "맞는 규칙의 최댓값",
        "C#": "맞는 규칙의 수",
    },
    "en": {
        "U": "one rule only",
        "A": "rules that hold together answer alike",
        "P": "the answer of the highest priority",
        "F": "the first rule from the top",
        "R": "all rules, in their order",
        "C": "all rules",
        "C+": "the sum of the rules",
        "C<": "the least of the rules",
        "C>": "the greatest of the rules",
        "C#": "how many rules",
    },
}
"""What a hit policy means."""
_SAID: Final[dict[Language, dict[str, str]]] = {
    "ko": {
        "whole": "빈틈과 충돌이 없고, 쓰이지 않는 규칙이 없습니다",
        "unknown": "분석하지 않은 규칙(상수가 아닌 칸이 있음): {names}",
        "cut": "표가 커서 끝까지 분석하지 못했습니다. 찾은 것까지만 보입니다",
        "failed": "실패: {path}: {expected}이(가) 적혀 있지만 결과는 {came}",
        "none": "{name}: 예시가 없습니다. examples: 에 {{in, out}}을 적으면 test가 확인합니다",
        "shown": "{name}: 예시 {count}개 중 {good}개가 적힌 대로 나왔고, 규칙의 {percent:.0f} %에 닿았습니다",
        "missed": "; 예시가 없는 규칙: {names}",
        "smallest": "가장 작은 변경: {text}",
        "other": "다른 입력으로는: {text}",
        "nothing": "입력 하나만 바꾸어서는 결과가 달라지지 않습니다",
        "unseen": "따져 보지 않은 입력(식이거나, 상수가 아닌 칸이 읽음): {names}",
        "searched": "값이 너무 많아 끝까지 찾지 못한 입력이 있습니다",
    },
    "en": {
        "whole": "no gap, no conflict, every rule speaks",
        "unknown": "rules not analysed (cells that are more than constants): {names}",
        "cut": "the table is too large to be analysed whole; what was found is told",
        "failed": "failed: {path}: expected {expected}, came out {came}",
        "none": "{name}: no examples; write {{in, out}} under examples: and test will judge them",
        "shown": "{name}: {good} of {count} examples as written, rules reached {percent:.0f} %",
        "missed": "; no example for {names}",
        "smallest": "the smallest change: {text}",
        "other": "by another input: {text}",
        "nothing": "no change of one input alone changes the outcome",
        "unseen": "inputs not looked at (an expression, or read by cells that are more than constants): {names}",
        "searched": "an input has too many values to be searched to its end",
    },
}


def said(language: Language, what: str, **values: object) -> str:
    """Word one of the sentences."""
    return _SAID[language][what].format_map(values)


def failure_text(failure: ExampleFailure, language: Language) -> str:
    """Say which example came out otherwise, and how."""
    outcome = failure.outcome
    came = as_json(outcome.output) if isinstance(outcome, Matched) else outcome.verdict
    expected = failure.expected if isinstance(failure.expected, str) else as_json(failure.expected)
    return said(language, "failed", path=failure.path, expected=expected, came=came)


def coverage_text(table: DecisionTable, cover: Coverage, language: Language) -> str:
    """Say how many examples came out as written, and which rules none of them reaches."""
    count = len(table.examples)
    if not count:
        return said(language, "none", name=table.name)
    good = count - len(cover.failures)
    text = said(language, "shown", name=table.name, count=count, good=good, percent=cover.percent)
    return text + (said(language, "missed", names=listing(cover.missed)) if cover.missed else "")


def what_if(found: Counterfactual, language: Language) -> Iterator[str]:
    """Say what would have changed the outcome, the smallest change first, and what was not looked at."""
    for place, change in enumerate(found.changes):
        yield said(language, "other" if place else "smallest", text=change.explain(language))
    if not found.changes:
        yield said(language, "nothing")
    if found.unknown:
        yield said(language, "unseen", names=listing(found.unknown))
    if not found.complete:
        yield said(language, "searched")
