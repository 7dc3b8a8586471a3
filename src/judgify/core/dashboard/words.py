"""The dashboard's words in Korean and English."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Lang = Literal["ko", "en"]

WORDS: Final[Mapping[Lang, Mapping[str, str]]] = MappingProxyType(
    {
        "ko": MappingProxyType(
            {
                "title": "판정 현황",
                "window": "최근 {minutes}분",
                "generated": "생성 시각",
                "total": "판정 수",
                "matched": "규칙 해당",
                "not_matched": "해당 없음",
                "not_evaluable": "판정 불가",
                "by_workflow": "워크플로별",
                "per_minute": "분당 판정 수",
                "latest": "최근 판정",
                "workflow": "워크플로",
                "verdict": "판정",
                "result": "결과",
                "time": "시각",
                "took": "소요(ms)",
                "empty": "아직 판정이 없습니다. 워크플로를 실행하면 여기에 나타납니다.",
                "no_window": "이 기간에는 판정이 없습니다.",
                "failed": "대시보드를 생성할 수 없습니다",
                "stale": "연결이 끊겼습니다. 아래 내용은 이전 내용입니다.",
                "other": "English",
            }
        ),
        "en": MappingProxyType(
            {
                "title": "Judgments",
                "window": "Last {minutes} min",
                "generated": "Generated",
                "total": "Judgments",
                "matched": "Matched",
                "not_matched": "Not matched",
                "not_evaluable": "Not evaluable",
                "by_workflow": "By workflow",
                "per_minute": "Judgments per minute",
                "latest": "Latest judgments",
                "workflow": "Workflow",
                "verdict": "Verdict",
                "result": "Result",
                "time": "Time",
                "took": "Took (ms)",
                "empty": "No judgments yet. Execute a workflow and they appear here.",
                "no_window": "No judgments in this time.",
                "failed": "The dashboard cannot be generated",
                "stale": "The connection is lost. What is shown below is old.",
                "other": "한국어",
            }
        ),
    }
)


PAGE_WORDS: Final[Mapping[Lang, Mapping[str, str]]] = MappingProxyType(
    {
        "ko": MappingProxyType(
            {
                "dashboards": "대시보드",
                "ask": "보고 싶은 것을 말로 적으십시오",
                "make": "만들기",
                "examples": "이렇게 물을 수 있습니다",
                "kept": "저장된 대시보드",
                "none": "아직 저장된 대시보드가 없습니다.",
                "name": "이름",
                "owner": "만든 사람",
                "created": "만든 시각",
                "built_in": "기본 제공",
                "table": "표로 보기",
                "no_picture": "그림",
                "lost": "실시간 연결이 끊겼습니다. 아래 내용은 마지막으로 받은 것입니다.",
                "live": "실시간",
                "failed": "이 패널은 만들 수 없습니다",
                "question": "한 가지만 더 알려 주십시오",
                "save": "저장하고 실시간으로 보기",
                "not_understood": "요청을 이해하지 못했습니다",
                "back": "대시보드 목록",
                "zone": "시각은 한국 표준시(KST)입니다.",
                "language": "English",
                "other": "en",
            }
        ),
        "en": MappingProxyType(
            {
                "dashboards": "Dashboards",
                "ask": "Say what you want to see",
                "make": "Show",
                "examples": "Things to ask",
                "kept": "Kept dashboards",
                "none": "No dashboards are kept yet.",
                "name": "Name",
                "owner": "Made by",
                "created": "Made at",
                "built_in": "built in",
                "table": "Show as a table",
                "no_picture": "Picture",
                "lost": "The live connection is lost. What is shown is what came last.",
                "live": "live",
                "failed": "This panel cannot be made",
                "question": "One more thing",
                "save": "Keep it and watch it live",
                "not_understood": "The request was not understood",
                "back": "All dashboards",
                "zone": "Times are Korea Standard Time (KST).",
                "language": "한국어",
                "other": "ko",
            }
        ),
    }
)
"""Words of the pages of generated dashboards."""


def choose(asked: str | None, accept: str | None) -> Lang:
    """Choose the language: what was asked for, else the browser's first known one, else Korean."""
    if asked in WORDS:
        return "en" if asked == "en" else "ko"
    for part in (accept or "").split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in WORDS:
            return "en" if name == "en" else "ko"
    return "ko"
