"""A table of requests: what each comes to, what it asks back, and which words it names as unknown."""

from typing import Any

import pytest

from judgify.core.dashboard.grammar.parse import names, parse
from judgify.core.dashboard.grammar.spec import KnownWorkflow, Understanding
from judgify.core.dashboard.grammar.token import tokenize
from judgify.kit.errors import Invalid

KNOWN = (
    KnownWorkflow("온도 점검", None, {"온도": (), "line": ()}, frozenset({"온도"}), ("정상", "과열")),
    KnownWorkflow(
        "quality-inspection", "품질 검사", {"line": (), "weight": ("무게",)}, frozenset({"weight"}), ("불량", "양품")
    ),
)
DAY = "지난 24시간"


def short(found: Understanding) -> list[str]:
    """Write panels on one line each: kind source measure/of by interval time filters."""
    told = []
    for one in found.panels:
        period = one.period
        when = {
            "last": f"last{period.number}{period.unit}" + ("-before" if period.back else ""),
            "calendar": f"{period.unit}{period.number:+d}",
            "dates": f"{period.first}..{period.last or ''}",
        }[period.form]
        words = [one.kind, one.source, one.measure + (f"({one.of})" if one.of else "")]
        words += [f"by:{','.join(one.by)}" + (f"={one.field}" if one.field else "")] if one.by else []
        words += [one.interval] if one.interval else []
        words.append(when)
        if one.base is not None:
            words.append("vs")
        words += [f"wf:{one.workflow}"] if one.workflow else []
        words += [*one.verdicts, *one.results, *one.states]
        words += [level for level in one.levels if level != "CRITICAL"]
        words += [f"@{one.service}"] if one.service else []
        words += [f"m:{one.method}"] if one.method else []
        words += [f"top{one.limit}"] if one.limit not in {12, 50} else []
        told.append(" ".join(words))
    return told


