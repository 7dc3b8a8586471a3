"""Acknowledging from outside the console: a mail's link, an answer to a text message, PagerDuty.

Each is one transaction. Who acts is known by what the page was sent with, never by what a stranger says; whoever does
not come first is told who holds it. Neither tokens nor codes are stored, logged or told in an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from judgify.kit.clock import iso, parse
from judgify.kit.errors import Denied
from judgify.kit.log import get_logger
from judgify.response import digest_code
from judgify.response import timeline as t
from judgify.response.acknowledgement import take
from judgify.response.desk import Desk, Work
from judgify.response.guide.people import Person
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import Actor, Page
from judgify.response.ports import Tx
from judgify.response.ticket import Tickets, standing

log = get_logger("judgify.response.acknowledge")
LINK: Final = "ack-link"
EVENT: Final = "pagerduty-event"
KEEP_USED: Final = timedelta(days=30)
"""How long a used link is known as used; it has run out long before."""
EVENT_AGE: Final = timedelta(hours=48)
"""PagerDuty repeats a webhook that failed for so long; anything older is refused, anything newer is taken once."""
AHEAD: Final = timedelta(minutes=5)
MERGES: Final = 10

State = Literal["open", "taken", "yours", "held", "over", "used", "expired", "invalid", "left"]
"""How a link stands. `left`: its person is no contact of the guide any more, or the account is disabled."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a link shows: how it stands, whose it is, which incidents, and when it was used or ran out."""

    state: State
    person: str = ""
    name: str = ""
    incidents: tuple[Incident, ...] = ()
    at: datetime | None = None

    @property
    def acts(self) -> bool:
        """Whether pressing the button would do something."""
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class PagerDutyEvent:
    """One event of a webhook (v3), as far as it is of use: what, when, who, and the key of the alert."""

    id: str
    type: str
    occurred_at: datetime
    key: str
    agent_id: str
    agent_name: str
    agent_email: str
    by_user: bool


