"""What was understood, said back in the reader's language: titles of panels and the sentence about them. Pure."""

import re
from typing import Final

from judgify.core.dashboard.grammar.ask import GROUPS, INTERVALS, KINDS, STATS, VERDICTS
from judgify.core.dashboard.grammar.spec import Lang, PanelSpec, Period

_UNITS: Final = {
    "minute": ("분", "minute"), "hour": ("시간", "hour"), "day": ("일", "day"), "week": ("주", "week"),
    "month": ("개월", "month"),
}  # fmt: skip
_CALENDAR: Final = {
    ("hour", 0): ("이번 시간", "this hour"),
    ("day", 0): ("오늘", "today"),
    ("day", -1): ("어제", "yesterday"),
    ("day", -2): ("그제", "the day before yesterday"),
    ("week", 0): ("이번 주", "this week"),
    ("week", -1): ("지난주", "last week"),
    ("month", 0): ("이번 달", "this month"),
    ("month", -1): ("지난달", "last month"),
}
_RATES: Final = {
    "success_rate": ("판정 성공률", "success rate of judgments"),
    "match_rate": ("일치율", "match rate"),
    "mismatch_rate": ("불일치율", "mismatch rate"),
    "unclear_rate": ("판정 불가율", "not-evaluable rate"),
}
_THINGS: Final = {
    "judgment": ("판정 건수", "judgments"),
    "log": ("로그 수", "log lines"),
    "action": ("액션 수", "actions"),
    "pattern": ("메시지 패턴", "message patterns"),
}
_LEVELS: Final = {
    "ERROR": ("오류", "error"), "CRITICAL": ("치명", "critical"), "WARNING": ("경고", "warning"),
    "INFO": ("정보", "info"),
    "DEBUG": ("디버그", "debug"),
}  # fmt: skip
_STATES: Final = {"waiting": ("대기", "waiting"), "done": ("완료", "done"), "dead": ("실패", "failed")}
_NOTES: Final = {
    "period": ("기간을 말하지 않아 지난 24시간을 봅니다.", "No time was named: the last 24 hours."),
    "interval": ("시간 간격은 기간에 맞추었습니다.", "The interval follows from the time."),
    "panels": (
        "한 번에 12개까지 보여 줍니다. 나머지는 따로 요청해 주십시오.",
        "Twelve panels at most are shown at once: ask for the others by themselves.",
    ),
}


def period_text(period: Period, lang: Lang) -> str:
    """Say a time: `지난 24시간`, `this week`, `2026-11-01 ~ 2026-11-07`."""
    place = 0 if lang == "ko" else 1
    if period.form == "dates":
        if period.last is None:
            return f"{period.first}부터 지금까지" if lang == "ko" else f"since {period.first}"
        return str(period.first) if period.first == period.last else f"{period.first} ~ {period.last}"
    ko, en = _UNITS[period.unit]
    if period.form == "calendar":
        known = _CALENDAR.get((period.unit, period.number))
        if known is not None:
            return known[place]
        return f"{-period.number}{ko} 전" if lang == "ko" else f"{-period.number} {en}s ago"
    plural = "" if period.number == 1 else "s"
    if period.back:
        return f"그 전 {period.number}{ko}" if lang == "ko" else f"the {period.number} {en}{plural} before"
    return f"지난 {period.number}{ko}" if lang == "ko" else f"last {period.number} {en}{plural}"


def measure_text(spec: PanelSpec, lang: Lang) -> str:
    """Say what is measured, with its filters: `불일치 판정 건수`, `p95 of the judging time`."""
    place = 0 if lang == "ko" else 1
    words: list[str] = []
    if spec.service is not None:
        words.append(f"{spec.service} 서비스" if lang == "ko" else spec.service)
    words += ["·".join(_LEVELS[level][place] for level in spec.levels)] if spec.levels else []
    words += ["·".join(VERDICTS[verdict][place] for verdict in spec.verdicts)] if spec.verdicts else []
    words += ["·".join(f"“{result}”" for result in spec.results)] if spec.results else []
    words += ["·".join(_STATES[state][place] for state in spec.states)] if spec.states else []
    if spec.method is not None:
        words.append({"rule": ("규칙의", "by rules:"), "llm": ("모델의", "by the model:")}[spec.method][place])
    if spec.measure in _RATES:
        words.append(_RATES[spec.measure][place])
    elif spec.measure == "count":
        words.append(_THINGS[spec.source][place])
    else:
        thing = f"“{spec.of}”" if spec.of is not None else ("판정 시간", "the judging time")[place]
        stat = STATS[spec.measure][place]
        words.append(f"{thing} {stat}" if lang == "ko" else f"{stat} of {thing}")
    return " ".join(words)


def title(spec: PanelSpec, lang: Lang) -> str:
    """Give a panel's title, without its time."""
    place = 0 if lang == "ko" else 1
    groups = [_group_text(spec, group, lang) for group in spec.by]
    time = [INTERVALS[spec.interval][place]] if spec.interval else []
    name = f"{spec.workflow} · " if spec.workflow else ""
    measure = measure_text(spec, lang)
    if lang == "ko":
        return name + " ".join([*time, *groups, measure])
    text = " ".join([measure, *groups, *time])
    return name + text[:1].upper() + text[1:]


def _group_text(spec: PanelSpec, group: str, lang: Lang) -> str:
    if group == "input":
        return f"{spec.field}별" if lang == "ko" else f"by {spec.field}"
    # What the brackets explain is for questions; a title is short.
    return re.sub(r" ?\([^)]*\)", "", GROUPS[group][0 if lang == "ko" else 1])


def sentence(spec: PanelSpec, lang: Lang) -> str:
    """Say one panel whole: what, when and how it is shown."""
    kind = KINDS[spec.kind][0 if lang == "ko" else 1]
    when = period_text(spec.period, lang)
    if spec.base is not None:
        other = period_text(spec.base, lang)
        when = f"{other} 대비 {when}" if lang == "ko" else f"{when} compared with {other}"
    return f"{when}, {title(spec, lang)} — {kind}"


def understood(panels: tuple[PanelSpec, ...], notes: tuple[str, ...], lang: Lang) -> str:
    """Say all of it: `이해한 내용: …`."""
    head = "이해한 내용: " if lang == "ko" else "Understood: "
    told = "; ".join(sentence(panel, lang) for panel in panels)
    return " ".join([f"{head}{told}.", *(_NOTES[note][0 if lang == "ko" else 1] for note in notes)])


def key_text(group: str, value: str | None, lang: Lang) -> str:
    """Give a group's value as people read it."""
    place = 0 if lang == "ko" else 1
    if value is None:
        return ("(없음)", "(none)")[place]
    if group == "verdict" and value in VERDICTS:
        return VERDICTS[value][place].replace("(불일치)", "")
    if group == "state" and value in _STATES:
        return _STATES[value][place]
    if group == "method":
        return {"rule": ("규칙", "rules"), "llm": ("모델", "model")}.get(value, (value, value))[place]
    return value


EXAMPLES: Final[dict[Lang, tuple[str, ...]]] = {
    "ko": (
        "지난 24시간 판정 결과를 시간별 선 그래프로",
        "워크플로우별 불일치 건수 막대 그래프",
        "오늘 오류 로그 수 KPI",
        "서비스별 오류 수와 시간별 추이",
        "지난주 대비 이번주 판정 건수",
    ),
    "en": (
        "last 7 days judgments by verdict as a pie",
        "p95 judgment time per hour line",
        "success rate by workflow today",
        "top 10 error patterns table",
        "this week compared with last week judgments",
    ),
}
"""Requests that are understood, shown to who was not."""
