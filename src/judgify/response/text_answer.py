"""Answers to text messages: `접수 1234`, and `접수 12345` for all that a storm's digest named.

Who answers is known by the number that contacts.yaml has for a person.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from judgify.kit.clock import iso, parse, show
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response import digest_code
from judgify.response.acknowledge import acknowledging_person, incidents_of
from judgify.response.acknowledgement import take
from judgify.response.desk import Desk, Work
from judgify.response.guide.base import Text, unfilled
from judgify.response.guide.people import Person
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import UNSETTLED, Actor, Lang, Page
from judgify.response.subscriber import SUBSCRIBER
from judgify.response.ticket import Answer, Tickets, read_answer, standing

log = get_logger("judgify.response.acknowledge")
ONCE: Final = "sms-answer"
WRONG: Final = "sms-wrong"
STRANGER: Final = "sms-stranger"
KEEP_ONCE: Final = timedelta(days=2)
LOCK: Final = timedelta(minutes=15)
WRONG_MAX: Final = 5
"""Wrong codes of one number within `LOCK`; afterwards no code of that number counts until it is over."""
RECENT: Final = 20
"""Newest settled incidents that an answer may come late for."""
STRANGERS_MAX: Final = 20
"""Strangers who are answered within `LOCK`; each one once. Nobody can make us write to many."""

_TAKEN: Final = Text(ko="{id} 접수되었습니다. 담당: {name}", en="{id}: acknowledged. Held by {name}")
_YOURS: Final = Text(ko="{id} 이미 접수하셨습니다", en="{id}: you hold it already")
_ALL_TAKEN: Final = Text(
    ko="장애 {n}건 모두 접수되었습니다. 담당: {name}", en="{n} incidents acknowledged. Held by {name}"
)
_ALL_YOURS: Final = Text(ko="이미 모두 접수하셨습니다", en="You hold all of them already")
_ALL_HELD: Final = Text(ko="이미 {name} 님이 담당합니다 ({n}건)", en="{name} holds them already ({n})")
_ALL_OVER: Final = Text(ko="모두 이미 해결되었습니다", en="All of them are resolved already")
_HELD: Final = Text(ko="{id} 이미 {name} 님이 담당합니다 ({at})", en="{id}: {name} holds it already ({at})")
_OVER: Final = Text(ko="{id} 이미 해결되었습니다", en="{id}: it is resolved already")
_WRONG: Final = Text(ko="코드가 맞지 않습니다. 접수되지 않았습니다", en="Wrong code. Nothing was acknowledged")
_LOCKED: Final = Text(
    ko="틀린 코드가 너무 많습니다. 15분 뒤에 다시 하거나 콘솔을 쓰세요",
    en="Too many wrong codes. Wait 15 min or use the console",
)
_HOW: Final = Text(
    ko="'접수 1234'처럼 회신하세요 (1234는 받은 코드)", en="Answer like: ack 1234 (the code you were sent)"
)
_UNCLEAR: Final = Text(
    ko="두 가지에 맞는 코드입니다. 콘솔에서 접수하세요", en="The code fits two of them; use the console"
)
_STRANGER: Final = Text(
    ko="등록되지 않은 번호입니다. 접수되지 않았습니다", en="Unknown number. Nothing was acknowledged"
)
_SUBJECT: Final = Text(ko="회신", en="Answer")


@dataclass(frozen=True, slots=True)
class Told:
    """What came of an answer: a word of a closed set, and what whoever answered is told (nothing for a repeat)."""

    result: str
    text: str = ""


class TextAnswers:
    """Takes what gateways hand over. Everything is one transaction, the answer to the sender included."""

    def __init__(self, desk: Desk, tickets: Tickets, persons: Mapping[str, Person]) -> None:
        """Work at a desk; `persons` are the guide's contacts by their keys."""
        self._desk = desk
        self._tickets = tickets
        self._persons = dict(persons)

    async def take(self, channel: str, number: str, text: str, once: str | None = None) -> Told:
        """Take one answer that came in through a channel; `once` is the gateway's own number of it.

        Only a known number with a code of its own person changes anything; everybody else is told so and logged.
        """
        told = await self._desk.command(lambda job: self._take(job, channel, number, text, once))
        if told.result not in {"taken", "yours", "held", "repeat"}:
            log.warning("an answer by text message changed nothing", channel=channel, reason=told.result)
        return told

    def _take(self, job: Work, channel: str, number: str, text: str, once: str | None) -> Told:
        if once is not None:
            key = _digest(channel, once)
            if job.tx.kept(ONCE, key) is not None:
                return Told("repeat")
            job.tx.keep(Kept(kind=ONCE, id=key, until=job.now + KEEP_ONCE))
        plain = same_number(number)
        mine = [
            key for key, one in self._persons.items() if not unfilled(one.phone) and same_number(one.phone) == plain
        ]
        if not plain or not mine:
            return self._stranger(job, channel, plain)
        return self._known(job, channel, plain, mine, text)

    def _known(self, job: Work, channel: str, number: str, mine: list[str], text: str) -> Told:
        answer = read_answer(text)
        lang: Lang = "ko" if answer is None else answer.lang
        if answer is None:
            return self._say(job, channel, mine[0], "unreadable", _HOW.of(lang))
        if self._wrong(job, number) >= WRONG_MAX:
            return self._say(job, channel, mine[0], "locked", _LOCKED.of(lang))
        if answer.of_digest:
            return self._digest(job, channel, number, mine, answer)
        fitting = [
            (person, incident)
            for incident in _recent(job)
            if incident.merged_into is None
            for person in mine
            if self._tickets.is_code(answer.code, incident, person)
        ]
        if len({incident.id for _, incident in fitting}) > 1:
            return self._say(job, channel, mine[0], "unclear", _UNCLEAR.of(lang))
        if not fitting:
            self._count(job, number)
            return self._say(job, channel, mine[0], "wrong-code", _WRONG.of(lang))
        return self._acknowledge(job, channel, *fitting[0], lang)

    def _acknowledge(self, job: Work, channel: str, person: str, incident: Incident, lang: Lang) -> Told:
        shown = acknowledging_person(job.tx, self._persons, person).shown
        found = standing(incident, person)
        if found == "over":
            return self._say(job, channel, person, "over", _OVER.of(lang).format(id=incident.id))
        if found != "yours":
            incident = take(job, incident, Actor(kind="person", name=person, detail="SMS"), "sms").incident
        if found is None:
            return self._say(job, channel, person, "taken", _TAKEN.of(lang).format(id=incident.id, name=shown))
        if found == "yours":
            return self._say(job, channel, person, "yours", _YOURS.of(lang).format(id=incident.id))
        name = self._holder(incident)
        at = "" if incident.acknowledged_at is None else show(incident.acknowledged_at)[11:16]
        return self._say(job, channel, person, "held", _HELD.of(lang).format(id=incident.id, name=name, at=at))

    def _digest(self, job: Work, channel: str, number: str, mine: list[str], answer: Answer) -> Told:
        fitting = [
            one
            for person in mine
            for one in digest_code.told_to(job.tx, person, job.now)
            if self._tickets.is_digest_code(answer.code, one.page)
        ]
        if len(fitting) > 1:
            return self._say(job, channel, mine[0], "unclear", _UNCLEAR.of(answer.lang))
        if not fitting:
            self._count(job, number)
            return self._say(job, channel, mine[0], "wrong-code", _WRONG.of(answer.lang))
        return self._take_all(job, channel, fitting[0], answer.lang)

    def _take_all(self, job: Work, channel: str, told: digest_code.ToldDigest, lang: Lang) -> Told:
        """Take everything that a digest named and that still waits, in one transaction."""
        person = told.page.person
        shown = acknowledging_person(job.tx, self._persons, person).shown
        named = [one for one in incidents_of(job.tx, told.page) if told.means(one)]
        stands = [(one, standing(one, person)) for one in named]
        waiting = [one for one, found in stands if found is None]
        actor = Actor(kind="person", name=person, detail="SMS")
        for incident, found in stands:
            if found in {None, "held"}:
                take(job, incident, actor, "sms")
        if waiting:
            text = _ALL_TAKEN.of(lang).format(n=len(waiting), name=shown)
            return self._say(job, channel, person, "taken", text)
        held = [one for one, found in stands if found == "held"]
        if held:
            text = _ALL_HELD.of(lang).format(n=len(held), name=self._holder(held[0]))
            return self._say(job, channel, person, "held", text)
        if any(found == "yours" for _, found in stands):
            return self._say(job, channel, person, "yours", _ALL_YOURS.of(lang))
        return self._say(job, channel, person, "over", _ALL_OVER.of(lang))

    def _holder(self, incident: Incident) -> str:
        """Give who holds an incident, as people call them."""
        known = None if incident.holder is None else self._persons.get(incident.holder.name)
        return str(incident.holder) if known is None else known.shown

    def _stranger(self, job: Work, channel: str, number: str) -> Told:
        recent = [one for one in job.tx.all_kept(STRANGER) if one.until is not None and one.until > job.now]
        key = _digest(channel, number)
        if not number or len(recent) >= STRANGERS_MAX or any(one.id == key for one in recent):
            return Told("unknown-number")
        job.tx.keep(Kept(kind=STRANGER, id=key, until=job.now + LOCK))
        text = f"{_STRANGER.ko} / {_STRANGER.en}"
        # As with a subscriber, the number stays no longer than the answer is owed.
        job.save_pages(
            [self._page(job, channel, f"{SUBSCRIBER}answer", _STRANGER.ko).model_copy(update={"address": number})]
        )
        return Told("unknown-number", text)

    def _say(self, job: Work, channel: str, person: str, result: str, text: str) -> Told:
        job.save_pages([self._page(job, channel, person, text)])
        return Told(result, text)

    @staticmethod
    def _page(job: Work, channel: str, person: str, text: str) -> Page:
        return Page(
            id=new_id("pg"),
            incident_id=None,
            kind="notice",
            person=person,
            role="answer",
            channel=channel,
            row="answer",
            due_at=job.now,
            created_at=job.now,
            wakes=False,
            payload={"subject": {"ko": _SUBJECT.ko, "en": _SUBJECT.en}, "text": text, "short": text},
        )

    @staticmethod
    def _wrong(job: Work, number: str) -> int:
        known = job.tx.kept(WRONG, _digest(number))
        times = [] if known is None else [parse(str(at)) for at in known.body["at"]]
        return sum(job.now - at < LOCK for at in times)

    @staticmethod
    def _count(job: Work, number: str) -> None:
        key = _digest(number)
        known = job.tx.kept(WRONG, key)
        times = [] if known is None else [str(at) for at in known.body["at"]]
        body = {"at": [*times[-WRONG_MAX:], iso(job.now)]}
        job.tx.keep(Kept(kind=WRONG, id=key, until=job.now + LOCK, body=body))


def _recent(job: Work) -> list[Incident]:
    """Give what an answer may still mean; a late one is told that it is over rather than that its code is wrong."""
    settled = job.tx.incidents(states=("resolved", "closed"), limit=RECENT)
    return [*job.tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000), *settled]


def same_number(number: str) -> str:
    """Give a telephone number in its one form, by which two ways of writing it compare; empty when it is none."""
    digits = "".join(mark for mark in number if mark in "+0123456789")
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if digits.startswith("+"):
        return f"+82{digits[3:].removeprefix('0')}" if digits.startswith("+82") else digits
    if digits.startswith("82") and len(digits) >= 11:
        return f"+82{digits[2:].removeprefix('0')}"
    return f"+82{digits[1:]}" if digits.startswith("0") else digits


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
