"""Documents of whole tales: the guide's form, and nothing in them that no entry tells."""

import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.support.guides import shipped
from tests.support.tale import (
    MINSU,
    START,
    Tale,
    bad_night,
    delivered,
    impact,
    judgment_down,
    opened,
    operation,
    signal,
)

from judgify.kit.clock import SEOUL
from judgify.kit.errors import Invalid
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.documents import GuideDocuments
from judgify.response.documents.record import Record, listed, number
from judgify.response.guide.schema import Guide
from judgify.response.model import DocumentKind, IncidentKey, Lang, OperationResult

LANGS: tuple[Lang, ...] = ("ko", "en")
KINDS: tuple[DocumentKind, ...] = ("announcement", "log", "postmortem")
EVIDENCE = re.compile(r"\((?:근거|evidence)[^()]*\)")


@pytest.fixture(scope="module")
def guide() -> Guide:
    return shipped()


def write(guide: Guide, tale: Tale, kind: DocumentKind, lang: Lang = "ko") -> str:
    return GuideDocuments(guide).render(kind, lang, tale.incident, tale.entries)


@pytest.mark.guide("G10")
def test_the_announcement_has_the_four_fields_of_the_guide_in_its_form(guide: Guide) -> None:
    tale = Tale().add(0, opened(severity="P0")).add(0, t.ResponderNamed(person="ops-lead", role="r", reason="x"))
    text = write(guide, tale, "announcement")
    assert text.splitlines() == [
        "🚨 [P0 장애] Judgify 서비스 장애 발생",
        "- 발생시간: 2026-11-22 14:30 KST",
        "- 영향범위: 판단 서비스",
        "- 대응상황: 장애 확인, 접수 대기 중",
        "- 담당자: @ops-lead",
        "",
        "(근거: INC-2026-0007 타임라인 1, 2)",
    ]


@pytest.mark.guide("G23")
def test_the_log_has_the_headings_and_fields_of_7_1(guide: Guide) -> None:
    text = write(guide, judgment_down(), "log")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["## 장애 정보", "## 타임라인", "## 대응 조치", "## 근본 원인", "## 해결 방안"]
    assert "- **장애 ID**: INC-2026-0007\n" in text
    assert "- **발생시간**: 2026-11-22 14:30 KST (근거 1)" in text
    assert "- **감지방법**: 자체 프로브: 판단 서비스, 서비스 다운 (근거 1)" in text
    assert "- **심각도**: P1 (High) (근거 1)" in text
    assert "- 14:30 - 장애 최초 감지 (자체 프로브)" in text
    assert "1. 조치 실행됨: 중지된 판단 서비스 시작 (근거 13)" in text
    assert "- 메모리 누수로 인한 OOM Kill (근거 22)" in text
    assert "- 즉시: 안정 버전 v1.9.0 유지 (근거 22)" in text
    assert "- 단기: 메모리 누수 버그 수정 (근거 22), 배포 전 프로파일링 (근거 22)" in text


@pytest.mark.guide("G24")
def test_the_post_mortem_has_the_headings_and_fields_of_7_2(guide: Guide) -> None:
    text = write(guide, judgment_down(), "postmortem")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# 장애 사후 분석 보고서",
        "## 요약",
        "## What Went Wrong",
        "## What Went Well",
        "## 개선 사항",
        "## 액션 아이템",
    ]
    assert "- **장애일시**: 2026-11-22 14:30~14:30 KST (7초) (근거 1, 18)" in text
    assert "- **비즈니스 영향**: 산정하지 않음\n" in text
    assert "이미지 Pull 지연 (minsu 작성) (근거 22)" in text
    assert "- [x] 메모리 누수 수정 (@dev-team, 2026-11-29) (근거 23, 25)" in text
    assert "- [ ] Canary 배포 구현 (hyejin, 2026-11-29) (근거 24)" in text
    assert "40초 만에 접수 (목표 30분) (근거 1, 17)" in text
    assert "가용성 목표 미달: 40 % (목표 99.9 %) (근거 19)" in text


def test_english_has_no_korean_but_what_people_and_the_record_wrote(guide: Guide) -> None:
    tale = Tale().add(0, opened()).add(0.2, delivered()).add(1, o.OperationStarted(operation=operation()))
    tale.add(2, o.OperationFinished(operation_id="ope-1", result=OperationResult(ok=True)))
    for kind in KINDS:
        assert not re.search(r"[가-힣]", write(guide, tale, kind, "en"))