class Acknowledging:
    """Handlers for what arrives from outside. `persons` are the guide's contacts by their keys."""

    def __init__(self, desk: Desk, tickets: Tickets, persons: Mapping[str, Person]) -> None:
        """Work at a desk."""
        self.desk = desk
        self.tickets = tickets
        self.persons = dict(persons)

    # -- a mail's link -----------------------------------------------------------------------------------------------

    async def look(self, token: str) -> Seen:
        """Say how a link stands; nothing is changed, since mail scanners follow links."""
        now = self.desk.clock.now()
        return await self.desk.ask(lambda tx: self._seen(tx, token, now))

    async def by_link(self, token: str) -> Seen:
        """Acknowledge by a link, once. Gives how it stood: `taken`, or why not and who holds it."""

        def work(job: Work) -> Seen:
            seen = self._seen(job.tx, token, job.now)
            if seen.state not in {"open", "yours", "held"}:
                return seen
            actor = Actor(kind="person", name=seen.person, detail="e-mail link")
            taken = [
                take(job, incident, actor, "email").incident
                for incident in seen.incidents
                if standing(incident, seen.person) in {None, "held"}
            ]
            page_id = token.partition(".")[0]
            body = {"at": iso(job.now), "found": seen.state}
            job.tx.keep(Kept(kind=LINK, id=page_id, owner=seen.person, until=job.now + KEEP_USED, body=body))
            changed = {incident.id: incident for incident in taken}
            incidents = tuple(changed.get(incident.id, incident) for incident in seen.incidents)
            state: State = "taken" if seen.state == "open" else seen.state
            return Seen(state, seen.person, seen.name, incidents, job.now)

        seen = await self.desk.command(work)
        if seen.state == "invalid":
            log.warning("a link that acknowledges was refused", reason="not genuine")
        return seen

    def _seen(self, tx: Tx, token: str, now: datetime) -> Seen:
        link = self.tickets.read(token)
        page = None if link is None else tx.page(link.page_id)
        if link is None or page is None:
            return Seen("invalid")
        incidents = incidents_of(tx, page)
        person = self.persons.get(page.person)
        name = page.person if person is None else person.shown

        def say(state: State, at: datetime | None = None, about: tuple[Incident, ...] = incidents) -> Seen:
            return Seen(state, page.person, name, about, at)

        used = tx.kept(LINK, page.id)
        if used is not None:
            return say("used", parse(str(used.body["at"])))
        if person is None or _disabled(tx, page.person):
            return say("left")
        told_at = digest_code.told_at(tx, page)
        open_ones = tuple(one for one in incidents if told_at >= one.begun_at)
        states = {standing(one, page.person) for one in open_ones}
        if now >= link.until or not open_ones:
            # What came back was told anew, with a link of its own.
            return say("expired", link.until if now >= link.until else None)
        if None in states:
            return say("open", link.until, open_ones)
        return say("held" if "held" in states else "yours" if "yours" in states else "over", None, open_ones)

    # -- PagerDuty ---------------------------------------------------------------------------------------------------

    async def by_pagerduty(self, sources: Sequence[str], event: PagerDutyEvent) -> str:
        """Take an event that PagerDuty signed; gives what came of it, for the answer. The same event twice is once.

        `sources` are the names of this installation in PagerDuty that the signature stands for. A person's
        acknowledgement or resolution there is an acknowledgement here; that it is over our own checks decide.
        """

        def work(job: Work) -> str:
            refused = self._not_taken(job, sources, event)
            if refused is not None:
                return refused
            job.tx.keep(Kept(kind=EVENT, id=event.id, until=job.now + EVENT_AGE + AHEAD))
            incident = _leading(job.tx, _of_key(sources, event.key))
            if incident is None:
                return "no-incident"
            if event.occurred_at < incident.begun_at:
                return "older-than-the-incident"
            actor = self._actor(event)
            if standing(incident, actor.name) == "over":
                return "over"
            first = take(job, incident, actor, "pagerduty").first
            if event.type == "incident.resolved":
                told = "PagerDuty에서 해결로 표시함. 복구는 자체 점검으로 확인합니다"
                job.append(incident.id, t.NoteAdded(text=told), actor=actor)
            return "taken" if first else "held"

        return await self.desk.command(work)

    def _not_taken(self, job: Work, sources: Sequence[str], event: PagerDutyEvent) -> str | None:
        if event.type not in {"incident.acknowledged", "incident.resolved"}:
            return "not-of-interest"
        if not event.by_user:
            # Our own acknowledge and resolve events come back as the integration's.
            return "not-by-a-person"
        if _of_key(sources, event.key) is None:
            return "not-ours"
        if not job.now - EVENT_AGE <= event.occurred_at <= job.now + AHEAD:
            return "too-old" if event.occurred_at < job.now else "from-the-future"
        return "repeat" if job.tx.kept(EVENT, event.id) is not None else None

    def _actor(self, event: PagerDutyEvent) -> Actor:
        mail = event.agent_email.lower()
        for key, person in self.persons.items():
            if (person.pagerduty is not None and person.pagerduty == event.agent_id) or (
                mail and person.email.lower() == mail
            ):
                return Actor(kind="person", name=key, detail=f"PagerDuty {event.agent_id}"[:200])
        # A space and parentheses are in no contact's key and no account's name, so nobody else is meant by it.
        shown = " ".join(event.agent_name.split())[:80] or event.agent_id or "unknown"
        return Actor(kind="person", name=f"{shown} (PagerDuty)", detail=f"PagerDuty {event.agent_id}"[:200])


def acknowledging_person(tx: Tx, persons: Mapping[str, Person], key: str) -> Person:
    """Give a contact who may acknowledge; `Denied` for one whose console account is disabled."""
    person = persons.get(key)
    if person is None or _disabled(tx, key):
        raise Denied(f"{key} is no contact who may acknowledge")
    return person


def _disabled(tx: Tx, person: str) -> bool:
    account = tx.user(person)
    return account is not None and account.disabled


def incidents_of(tx: Tx, page: Page) -> tuple[Incident, ...]:
    """Give what a page is about: its incident, or those that a digest names; of a merged one what it went on as."""
    digest = page.payload.get("digest")
    ids = [str(one) for one in digest] if isinstance(digest, list) else [page.incident_id]
    found = [incident for one in ids if one is not None and (incident := _leading(tx, one)) is not None]
    return tuple({incident.id: incident for incident in found}.values())


def _leading(tx: Tx, incident_id: str | None) -> Incident | None:
    incident = None if incident_id is None else tx.incident(incident_id)
    for _ in range(MERGES):
        if incident is None or incident.merged_into is None:
            break
        incident = tx.incident(incident.merged_into)
    return incident


def _of_key(sources: Sequence[str], key: str) -> str | None:
    return next((key.removeprefix(f"{one}:") for one in sources if key.startswith(f"{one}:")), None)