PANELS = [
    # the examples of the reference
    ("지난 24시간 판정 결과를 시간별 선 그래프로", ["line judgment count by:verdict 1h last24hour"]),
    ("워크플로우별 불일치 건수 막대 그래프", ["bar judgment count by:workflow last24hour not_matched"]),
    ("오늘 오류 로그 수 KPI", ["kpi log count day+0 ERROR"]),
    ("last 7 days judgments by verdict as a pie", ["pie judgment count by:verdict last7day"]),
    ("p95 judgment time per hour line", ["line judgment p95 1h last24hour"]),
    ("온도 점검 워크플로우 성공률 게이지", ["gauge judgment success_rate last24hour wf:온도 점검"]),
    ("top 10 error patterns table", ["table pattern count last24hour ERROR top10"]),
    (
        "서비스별 오류 수와 시간별 추이",
        ["bar log count by:service last24hour ERROR", "line log count 1h last24hour ERROR"],
    ),
    ("지난주 대비 이번주 판정 건수", ["kpi judgment count week+0 vs"]),
    ("불량 판정을 라인별로", ["bar judgment count by:input=line last24hour wf:quality-inspection 불량"]),
    # times
    ("오늘 판정 건수", ["kpi judgment count day+0"]),
    ("어제 판정 건수", ["kpi judgment count day-1"]),
    ("그저께 판정 수", ["kpi judgment count day-2"]),
    ("이번 달 판정 건수", ["kpi judgment count month+0"]),
    ("지난달 판정 건수", ["kpi judgment count month-1"]),
    ("최근 두 시간 판정 수", ["kpi judgment count last2hour"]),
    ("최근 일주일 판정 수", ["kpi judgment count last1week"]),
    ("지난 30분간 판정 건수", ["kpi judgment count last30minute"]),
    ("최근 3개월 판정 수", ["kpi judgment count last3month"]),
    ("요즘 판정 건수", ["kpi judgment count last24hour"]),
    ("최근 판정 건수", ["kpi judgment count last24hour"]),
    ("이번 시간 판정 건수", ["kpi judgment count hour+0"]),
    ("사흘 동안의 판정 건수", ["kpi judgment count last3day"]),
    ("judgments today", ["kpi judgment count day+0"]),
    ("judgments in the last hour", ["kpi judgment count last1hour"]),
    ("judgments last week", ["kpi judgment count week-1"]),
    ("judgments in the past week", ["kpi judgment count last1week"]),
    ("how many judgments were there yesterday?", ["kpi judgment count day-1"]),
    ("number of judgments in the last twelve hours", ["kpi judgment count last12hour"]),
    ("2026-11-01부터 2026-11-07까지 일별 판정 수", ["line judgment count 1d 2026-11-01..2026-11-07"]),
    ("judgments from 2026-11-07 to 2026-11-01 daily", ["line judgment count 1d 2026-11-01..2026-11-07"]),
    ("2026.11.3 판정 건수", ["kpi judgment count 2026-11-03..2026-11-03"]),
    ("2026-11-01부터 판정 건수", ["kpi judgment count 2026-11-01.."]),
    # intervals
    ("판정 건수를 10분 단위로", ["line judgment count 10m last24hour"]),
    ("judgments every 15 minutes", ["line judgment count 15m last24hour"]),
    ("judgments per 30 minutes", ["line judgment count 30m last24hour"]),
    ("매시간 판정 건수", ["line judgment count 1h last24hour"]),
    ("daily judgments last week", ["line judgment count 1d week-1"]),
    ("주별 판정 건수 최근 3개월", ["line judgment count 1w last3month"]),
    ("분당 판정 건수 최근 1시간", ["line judgment count 1m last1hour"]),
    ("최근 1시간 판정 추이", ["line judgment count 1m last1hour"]),
    ("최근 5시간 판정 추이", ["line judgment count 5m last5hour"]),
    ("최근 10시간 판정 추이", ["line judgment count 15m last10hour"]),
    ("최근 30일 판정 추이", ["line judgment count 1d last30day"]),
    ("최근 1년치가 아닌 12개월 판정 추이", None),
    ("최근 12개월 판정 추이", ["line judgment count 1w last12month"]),
    ("2026-11-01부터 판정 추이", ["line judgment count 1d 2026-11-01.."]),
    ("판정 건수 시간 추이", ["line judgment count 1h last24hour"]),
    ("judgments over time", ["line judgment count 1h last24hour"]),
    ("hourly judgments as bars", ["bar judgment count 1h last24hour"]),
    ("일별판정건수를막대그래프로", ["bar judgment count 1d last24hour"]),
    ("판정 건수 선 그래프", ["line judgment count 1h last24hour"]),
    ("오늘부터 판정 건수", ["kpi judgment count day+0"]),
    # groups
    ("레벨별 건수", ["bar log count by:level last24hour"]),
    ("워크플로우별, 판정 건수", ["bar judgment count by:workflow last24hour"]),
    ("top10 error patterns", ["table pattern count last24hour ERROR top10"]),
    ("판정별 건수", ["bar judgment count by:verdict last24hour"]),
    ("판정 결과별 건수를 원 그래프로", ["pie judgment count by:verdict last24hour"]),
    ("결과별 판정 건수 표", ["table judgment count by:result last24hour"]),
    ("방법별 판정 건수", ["bar judgment count by:method last24hour"]),
    ("judgments by workflow and verdict", None),
    ("워크플로우별 시간별 판정 건수", ["line judgment count by:workflow 1h last24hour"]),
    ("워크플로별 판정별 건수", ["bar judgment count by:workflow,verdict last24hour"]),
    ("서비스마다 로그 수", ["bar log count by:service last24hour"]),
    ("logs by level as donut", ["pie log count by:level last24hour"]),
    ("actions by state", ["bar action count by:state last24hour"]),
    ("종류별 액션 수 표", ["table action count by:type last24hour"]),
    (
        "judgments by line of quality-inspection",
        ["bar judgment count by:input=line last24hour wf:quality-inspection"],
    ),
    ("품질 검사 무게별 판정 건수", ["bar judgment count by:input=weight last24hour wf:quality-inspection"]),
    # measures
    ("평균 판정 시간", ["kpi judgment avg last24hour"]),
    ("판정 처리 시간 최댓값", ["kpi judgment max last24hour"]),
    ("median latency by workflow", ["bar judgment p50 by:workflow last24hour"]),
    ("p50와 p95 판정 시간을 10분별로", ["line judgment p50 10m last24hour", "line judgment p95 10m last24hour"]),
    ("p99 시간별", ["line judgment p99 1h last24hour"]),
    ("average 온도 per hour of 온도 점검", ["line judgment avg(온도) 1h last24hour wf:온도 점검"]),
    ("average 온도 by line of 온도 점검", ["bar judgment avg(온도) by:input=line last24hour wf:온도 점검"]),
    ("온도 점검 average 온도 by line as a table", ["table judgment avg(온도) by:input=line last24hour wf:온도 점검"]),
    ("온도 점검 평균 온도를 라인별 막대 그래프로", ["bar judgment avg(온도) by:input=line last24hour wf:온도 점검"]),
    ("무게 평균", ["kpi judgment avg(weight) last24hour wf:quality-inspection"]),
    ("success rate by workflow today", ["bar judgment success_rate by:workflow day+0"]),
    ("판정 불가율 일별 추이 최근 30일", ["line judgment unclear_rate 1d last30day"]),
    ("불일치율", ["kpi judgment mismatch_rate last24hour"]),
    ("match rate gauge", ["gauge judgment match_rate last24hour"]),
    # filters
    ("판정 불가 건수", ["kpi judgment count last24hour not_evaluable"]),
    ("일치와 불일치 건수", ["kpi judgment count last24hour matched not_matched"]),
    ("not matched judgments per hour", ["line judgment count 1h last24hour not_matched"]),
    ("모델 판정 건수", ["kpi judgment count last24hour m:llm"]),
    ("경고와 오류 로그 수", ["kpi log count last24hour WARNING ERROR"]),
    ("게이트웨이 오류 수", ["kpi log count last24hour ERROR @gateway"]),
    ("판정 서비스 로그 수", ["kpi log count last24hour @judgment"]),
    ("게이트웨이 시간별 추이", ["line log count 1h last24hour @gateway"]),
    ("실패한 액션 수", ["kpi action count last24hour dead"]),
    ("대기 중 액션", ["kpi action count last24hour waiting"]),
    ("실패 로그 수", ["kpi log count last24hour ERROR"]),
    ('"온도 점검" 판정 건수', ["kpi judgment count last24hour wf:온도 점검"]),
    ("warning patterns", ["table pattern count last24hour WARNING top10"]),
    ("상위 5개 오류 패턴 막대", ["bar pattern count last24hour ERROR top5"]),
    ("워크플로우별 판정 건수 상위 3개", ["bar judgment count by:workflow last24hour top3"]),
    # comparisons
    ("this week compared with last week judgments", ["kpi judgment count week+0 vs"]),
    ("전일 대비 오류 수", ["kpi log count day+0 vs ERROR"]),
    ("오늘 판정 건수 비교", ["kpi judgment count day+0 vs"]),
    ("지난 24시간 판정 건수 비교", ["kpi judgment count last24hour vs"]),
    ("2026-11-03 판정 건수 비교", ["kpi judgment count 2026-11-03..2026-11-03 vs"]),
    ("어제보다 오늘 판정 건수 막대 그래프", ["bar judgment count day+0 vs"]),
    # several panels, and shapes that come after
    ("판정 건수, 막대 그래프, 시간별", ["bar judgment count 1h last24hour"]),
    ("오늘 판정 건수 그리고 오류 로그 수", ["kpi judgment count day+0", "kpi log count day+0 ERROR"]),
    ("워크플로우별 건수와 판정 건수", None),
]
PANELS = [(text, wanted) for text, wanted in PANELS if wanted is not None]


