"""Adds to a page what it can be acknowledged by: a mail's own link, a text message's code. Pure.

Only what reaches exactly one person carries one: a mail to a team's list, and a room that many read, do not.
"""

from dataclasses import replace
from typing import Final

from judgify.notify import Link, Message
from judgify.notify.message import REPEAT_MARK
from judgify.notify.text_message import SMS_BYTES, cut, fitting, size_of
from judgify.response.guide.base import Lang, Text
from judgify.response.guide.people import EmailChannel, SmsChannel
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.ticket import Tickets, code_line
from judgify.response.verification import VERIFY, Codes

_LINK: Final = Text(ko="바로 접수 (1회용, 24시간)", en="Acknowledge (single use, 24 h)")
_CODE_SUBJECT: Final = Text(ko="연락 수단 확인", en="Verify this contact method")
_CODE: Final = Text(
    ko="확인 코드 {code} (10분 동안 유효). 요청하지 않았다면 무시하세요",
    en="Your code is {code} (valid for 10 minutes). Ignore it if you did not ask",
)
LEAST: Final = 24
"""Bytes of a headline that must be left beside a code; less, and the message is not shortened to fit one SMS."""


def ticketed(
    message: Message, page: Page, incident: Incident | None, guide: Guide, *, tickets: Tickets, console_url: str
) -> Message:
    """Add link or code to a page that waits for a person's acknowledgement; anything else stays as it is."""
    digest = isinstance(page.payload.get("digest"), list)
    waits = digest or (incident is not None and incident.ongoing and not incident.held)
    if page.kind != "page" or not waits or page.person not in guide.contacts.persons:
        return message
    channel = guide.channels.get(page.channel)
    if isinstance(channel, EmailChannel) and channel.to is None:
        link = Link(_LINK.of(message.lang), f"{console_url}/ack?token={tickets.token(page)}")
        return replace(message, links=(link, *message.links))
    if isinstance(channel, SmsChannel) and channel.reply is not None and (digest or incident is not None):
        code = tickets.digest_code(page) if incident is None or digest else tickets.code(incident, page.person)
        mark = size_of(REPEAT_MARK[message.lang]) if message.possibly_repeat else 0
        short = with_code(message.short or message.subject, message.lang, code, room=SMS_BYTES - mark)
        # An LMS is written from the body, of which the end may be cut: its code comes first.
        return replace(message, short=short, body=f"{code_line(message.lang, code)}\n\n{message.body}")
    return message


def with_code(short: str, lang: Lang, code: str, room: int = SMS_BYTES) -> str:
    """Give a short text with its code: what fits one SMS without the code still does, its end cut visibly.

    `room` are the bytes of an SMS that are left, beside a mark that the channel puts before it.
    """
    line = code_line(lang, code)
    left = room - size_of(line) - 1
    whole = fitting(short)
    if size_of(whole) <= room and size_of(whole) > left >= LEAST:
        whole = cut(whole, left)
    return f"{whole} {line}"


def coded(message: Message, page: Page, codes: Codes) -> Message:
    """Write the message that carries the code of a contact method; any other stays as it is."""
    word = page.payload.get(VERIFY)
    if not isinstance(word, str):
        return message
    code = codes.code(page.person, page.channel, word)
    text = _CODE.of(message.lang).format(code=code)
    return replace(message, subject=_CODE_SUBJECT.of(message.lang), body=text, short=text)
