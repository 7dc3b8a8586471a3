"""The questions that a request can leave open, in both languages. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from judgify.core.dashboard.grammar.spec import Choice, Question

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "kpi": ("숫자 하나(KPI)", "one number (KPI)"),
    "line": ("선 그래프", "line chart"),
    "bar": ("막대 그래프", "bar chart"),
    "pie": ("원 그래프", "pie chart"),
    "gauge": ("게이지", "gauge"),
    "table": ("표", "table"),
}
GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "workflow": ("워크플로우별", "by workflow"),
    "verdict": ("판정(해당·해당 없음·판정 불가)별", "by verdict (matched, not matched, not evaluable)"),
    "result": ("결과 값별", "by result value"),
    "method": ("판정 방법별", "by method"),
    "service": ("서비스별", "by service"),
    "level": ("로그 레벨별", "by log level"),
    "state": ("상태별", "by state"),
    "type": ("종류별", "by type"),
    "time": ("시간 흐름으로", "over time"),
    "none": ("나누지 않음", "not grouped"),
}
SUBJECTS: Final[Mapping[str, tuple[str, str]]] = {
    "judgment": ("판정", "judgments"),
    "log": ("로그", "logs"),
    "errors": ("오류 로그", "error logs"),
    "action": ("액션(후속 조치)", "actions"),
}
STATS: Final[Mapping[str, tuple[str, str]]] = {
    "avg": ("평균", "average"),
    "p50": ("중앙값(p50)", "median (p50)"),
    "p90": ("90번째 백분위(p90)", "90th percentile (p90)"),
    "p95": ("95번째 백분위(p95)", "95th percentile (p95)"),
    "p99": ("99번째 백분위(p99)", "99th percentile (p99)"),
    "max": ("최댓값", "maximum"),
    "min": ("최솟값", "minimum"),
}
INTERVALS: Final[Mapping[str, tuple[str, str]]] = {
    "1m": ("1분별", "per minute"),
    "5m": ("5분별", "per 5 minutes"),
    "10m": ("10분별", "per 10 minutes"),
    "15m": ("15분별", "per 15 minutes"),
    "30m": ("30분별", "per 30 minutes"),
    "1h": ("시간별", "per hour"),
    "1d": ("일별", "per day"),
    "1w": ("주별", "per week"),
}
VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "matched": ("해당", "matched"),
    "not_matched": ("해당 없음(불일치)", "not matched"),
    "not_evaluable": ("판정 불가", "not evaluable"),
}
MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "count": ("건수", "count"),
    "duration": ("판정 시간", "judging time"),
    "success_rate": ("성공률(판정 불가가 아닌 비율)", "success rate (share that is not “not evaluable”)"),
}
_ASKED: Final[Mapping[str, tuple[str, str]]] = {
    "subject": ("무엇을 볼까요?", "What shall be shown?"),
    "stat": ("판정 시간의 어떤 값을 볼까요?", "Which figure of the judging time?"),
    "field_stat": ("이 입력 값의 어떤 값을 볼까요?", "Which figure of this input?"),
    "failure": ("실패는 어느 쪽을 말합니까?", "What does failure mean here?"),
    "result": ("결과를 어떻게 나눌까요?", "How shall the results be grouped?"),
    "kind": (
        "이 내용은 그 모양으로 그릴 수 없습니다. 어떻게 보여 드릴까요?",
        "That shape does not fit. How shall it be shown?",
    ),
    "kinds": ("어떤 모양으로 볼까요?", "Which shape?"),
    "group": ("무엇별로 나눌까요?", "Grouped by what?"),
    "drop": (
        "한 차트에는 기준을 둘까지 쓸 수 있습니다. 어느 것을 뺄까요?",
        "A chart has at most two groupings. Which one goes?",
    ),
    "workflow": ("어느 워크플로우입니까?", "Which workflow?"),
    "interval": ("시간 간격을 골라 주십시오.", "Which interval?"),
    "too_fine": (
        "그 기간에는 너무 촘촘합니다. 더 긴 시간 간격을 골라 주십시오.",
        "That is too fine for so long a time. Which longer interval?",
    ),
    "join": ("한 차트에 함께 볼까요, 따로 볼까요?", "Together in one chart, or apart?"),
    "periods": ("두 기간을 비교할까요, 따로 볼까요?", "Compare the two times, or show each?"),
    "base": ("어느 때와 비교할까요?", "Compared with which time?"),
    "measure": ("무엇을 잴까요?", "What is measured?"),
    "service": ("어느 서비스입니까?", "Which service?"),
    "unfit": ("여기에는 쓸 수 없는 말입니다. 빼고 만들까요?", "This does not apply here. Leave it out?"),
    "where": ("이 원본은 그렇게 나눌 수 없습니다. 어떻게 나눌까요?", "These cannot be grouped so. How then?"),
}
LEAVE_OUT: Final = {"yes": ("빼고 만들기", "leave it out")}
JOIN: Final = {"together": ("한 차트에 함께", "together in one chart"), "apart": ("차트 두 개로", "two charts")}
PERIODS: Final = {"compare": ("비교", "compare"), "each": ("따로", "each")}
BASES: Final = {"calendar:day": ("어제와", "with yesterday"), "calendar:week": ("지난주와", "with last week")}


class Asker:
    """Gives the answers that are there and keeps the questions that are not."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        """Know the answers by question id."""
        self._answers = answers
        self.questions: list[Question] = []

    def ask(self, number: int, name: str, choices: Mapping[str, tuple[str, str]], *, about: str = "") -> str | None:
        """Give the answer, or None and remember the question; an answer that is no choice is asked again."""
        key = f"{number + 1}.{name}"
        given = self._answers.get(key)
        if given in choices:
            return given
        ko, en = _ASKED[name]
        if about:
            ko, en = f"“{about}”: {ko}", f"“{about}”: {en}"
        if all(known.id != key for known in self.questions):
            options = tuple(Choice(value, *words) for value, words in choices.items())
            self.questions.append(Question(key, ko, en, options))
        return None

    def ignored(self, word: str) -> bool:
        """Ask whether an unknown word may be left out."""
        key = f"ignore.{word[:60]}"
        if self._answers.get(key) == "yes":
            return True
        self.questions.append(
            Question(
                key,
                f"“{word[:60]}”: 모르는 말입니다. 빼고 만들까요?",
                f"“{word[:60]}” is not a word that is known here. Leave it out?",
                (Choice("yes", "빼고 만들기", "leave it out"),),
            )
        )
        return False


def some(table: Mapping[str, tuple[str, str]], names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Give a part of a table of choices, in the order asked for."""
    return {name: table[name] for name in names}
