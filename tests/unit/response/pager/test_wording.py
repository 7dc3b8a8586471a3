from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.response import GUIDE, incident_of

from judgify.response.model import Actor, IncidentKey, Page
from judgify.response.pager.wording import message_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "http://127.0.0.1:8010"


def page_of(**more: Any) -> Page:
    values: dict[str, Any] = {
        "id": "pg_1",
        "incident_id": "INC-2026-0001",
        "kind": "page",
        "person": "devops-lead",
        "role": "devops",
        "channel": "mailbox",
        "row": "0",
        "due_at": NOON,
        "created_at": NOON,
        **more,
    }
    return Page.model_validate(values)


def test_a_page_says_what_who_and_what_to_do() -> None:
    message = message_of(page_of(), incident_of("judgment", NOON), GUIDE, console_url=URL)
    assert (message.kind, message.severity, message.incident_id, message.lang) == ("page", "P1", "INC-2026-0001", "ko")
    assert message.subject == "[P1] 판단 서비스: 서비스 다운 (INC-2026-0001)"
    for text in ("담당자로 호출되었습니다", "2026-03-02 21:00:00 KST", "judgify incident ack INC-2026-0001", "핫라인"):
        assert text in message.body
    assert message.links[0].url == f"{URL}/incidents/INC-2026-0001"


def test_in_english_too() -> None:
    message = message_of(page_of(), incident_of("judgment", NOON), GUIDE, console_url=URL, lang="en")
    assert "You are being paged" in message.body
    assert "Judgment Service" in message.subject


def test_where_life_is_at_risk_112_and_119_come_before_everything_else() -> None:
    incident = incident_of("judgment", NOON, life_at_risk=True, known=False)
    message = message_of(page_of(possibly_repeat=True), incident, GUIDE, console_url=URL)
    assert message.body.splitlines()[0] == GUIDE.notices.life_at_risk.ko
    assert message.subject.startswith(GUIDE.notices.life_at_risk.ko)
    assert "112/119" in message.subject
    assert GUIDE.notices.possible_repeat.ko in message.body
    assert GUIDE.notices.unknown_signal.ko in message.body
    assert message.possibly_repeat


def test_repeats_drills_and_later_rows_say_what_they_are() -> None:
    drill = incident_of("judgment", NOON, key=IncidentKey(root="judgment", failure_class="service", drill="d1"))
    assert message_of(page_of(), drill, GUIDE, console_url=URL).subject.startswith("[훈련] [P1]")
    again = message_of(page_of(repeat=2), drill, GUIDE, console_url=URL)
    assert "2번째 반복 호출" in again.body
    assert again.dedup_key != message_of(page_of(), drill, GUIDE, console_url=URL).dedup_key
    held = incident_of("judgment", NOON, acknowledged_by=Actor(kind="person", name="minsu"))
    later = message_of(page_of(kind="information"), held, GUIDE, console_url=URL)
    assert later.kind == "notice"
    assert "minsu" in later.body
    assert "incident ack" not in later.body


def test_an_attempt_keeps_the_key_of_its_page() -> None:
    incident = incident_of("judgment", NOON)
    keys = {message_of(page_of(attempt=n), incident, GUIDE, console_url=URL).dedup_key for n in range(3)}
    assert len(keys) == 1


def test_an_approval_shows_what_would_be_done() -> None:
    payload = {
        "approval": "apr_1",
        "text": {"ko": "재시작합니다", "en": "Restart"},
        "command": "kubectl rollout restart x",
    }
    message = message_of(
        page_of(kind="notice", row="approval", payload=payload), incident_of("judgment", NOON), GUIDE, console_url=URL
    )
    for text in ("재시작합니다", "kubectl rollout restart x", "judgify incident approve apr_1"):
        assert text in message.body
    bare = {"approval": "apr_1", "text": "as text"}
    assert (
        "as text"
        in message_of(page_of(kind="notice", payload=bare), incident_of("judgment", NOON), GUIDE, console_url=URL).body
    )


def test_an_announcement_is_told_as_it_was_written() -> None:
    payload = {"announcement": "internal", "text": {"ko": "🚨 [P1 장애] …", "en": "…"}}
    message = message_of(page_of(kind="notice", payload=payload), incident_of("judgment", NOON), GUIDE, console_url=URL)
    assert message.body == "🚨 [P1 장애] …"


@pytest.mark.parametrize(
    ("payload", "subject"),
    [
        ({"test": True}, "시험 호출"),
        ({"subject": {"ko": "할 일 기한", "en": "due"}, "text": "내용"}, "할 일 기한"),
        ({}, "시험 호출"),
    ],
)
def test_a_page_without_an_incident(payload: dict[str, Any], subject: str) -> None:
    message = message_of(page_of(kind="test", incident_id=None, payload=payload), None, GUIDE, console_url=URL)
    assert message.subject == subject
    assert "시험 호출" in message.body
    assert message.links == ()


def test_a_service_that_the_guide_does_not_know_keeps_its_name() -> None:
    assert "some-cable" in message_of(page_of(), incident_of("some-cable", NOON), GUIDE, console_url=URL).subject


def test_a_title_that_names_the_service_does_not_name_it_twice() -> None:
    incident = incident_of("judgment", NOON, title="판단 서비스: 서비스 다운")
    assert message_of(page_of(), incident, GUIDE, console_url=URL).subject.count("판단 서비스") == 1