def numbers_of(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,:-]\d+)*", EVIDENCE.sub("", text)))


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def told(tale: Tale) -> tuple[set[str], set[datetime]]:
    """Every number that stands in an entry, and every moment."""
    found: set[str] = set()
    moments: set[datetime] = {entry.at for entry in tale.entries}
    for leaf in leaves([json.loads(entry.model_dump_json()) for entry in tale.entries]):
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            found.add(number(leaf))
        elif isinstance(leaf, str):
            found |= numbers_of(leaf)
            if re.match(r"\d{4}-\d\d-\d\dT", leaf):
                moments.add(datetime.fromisoformat(leaf))
    return found, moments


def counted(tale: Tale) -> set[str]:
    """How many entries of one kind there are, and how many pages one of them speaks of."""
    kinds = [entry.event.type for entry in tale.entries]
    planned = {len(entry.event.pages) for entry in tale.entries if isinstance(entry.event, t.PagesPlanned)}
    gone = {len(entry.event.page_ids) for entry in tale.entries if isinstance(entry.event, t.PagesWithdrawn)}
    return {str(count) for count in {kinds.count(kind) for kind in kinds} | planned | gone}


def printed(guide: Guide, lang: Lang) -> set[str]:
    """The numbers that the guide itself prints: in its templates, titles and wording."""
    labels = [guide.templates[lang, kind] for kind in KINDS] + [guide.notices.life_at_risk.of(lang)]
    labels += [phase.title.of(lang) for phase in guide.phases.phases]
    labels += [item.text.of(lang) for step in guide.checklist.steps for item in step.items]
    for book in guide.runbooks.values():
        labels += [book.title.of(lang)]
        labels += [step.title.of(lang) for step in book.diagnose] + [step.title.of(lang) for step in book.recover]
    return {name for label in labels for name in numbers_of(label)}


def allowed(guide: Guide, tale: Tale, lang: Lang) -> set[str]:
    """Every number that the timeline tells, that follows from it, or that the guide prints."""
    record = Record(guide, lang, tale.incident, tale.entries)
    found, moments = told(tale)
    for moment in moments:
        here = moment.astimezone(SEOUL)
        found |= {here.strftime("%Y-%m-%d"), here.strftime("%H:%M")}
        for other in moments:
            found |= numbers_of(record.took(abs(moment - other)))
    for severity in guide.severities.values():
        found |= numbers_of(record.took(timedelta(minutes=severity.target_minutes)))
    return found | counted(tale) | printed(guide, lang)


@pytest.mark.guide("G23", "G24")
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tell", [judgment_down, bad_night])
def test_every_number_is_told_by_an_entry_or_follows_from_entries(
    guide: Guide, tell: Any, kind: DocumentKind, lang: Lang
) -> None:
    tale = tell()
    text = re.sub(r"^\s*\d+\. ", "", write(guide, tale, kind, lang), flags=re.MULTILINE)
    assert numbers_of(text) - allowed(guide, tale, lang) == set()


def test_the_number_check_would_notice_an_invented_number(guide: Guide) -> None:
    tale = judgment_down()
    assert numbers_of("손실 추정 12,345") - allowed(guide, tale, "ko") == {"12,345"}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["log", "postmortem"])
def test_every_statement_names_entries_that_exist(guide: Guide, kind: DocumentKind, lang: Lang) -> None:
    tale = judgment_down()
    text = write(guide, tale, kind, lang)
    unmarked = [
        line
        for line in text.splitlines()
        if line.strip() and not line.startswith("#") and not EVIDENCE.search(line) and not line.endswith("**:")
    ]
    assert [line for line in unmarked if "INC-" not in line and "산정" not in line and "estimated" not in line] == []
    for mark in EVIDENCE.findall(text):
        for seq in re.findall(r"\d+", mark.split(";")[0]):
            assert 1 <= int(seq) <= len(tale.entries)


@pytest.mark.guide("G31")
def test_life_at_risk_comes_before_everything_else(guide: Guide) -> None:
    tale = Tale().add(0, opened(life_at_risk=True, key=IncidentKey(root="gateway", failure_class="service", drill="d")))
    for kind in KINDS:
        lines = write(guide, tale, kind).splitlines()
        assert "112/119" in lines[0]
        assert "[훈련]" in lines[2]


