"""Each entry of a timeline in one sentence of plain text, for terminals and pages."""

import pytest
from tests.support.guides import shipped
from tests.support.tale import MINSU, START, Tale, bad_night, delivered, impact, judgment_down, opened

from judgify.response import timeline as t
from judgify.response.documents import GuideDocuments
from judgify.response.model import Announcement, Lang


def told(tale: Tale, lang: Lang = "ko") -> list[str]:
    return GuideDocuments(shipped()).sentences(lang, tale.incident, tale.entries)


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("make", [judgment_down, bad_night])
def test_every_entry_has_a_sentence_of_its_own(make: object, lang: Lang) -> None:
    tale = make()  # type: ignore[operator]
    sentences = told(tale, lang)
    assert len(sentences) == len(tale.entries)
    assert all(sentence and "\n" not in sentence for sentence in sentences)


def test_what_only_keeps_books_is_told_too() -> None:
    tale = Tale().add(0, opened())
    tale.add(
        1, t.AnnouncementDrafted(announcement=Announcement(audience="internal", text={"ko": "글"}, drafted_at=START))
    )
    tale.add(2, t.DocumentWritten(kind="log", lang="ko", path="INC/log.ko.md", digest="0"))
    tale.add(3, t.ChecklistDone(item="receipt_confirmed", how="machine"))
    tale.add(4, t.ImpactMeasured(impact={}))
    tale.add(5, delivered("devops-lead"))
    tale.add(6, t.ImpactMeasured(impact=impact()))
    sentences = told(tale)
    assert sentences[1] == "공지 초안 작성"
    assert sentences[2] == "문서 작성: INC/log.ko.md"
    assert sentences[3].startswith("체크리스트 (대응 엔진)")
    assert sentences[4] == "영향도 측정: 측정된 값 없음"
    assert sentences[5].startswith("호출 전달")
    assert sentences[6].startswith("영향도 측정")


def test_what_on_call_changed_is_told_with_its_reason() -> None:
    tale = Tale().add(0, opened())
    reasons = ("hand-over", "the guide changed", "cto stands in for dev-lead", "cto no longer stands in for platform")
    for reason in reasons:
        tale.add(1, t.PagesPlanned(pages=(), reason=reason))
    tale.add(2, t.PagesWithdrawn(page_ids=("a",), reason="neglected"))
    tale.add(2, t.PagesWithdrawn(page_ids=("a",), reason="severity P1 → P0"))
    tale.add(3, t.ScheduleGap(row="0", roles=("owner", "devops"), due_at=START))
    tale.add(4, t.IncidentNeglected(after_s=1800, tended_at=START))
    korean, english = told(tale), told(tale, "en")
    assert [line[line.index("(") :] for line in korean[1:6]] == [
        "(당직 교대)",
        "(가이드 변경)",
        "(개발팀장 대신 CTO)",
        "(platform의 대리 CTO 종료)",
        "(방치됨)",
    ]
    assert english[3].endswith("(CTO stands in for Development lead)")
    assert "(" not in english[6]
    assert (
        english[7]
        == "row 0: nobody is on call (owner of the service, DevOps); the next row and the 24/7 hotline are called"
    )
    assert korean[8] == "접수 뒤 30분 동안 아무 조치가 없어 에스컬레이션을 처음부터 다시 시작"


def test_nobody_reached_names_the_row_and_the_hotline_as_a_person() -> None:
    tale = Tale().add(0, opened())
    tale.add(1, t.NobodyReached(row="0", brought_forward=("pg_1", "pg_2"), hotline=("pg_3",)))
    tale.add(2, t.NobodyReached(row="60"))
    tale.add(3, delivered("hotline"))
    english = told(tale, "en")
    assert (
        english[1] == "row 0: nobody could be reached; the next row (2 pages) and the 24/7 hotline are called at once"
    )
    assert english[2] == "row 60: nobody could be reached, and there is no further row to call"
    assert "24/7 hotline" in english[3]


def test_a_kind_of_entry_without_words_is_named_by_its_type() -> None:
    tale = Tale().add(0, opened())
    tale.add(1, t.NoteAdded(text="*굵게* [링크](http://x)"), MINSU)
    assert told(tale)[1] == "메모 (minsu): *굵게* [링크](http://x)"