@pytest.mark.parametrize(("text", "wanted"), PANELS, ids=[text for text, _ in PANELS])
def test_requests_that_are_clear(text: str, wanted: list[str]) -> None:
    found = parse(text, KNOWN)
    assert [question.id for question in found.questions] == []
    assert short(found) == wanted


NAMED = [
    # what would show other figures than were asked for, if it were left out in silence
    ("11월 판정 건수", "11 월"),
    ("지난 11월 판정 건수", "지난 11 월"),
    ("11월 5일 판정 건수", "11 월 5 일"),
    ("2026-11-31 판정 건수", "2026-11-31"),
    ("지난 0시간 판정 건수", "지난 0 시간"),
    ("지난 99999일 판정 건수", "지난 99999 일"),
    ("500 오류", "500"),
    ("404 errors by service", "404"),
    ("상위 200개 워크플로우", "200"),
]


@pytest.mark.parametrize(("text", "word"), NAMED, ids=[text for text, _ in NAMED])
def test_times_and_numbers_that_cannot_be_taken_are_named(text: str, word: str) -> None:
    found = parse(text, KNOWN)
    assert (found.panels, [question.id for question in found.questions]) == ((), [f"ignore.{word}"])
    assert parse(text, KNOWN, {f"ignore.{word}": "yes"}).panels != ()