def test_what_nobody_recorded_is_said_to_be_not_recorded(guide: Guide) -> None:
    tale = Tale().add(0, opened())
    text = write(guide, tale, "postmortem")
    assert "- **근본원인**: 기록되지 않음" in text
    assert "(복구 기록 없음)" in text
    assert "- 담당자: 기록되지 않음" in write(guide, tale, "announcement")
    assert "- Owner: not recorded" in write(guide, tale, "announcement", "en")


def test_a_bad_night_is_told_as_it_was(guide: Guide) -> None:
    tale = bad_night()
    log = write(guide, tale, "log")
    assert "minsu 장애 선언: 이상합니다" in log
    assert "원인 서비스 변경: unheard-of → 데이터베이스" in log
    assert "심각도 변경 (minsu): P2 → P0, 모두 영향" in log
    assert "호출 전달 거부됨: 운영팀장 (mailbox)" in log
    assert "호출 전달 여부 알 수 없음: somebody (#alerts-critical)" in log
    assert "단계 건너뜀: restart - no such book" in log
    assert "조치할 것이 없었음: ope-8" in log
    assert "장애 범위 파악: 모든 유닛 실행 중" in log
    assert "승인 요청 철회 (근거" in log
    assert "승인 요청 만료 (근거" in log
    assert "장애 범위 파악: 기록되지 않음" in log
    assert "2026-11-23 14:30 - jiwon 접수" in log
    wrong = write(guide, tale, "postmortem").split("## What Went Well")[0]
    for sentence in (
        "가이드에 없는 신호였음: odd_thing",
        "자동 감지보다 먼저 사람이 신고함",
        "첫 접수까지 24시간 걸림 (목표 15분)",
        "전달 거부 1건: 운영팀장 (mailbox)",
        "승인 요청 1건이 답 없이 만료됨",
        "복구 후 재발 2회",
        "자동 복구가 중지되어 있었음",
        "런북이 복구하지 못함: no step is left",
    ):
        assert sentence in wrong


def test_nobody_acknowledged_is_only_said_once_the_record_reaches_past_the_target(guide: Guide) -> None:
    tale = Tale().add(0, opened()).add(29 * 60, t.NoteAdded(text="x"), MINSU)
    assert "접수한 사람이 없음" not in write(guide, tale, "postmortem")
    tale.add(31 * 60, t.NoteAdded(text="y"), MINSU)
    assert "목표 30분 안에 접수한 사람이 없음 (근거 1, 3)" in write(guide, tale, "postmortem")


def test_state_and_owner_follow_the_timeline(guide: Guide) -> None:
    tale = Tale().add(0, opened())
    seen = []
    steps: list[tuple[float, t.Event]] = [
        (1, t.IncidentAcknowledged()),
        (2, t.MitigationStarted(reason="by hand")),
        (3, o.OperationStarted(operation=operation())),
        (4, t.RecoveryObserved(restored_at=START + timedelta(seconds=4), held_s=10, services=())),
        (5, t.IncidentResolved(reason="x")),
        (6, t.IncidentClosed()),
    ]
    for at, event in steps:
        tale.add(at, event, MINSU)
        lines = write(guide, tale, "announcement").splitlines()
        seen.append(lines[3].removeprefix("- 대응상황: "))
        assert lines[4] == "- 담당자: minsu"
    assert seen == [
        "minsu 접수, 대응 중",
        "긴급 복구 중",
        "긴급 복구 중: judgment 유닛에 start 실행",
        "14:30 복구됨, 안정 상태 확인 중",
        "해결됨",
        "종료됨",
    ]
    merged = Tale().add(0, opened()).add(1, t.IncidentMerged(into="INC-2026-0001", reason="same root"))
    assert "- 대응상황: INC-2026-0001에 통합됨" in write(guide, merged, "announcement")
    assert "INC-2026-0001에 통합 (근거 2" in write(guide, merged, "log")


def test_durations_read_like_a_person_would_write_them(guide: Guide) -> None:
    tale = judgment_down()
    korean = Record(guide, "ko", tale.incident, tale.entries)
    english = Record(guide, "en", tale.incident, tale.entries)
    lengths = [-1, 4.25, 42, 59.96, 60, 72, 3600, 3900]
    assert [korean.took(timedelta(seconds=each)) for each in lengths] == [
        "0초",
        "4.2초",
        "42초",
        "1분",
        "1분",
        "1분 12초",
        "1시간",
        "1시간 5분",
    ]
    assert english.took(timedelta(seconds=72)) == "1 min 12 s"


