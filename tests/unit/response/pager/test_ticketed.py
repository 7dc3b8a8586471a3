"""What a page carries to be acknowledged by: only what one person reads has it, and an SMS stays one."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.response_world import default_guide
from tests.support.tale import ID, MINSU, START, Tale, opened

from judgify.notify import Message
from judgify.notify.message import REPEAT_MARK, headline, plain_text, short_text
from judgify.notify.text_message import SMS_BYTES, size_of, text_message
from judgify.response import timeline as t
from judgify.response.guide.people import SmsReply
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.pager.ticketed import coded, ticketed, with_code
from judgify.response.ticket import Tickets
from judgify.response.verification import VERIFY, Codes

TICKETS = Tickets("s" * 40)
CONSOLE = "https://ops.example.com"
SAID = Message(kind="page", subject="[P1] x", body="y", dedup_key="k", short="[P1] 판단 서비스 다운")


def guide() -> Guide:
    known = default_guide()
    reply = SmsReply(token="env:SMS_REPLY")
    channels = dict(known.channels)
    channels["sms"] = channels["sms"].model_copy(update={"reply": reply})
    return replace(known, channels=channels)


def page(channel: str, **fields: Any) -> Page:
    given = {
        "id": "pg_1", "incident_id": ID, "kind": "page", "person": "dev-lead", "role": "owner", "channel": channel,
        "row": "0:page:dev-lead", "due_at": START, "created_at": START, **fields,
    }  # fmt: skip
    return Page.model_validate(given)


def told(one: Page, incident: Incident | None, known: Guide | None = None) -> Message:
    return ticketed(SAID, one, incident, known or guide(), tickets=TICKETS, console_url=CONSOLE)


def incident() -> Incident:
    return Tale().add(0, opened()).incident


def test_a_mail_to_a_person_has_a_link_and_a_text_message_a_code() -> None:
    mail = page("email-person")
    assert told(mail, incident()).links[0].url == f"{CONSOLE}/ack?token={TICKETS.token(mail)}"
    assert told(mail, incident()).short == SAID.short
    code = TICKETS.code(incident(), "dev-lead")
    assert told(page("sms"), incident()).short == f"[P1] 판단 서비스 다운 회신: 접수 {code}"
    bare = ticketed(replace(SAID, short=""), page("sms"), incident(), guide(), tickets=TICKETS, console_url=CONSOLE)
    assert bare.short == f"[P1] x 회신: 접수 {code}"


@pytest.mark.parametrize(
    "one",
    [
        page("email-ops-team"),
        page("slack-critical"),
        page("console"),
        page("no-such-channel"),
        page("email-person", person="hotline"),
        page("email-person", kind="information"),
        page("email-person", kind="report"),
    ],
)
def test_what_many_read_or_nobody_must_acknowledge_has_neither(one: Page) -> None:
    assert told(one, incident()) == SAID


def test_without_answers_switched_on_there_is_no_code() -> None:
    assert told(page("sms"), incident(), default_guide()) == SAID


def test_what_is_held_or_over_has_neither() -> None:
    held = Tale().add(0, opened()).add(1, t.IncidentAcknowledged(), MINSU).incident
    over = Tale().add(0, opened()).add(1, t.IncidentResolved(reason="x"), MINSU).incident
    for one in (held, over, None):
        assert told(page("email-person"), one) == SAID


def test_a_digest_of_a_storm_has_a_link() -> None:
    digest = page("email-person", incident_id=None, payload={"digest": [ID], "count": 7})
    assert "/ack?token=" in told(digest, None).links[0].url


def test_a_digest_of_a_storm_has_one_code_for_all_that_it_names() -> None:
    digest = page("sms", row="digest:pg_1", payload={"digest": [ID], "count": 7})
    code = TICKETS.digest_code(digest)
    assert told(digest, incident()).short == f"[P1] 판단 서비스 다운 회신(모두): 접수 {code}"
    assert told(digest.model_copy(update={"incident_id": None}), None).short == told(digest, incident()).short
    assert told(digest.model_copy(update={"kind": "notice"}), incident()) == SAID
    # What is too long for an SMS is an LMS: its text begins with the code, since its end may be cut.
    assert told(digest, incident()).body == f"회신(모두): 접수 {code}\n\ny"


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("name", ["판단 서비스: 응답이 없습니다", "가" * 200, "x", "Judgment service does not answer"])
async def test_a_text_message_never_loses_its_code(lang: Any, name: str) -> None:
    for row, payload in (("digest:pg_1", {"digest": [ID], "count": 50}), ("0:page:dev-lead", {})):
        one = page("sms", row=row, payload=payload)
        code = TICKETS.digest_code(one) if payload else TICKETS.code(incident(), "dev-lead")
        for repeat in (False, True):
            said = Message("page", f"[P1] {name}", "y" * 5_000, "k", lang=lang, possibly_repeat=repeat)
            message = ticketed(said, one, incident(), guide(), tickets=TICKETS, console_url=CONSOLE)
            mark = REPEAT_MARK[message.lang] if repeat else ""
            sent = text_message(mark + short_text(message), headline(message), plain_text(message))
            assert code in sent.text, sent
            assert (sent.kind == "SMS") == (sent.size <= SMS_BYTES) == (len(name) < 100)


def test_what_fits_one_sms_still_does_with_its_code() -> None:
    for length in range(1, 60):
        text = "가" * length
        whole = with_code(text, "ko", "0042")
        assert whole.endswith(" 회신: 접수 0042")
        assert (size_of(whole) <= SMS_BYTES) == (size_of(text) <= SMS_BYTES), length
    assert with_code("가" * 20, "en", "0042") == "가" * 20 + " Reply: ack 0042"


def test_a_code_of_a_contact_method_is_in_its_own_message_only() -> None:
    codes = Codes("s" * 40)
    asks = page("sms", incident_id=None, kind="test", payload={VERIFY: "word"})
    code = codes.code("dev-lead", "sms", "word")
    assert coded(SAID, asks, codes).short == f"확인 코드 {code} (10분 동안 유효). 요청하지 않았다면 무시하세요"
    assert size_of(coded(SAID, asks, codes).short) <= SMS_BYTES
    assert code in coded(replace(SAID, lang="en"), asks, codes).body
    assert coded(SAID, page("sms"), codes) == SAID
    assert coded(SAID, page("sms", payload={VERIFY: 1}), codes) == SAID