def test_a_part_of_judgments_keeps_the_workflow_of_the_part_before_it() -> None:
    kept = [
        "gauge judgment match_rate last24hour wf:온도 점검",
        "bar judgment count by:verdict last24hour wf:온도 점검",
    ]
    assert short(parse("온도 점검 일치율 게이지와 판정별 판정 건수", KNOWN)) == kept
    freed = ["kpi judgment match_rate last24hour wf:온도 점검", "bar judgment count by:workflow last24hour"]
    assert short(parse("온도 점검 일치율, 워크플로우별 판정 건수", KNOWN)) == freed


QUESTIONS: list[tuple[str, str, list[str], dict[str, str], list[str]]] = [
    ("건수 보여줘", "1.subject", ["judgment", "errors", "log", "action"], {"1.subject": "errors"},
     ["kpi log count last24hour ERROR"]),
    ("판정 시간", "1.stat", ["avg", "p50", "p90", "p95", "p99", "max", "min"], {"1.stat": "p95"},
     ["kpi judgment p95 last24hour"]),
    ("온도 추이", "1.field_stat", ["avg", "p50", "p90", "p95", "p99", "max", "min"], {"1.field_stat": "max"},
     ["line judgment max(온도) 1h last24hour wf:온도 점검"]),
    ("평균 판정 건수", "1.measure", ["count", "duration"], {"1.measure": "count"}, ["kpi judgment count last24hour"]),
    ("평균 판정", "1.measure", ["count", "duration"], {"1.measure": "duration"}, ["kpi judgment avg last24hour"]),
    ("실패한 판정 수", "1.failure", ["not_matched", "not_evaluable"], {"1.failure": "not_evaluable"},
     ["kpi judgment count last24hour not_evaluable"]),
    ("온도 점검 결과", "1.result", ["verdict", "result", "none"], {"1.result": "result"},
     ["bar judgment count by:result last24hour wf:온도 점검"]),
    ("온도 점검 결과", "1.result", ["verdict", "result", "none"], {"1.result": "none"},
     ["kpi judgment count last24hour wf:온도 점검"]),
    ("판정 건수 막대 그래프", "1.group", ["workflow", "verdict", "result", "method", "time"], {"1.group": "time"},
     ["bar judgment count 1h last24hour"]),
    ("판정 파이", "1.group", ["workflow", "verdict", "result", "method"], {"1.group": "workflow"},
     ["pie judgment count by:workflow last24hour"]),
    ("판정 건수 게이지", "1.kind", ["kpi"], {"1.kind": "kpi"}, ["kpi judgment count last24hour"]),
    ("시간별 판정 건수 파이", "1.kind", ["line", "bar", "table"], {"1.kind": "bar"},
     ["bar judgment count 1h last24hour"]),
    ("워크플로우별 판정 건수 선 그래프", "1.kind", ["line", "bar"], {"1.kind": "line"},
     ["line judgment count by:workflow 1h last24hour"]),
    ("워크플로우별 판정 건수 선 그래프", "1.kind", ["line", "bar"], {"1.kind": "bar"},
     ["bar judgment count by:workflow last24hour"]),
    ("오류 패턴 파이", "1.kind", ["table", "bar"], {"1.kind": "bar"}, ["bar pattern count last24hour ERROR top10"]),
    ("워크플로우별 판정 건수 막대 원 그래프", "1.kinds", ["bar", "pie"], {"1.kinds": "pie"},
     ["pie judgment count by:workflow last24hour"]),
    ("워크플로우별 판정별 시간별 판정 건수", "1.drop", ["workflow", "verdict", "time"], {"1.drop": "time"},
     ["bar judgment count by:workflow,verdict last24hour"]),
    ("워크플로우별 판정별 시간별 판정 건수", "1.drop", ["workflow", "verdict", "time"], {"1.drop": "verdict"},
     ["line judgment count by:workflow 1h last24hour"]),
    ("라인별 판정 건수", "1.workflow", ["온도 점검", "quality-inspection"], {"1.workflow": "온도 점검"},
     ["bar judgment count by:input=line last24hour wf:온도 점검"]),
    ("온도 점검 품질 검사 판정 건수", "1.workflow", ["온도 점검", "quality-inspection"],
     {"1.workflow": "quality-inspection"}, ["kpi judgment count last24hour wf:quality-inspection"]),
    ("품질 검사 온도별 판정 건수", "1.workflow", ["온도 점검"], {"1.workflow": "온도 점검"},
     ["bar judgment count by:input=온도 last24hour wf:온도 점검"]),
    ("로그를 워크플로우별로", "1.where", ["service", "level", "none"], {"1.where": "level"},
     ["bar log count by:level last24hour"]),
    ("오류 로그 라인별로", "1.subject", ["judgment", "log"], {"1.subject": "log", "1.where": "none"},
     ["kpi log count last24hour ERROR"]),
    ("게이트웨이와 판정 서비스 오류", "1.service", ["gateway", "judgment", "all"], {"1.service": "judgment"},
     ["kpi log count last24hour ERROR @judgment"]),
    ("gateway, postgres errors", "1.service", ["gateway", "postgres", "all"], {"1.service": "all"},
     ["kpi log count last24hour ERROR"]),
    ("게이트웨이 판정 건수", "1.unfit", ["yes"], {"1.unfit": "yes"}, ["kpi judgment count last24hour"]),
    ("온도 점검 액션 수", "1.subject", ["action", "judgment"], {"1.subject": "action", "1.unfit": "yes"},
     ["kpi action count last24hour"]),
    ("판정 로그 수", "1.subject", ["judgment", "log"], {"1.subject": "judgment"}, ["kpi judgment count last24hour"]),
    ("판정 건수를 7분별로", "1.interval", ["1m", "5m", "10m", "15m", "30m", "1h", "1d", "1w"], {"1.interval": "5m"},
     ["line judgment count 5m last24hour"]),
    ("워크플로우별 및 시간별 판정 건수", "1.join", ["together", "apart"], {"1.join": "together"},
     ["line judgment count by:workflow 1h last24hour"]),
    ("워크플로우별 및 시간별 판정 건수", "1.join", ["together", "apart"], {"1.join": "apart"},
     ["bar judgment count by:workflow last24hour", "line judgment count 1h last24hour"]),
    ("시간별 판정 건수, 워크플로우별", "2.join", ["together", "apart"], {"2.join": "together"},
     ["line judgment count by:workflow 1h last24hour"]),
    ("어제 지난주 판정 건수", "1.periods", ["compare", "each"], {"1.periods": "each"},
     ["kpi judgment count day-1", "kpi judgment count week-1"]),
    ("오늘 어제 판정 건수", "1.periods", ["compare", "each"], {"1.periods": "compare"},
     ["kpi judgment count day+0 vs"]),
    ("판정 건수 비교", "1.base", ["calendar:day", "calendar:week"], {"1.base": "calendar:week"},
     ["kpi judgment count week+0 vs"]),
    ("지난주 대비 이번주 시간별 판정 건수", "1.kind", ["kpi", "bar"], {"1.kind": "bar"},
     ["bar judgment count week+0 vs"]),
    ("매출 판정 건수", "ignore.매출", ["yes"], {"ignore.매출": "yes"}, ["kpi judgment count last24hour"]),
    ("quarterly judgments", "ignore.quarterly", ["yes"], {"ignore.quarterly": "yes"},
     ["kpi judgment count last24hour"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "choices", "answers", "wanted"), QUESTIONS)
def test_requests_that_leave_something_open(
    text: str, key: str, choices: list[str], answers: dict[str, str], wanted: list[str]
) -> None:
    found = parse(text, KNOWN)
    assert found.panels == ()
    [question] = [one for one in found.questions if one.id == key]
    assert [choice.value for choice in question.choices] == choices
    assert question.data("ko") != question.data("en")
    resolved = parse(text, KNOWN, answers)
    assert [one.id for one in resolved.questions] == []
    assert short(resolved) == wanted
    # An answer that is no choice is asked again.
    assert parse(text, KNOWN, {key: "nonsense"}).questions


UNKNOWN = [
    ("매출을 보여줘", ("매출",)),
    ("안녕", ("안녕",)),
    ("show me the money", ("money",)),
    ("'; DROP TABLE executions; --", ("drop", "executions")),
    ("{{7*7}} ${jndi:ldap://x}", None),
    ("매출별로 보여줘", ("매출",)),
    ("중요도", ("중요",)),
    ("数量を見せて", None),
    ("보여줘", ()),
    ("", ()),
    ("   \n\t", ()),
    ("?!…", ()),
    ("가" * 60, ("가" * 60,)),
    ("2026-13-45", ("2026-13-45",)),
]


@pytest.mark.parametrize(("text", "words"), UNKNOWN)
def test_requests_of_which_nothing_is_understood(text: str, words: tuple[str, ...] | None) -> None:
    found = parse(text, KNOWN)
    if words is None or "executions" in words:
        # Something in it reads like a word that is known; it is asked, and nothing is guessed.
        assert found.panels == ()
        return
    assert (found.panels, found.questions) == ((), ())
    assert found.unknown == words


def test_every_unknown_word_is_asked_for() -> None:
    found = parse("매출 판정 건수 zzz 상품별로", KNOWN)
    assert [one.id for one in found.questions] == ["ignore.매출", "ignore.zzz", "ignore.상품"]


def test_since_yesterday_is_not_yesterday() -> None:
    assert [one.id for one in parse("어제부터 판정 건수").questions] == ["ignore.부터"]


def test_the_same_question_is_asked_once() -> None:
    found = parse("어제 지난주 판정 시간", KNOWN, {"1.periods": "each"})
    assert [one.id for one in found.questions] == ["1.stat"]


def test_a_name_that_is_a_word_of_the_grammar_stays_that_word() -> None:
    known = [KnownWorkflow("판정", None, {}, frozenset(), ())]
    assert short(parse("판정 건수", known)) == ["kpi judgment count last24hour"]


def test_a_long_text_is_refused_and_a_nasty_one_is_quick() -> None:
    with pytest.raises(Invalid, match="at most 500"):
        parse("판" * 10_000)
    for nasty in ("판정" * 250, "가나다라" * 125, "a" * 500, '"' * 500, "1" * 500, "별별" * 250, "p95 " * 125):
        parse(nasty, KNOWN)


def test_huge_numbers_are_no_times() -> None:
    assert parse("지난 999999일 판정 건수").panels != () or parse("지난 999999일 판정 건수").questions
    found = parse("지난 0시간 판정 건수")
    assert all(one.period.number for one in found.panels)


def test_names_of_workflows_win_over_results_and_fields() -> None:
    known = [KnownWorkflow("점검", "온도", {"온도": (), "점검": ()}, frozenset(), ("점검",))]
    assert names(known)["점검"] == ("workflow", "점검")
    assert names(known)["온도"] == ("workflow", "점검")
    assert names(known)["temperature"] == ("field", "온도")


def test_a_name_inside_another_word_is_not_taken_for_it() -> None:
    known = [KnownWorkflow("정상", None, {}, frozenset(), ())]
    assert tokenize("정상별 정상화 abnormal정상", names(known))[0].kind == "workflow"
    assert "workflow" not in [token.kind for token in tokenize("정상화폐", names(known))]
    latin: Any = names([KnownWorkflow("cat", None, {}, frozenset(), ())])
    assert [token.kind for token in tokenize("cat category cat5", latin)] == ["workflow", "unknown", "unknown"]


def test_what_is_too_fine_for_its_time_is_asked_not_tried() -> None:
    text = "every minute judgments for the last 30 days"
    asked = parse(text, KNOWN)
    assert not asked.panels
    (question,) = asked.questions
    assert [choice.value for choice in question.choices] == ["30m", "1h", "1d", "1w"]
    answered = parse(text, KNOWN, {question.id: "1h"})
    assert short(answered) == ["line judgment count 1h last30day"]
    ages = parse("errors every minute 1970-01-01 ~ 2026-11-01", KNOWN)
    assert [choice.value for choice in ages.questions[0].choices] == ["1w"]


def test_panels_that_are_left_out_are_told() -> None:
    many = parse(", ".join(f"error logs last {hours} hours" for hours in range(1, 15)), KNOWN)
    assert len(many.panels) == 12
    assert "panels" in many.notes