def test_evidence_grows_with_what_is_joined_to_a_statement(guide: Guide) -> None:
    tale = Tale().add(0, opened())
    scopes = [write(guide, tale, "log").splitlines()[5]]
    joined = signal("gateway", observed_at=START - timedelta(seconds=3))
    tale.add(1, t.SignalJoined(signal=joined, reason="depends"))
    tale.add(2, t.ImpactMeasured(impact=impact()))
    text = write(guide, tale, "log")
    scopes.append(text.splitlines()[5])
    assert scopes[0] == "- **영향범위**: 판단 서비스 (근거 1)"
    assert scopes[1].startswith(
        "- **영향범위**: 판단 서비스, API 게이트웨이; 활성 사용자 12 → 9, 에러율 0.05 % → 12.35 %"
    )
    assert scopes[1].endswith("(근거 1–3)")
    # The earliest evidence is the second signal's now.
    assert "- **발생시간**: 2026-11-22 14:30 KST (근거 2)" in text


def test_deliveries_are_gathered_only_while_kind_and_outcome_are_the_same(guide: Guide) -> None:
    text = write(guide, judgment_down(), "log")
    assert "호출 전달: 개발팀장 (mailbox), DevOps Lead (mailbox) (근거 4, 5; 14:30:03)" in text
    assert "보고 전달: CTO (mailbox) (근거 6; 14:30:03)" in text
    room = Tale().add(0, opened()).add(1, delivered("everyone", kind="notice", channel="console"))
    assert "알림 전달: 전체 (console)" in write(guide, room, "log")


def test_a_timeline_without_its_opening_gives_no_document(guide: Guide) -> None:
    tale = judgment_down()
    with pytest.raises(Invalid, match="no timeline"):
        GuideDocuments(guide).render("log", "ko", tale.incident, tale.entries[1:])
    with pytest.raises(Invalid, match="no timeline"):
        GuideDocuments(guide).render("log", "ko", tale.incident, [])


def test_entries_stay_in_order(guide: Guide) -> None:
    text = write(guide, judgment_down(), "log").split("## 타임라인")[1].split("## 대응")[0]
    firsts = [int(mark) for mark in re.findall(r"\(근거 (\d+)", text)]
    assert firsts
    assert all(one < other for one, other in pairwise(firsts))


def test_the_first_page_is_not_the_first_report(guide: Guide) -> None:
    tale = Tale().add(0, opened()).add(1, delivered("cto", kind="report")).add(2.5, delivered())
    assert "감지 후 2.5초 만에 첫 호출 전달 (근거 1, 3)" in write(guide, tale, "postmortem")


def test_entries_in_a_row_are_named_as_a_range() -> None:
    assert listed([7, 1, 3, 4, 5, 5, 9, 10]) == "1, 3–5, 7, 9, 10"
    assert listed([]) == ""


def test_an_incident_that_came_back_is_told_stretch_by_stretch(guide: Guide) -> None:
    tale = Tale().add(0, opened())
    tale.add(10, t.RecoveryObserved(restored_at=START + timedelta(seconds=8.8), held_s=1, services=()))
    again = signal(observed_at=START + timedelta(seconds=600))
    tale.add(601, t.IncidentReopened(reason="again", signal=again))
    open_again = write(guide, tale, "postmortem")
    assert "2026-11-22 14:30~14:30 KST (10초), 2026-11-22 14:40 KST~ (복구 기록 없음) (근거 1–3)" in open_again
    tale.add(640, t.RecoveryObserved(restored_at=START + timedelta(seconds=630), held_s=1, services=()))
    tale.add(700, t.IncidentResolved(reason="x"), MINSU).add(710, t.IncidentReopened(reason="no"), MINSU)
    text = write(guide, tale, "postmortem")
    assert "2026-11-22 14:40~14:40 KST (30초), 2026-11-22 14:41 KST~ (복구 기록 없음)" in text
    assert "발생 후 10초 만에 복구 (근거 1, 2)" in text
    assert "발생 후 30초 만에 복구 (근거 1, 3, 4)" in text


def test_what_was_told_twice_changes_nothing(guide: Guide) -> None:
    tale = Tale().add(0, opened())
    recovered = t.RecoveryObserved(restored_at=START, held_s=1, services=())
    tale.add(1, t.IncidentReopened(reason="it never was good"), MINSU).add(10, recovered).add(20, recovered)
    assert "(1.2초) (근거 1, 3)" in write(guide, tale, "postmortem")
