"""On call as people ask for it and change it: who, from when to when, gaps, quick overrides, calendar addresses."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from judgify.kit.errors import Conflict, Invalid, NotFound
from judgify.kit.ids import new_id
from judgify.response import journal, planning
from judgify.response.accounts import digest
from judgify.response.desk import Desk, Work
from judgify.response.guide.base import SEVERITIES, SeverityName
from judgify.response.guide.schema import Guide
from judgify.response.kept import Kept
from judgify.response.model import UNSETTLED, Actor
from judgify.response.oncall.schedule import Schedule, Span, overlapping
from judgify.response.roster import Roster
from judgify.response.stand_in import STAND_IN, StandIn, current, read

LONGEST: Final = timedelta(days=90)
FURTHEST: Final = timedelta(days=366)
REMEMBERED: Final = timedelta(days=366)
"""So long after its end a stand-in is kept for the record."""
MANY: Final = 500
"""Stand-ins that may be made at once, and be still to come for all targets together."""
FEED: Final = "calendar-feed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A stand-in that somebody asks for. `source` names a calendar's event: the same one again replaces it."""

    person: str
    start: datetime
    end: datetime
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and which earlier stand-ins it covers for their common time: the one made last counts."""

    stand_in: StandIn
    covers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would come of a stand-in that is asked for.

    `new`, `changed` (the same event was read before), `same` (it is there already), or `refused`, and why. `covers`
    are the stand-ins of others that it would count before.
    """

    asked: Asked
    what: Literal["new", "changed", "same", "refused"]
    reason: str = ""
    covers: tuple[StandIn, ...] = ()


class OnCallDesk:
    """Handlers of what belongs to on call; each change is a single transaction that plans anew what is due."""

    def __init__(self, desk: Desk, guide: Guide) -> None:
        """Work at a desk, by a guide."""
        self._desk = desk
        self.guide = guide

    async def roster(self, *, past: bool = False) -> Roster:
        """Give the schedules with every stand-in of the present and the future; with `past` of the last year, too."""
        now = self._desk.clock.now()
        kept = await self._desk.ask(lambda tx: tx.all_kept(STAND_IN))
        return Roster(self.guide, [read(one) for one in kept] if past else current(kept, now))

    async def schedule(self, name: str, *, past: bool = False) -> Schedule:
        """Give one schedule with its stand-ins; `NotFound` names those that there are."""
        found = (await self.roster(past=past)).schedules.get(name)
        if found is None:
            known = ", ".join(self.guide.oncall.schedules) or "none: oncall.yaml has no schedule yet"
            raise NotFound(f"there is no schedule {name!r}; known are {known}")
        return found

    async def paged(self, moment: datetime, service: str, severity: SeverityName) -> list[tuple[int, str, list[str]]]:
        """Give (minute, role, persons) for every row of the matrix whose incident would begin at a moment."""
        roster = await self.roster()
        return [
            (row.from_minute, role, list(roster.persons(role, service, severity, at)))
            for row in self.guide.escalation.rows
            for at in (moment + timedelta(minutes=row.from_minute),)
            for role in row.cell(severity).roles
        ]

    async def gaps(self, first: datetime, until: datetime) -> list[tuple[str, SeverityName, Span]]:
        """Give (schedule, severity, span) of every stretch in which a schedule has nobody."""
        roster = await self.roster()
        return [
            (name, severity, span)
            for name, schedule in roster.schedules.items()
            for severity in SEVERITIES
            for span in schedule.gaps(first, until, severity)
        ]

    async def stand_ins(self, *, past: bool = False) -> list[StandIn]:
        """Give the stand-ins by beginning; with `past` also those that ended or were cancelled."""
        now = self._desk.clock.now()
        kept = await self._desk.ask(lambda tx: tx.all_kept(STAND_IN))
        found = [one for one in map(read, kept) if past or not one.is_over(now)]
        return sorted(found, key=lambda one: (one.start, one.id))

    async def stand_in(self, target: str, asked: Sequence[Asked], actor: Actor) -> list[Made]:
        """Let persons stand in for a schedule or a person. All of them are made, or none.

        Two at one time for the same target are no mistake: the one made last counts, and when it ends before the
        other, the other counts again. `Invalid` says what is wrong with which.
        """
        if len(asked) > MANY:
            raise Invalid(f"more than {MANY} at once")

        def work(job: Work) -> list[Made]:
            self._known_target(target)
            known = [read(kept) for kept in job.tx.all_kept(STAND_IN, owner=target)]
            made: list[Made] = []
            for one in asked:
                stand_in = self._checked(job.now, target, one, actor)
                same = _read_before(known, one)
                if same is not None:
                    if _alike(same, stand_in):
                        continue
                    known.remove(same)
                    job.tx.drop(STAND_IN, same.id)
                covers = tuple(old.id for old in _covered(stand_in, known, job.now))
                job.tx.keep(_kept(stand_in))
                job.journal(journal.StandInMade(stand_in=stand_in, covers=covers), actor=actor)
                known.append(stand_in)
                made.append(Made(stand_in, covers))
            if len([kept for kept in job.tx.all_kept(STAND_IN) if not read(kept).is_over(job.now)]) > MANY:
                raise Conflict(f"more than {MANY} overrides are still to come; cancel some first")
            if made:
                first = f"{made[0].stand_in.person} stands in for {target}"
                _plan_all(job, first if len(made) == 1 else f"{len(made)} overrides of {target}")
            return made

        return await self._desk.command(work)

    async def foresee(self, target: str, asked: Sequence[Asked], actor: Actor) -> list[Foreseen]:
        """Say what would come of each of these stand-ins, in their order; nothing is changed."""
        self._known_target(target)
        now = self._desk.clock.now()
        kept = await self._desk.ask(lambda tx: tx.all_kept(STAND_IN, owner=target))
        known = [read(one) for one in kept]
        found: list[Foreseen] = []
        for one in asked:
            try:
                stand_in = self._checked(now, target, one, actor)
            except Invalid as error:
                found.append(Foreseen(one, "refused", error.detail))
                continue
            same = _read_before(known, one)
            if same is not None and _alike(same, stand_in):
                found.append(Foreseen(one, "same"))
                continue
            if same is not None:
                known.remove(same)
            found.append(
                Foreseen(
                    one, "new" if same is None or same.cancelled_at else "changed", "", _covered(stand_in, known, now)
                )
            )
            known.append(stand_in)
        return found

    async def cancel(self, stand_in_id: str, actor: Actor) -> StandIn:
        """End a stand-in now, or take back one that has not begun. One that is over stays as it was: `Conflict`."""

        def work(job: Work) -> StandIn:
            kept = job.tx.kept(STAND_IN, stand_in_id)
            if kept is None:
                raise NotFound(f"there is no override {stand_in_id!r}")
            known = read(kept)
            if known.is_over(job.now):
                raise Conflict(f"{stand_in_id} is over already")
            cancelled = known.model_copy(update={"cancelled_at": job.now})
            job.tx.keep(_kept(cancelled))
            job.journal(journal.StandInCancelled(stand_in=cancelled), actor=actor)
            _plan_all(job, f"{known.person} no longer stands in for {known.target}")
            return cancelled

        return await self._desk.command(work)

    # -- calendar addresses ------------------------------------------------------------------------------------------

    async def new_feed(self, schedule: str, actor: Actor) -> tuple[str, Kept]:
        """Make a calendar address for a schedule; its token is given once and kept nowhere."""
        await self.schedule(schedule)
        token = secrets.token_urlsafe(32)

        def work(job: Work) -> Kept:
            body = {"id": new_id("cal"), "schedule": schedule, "by": str(actor), "made_at": job.now.isoformat()}
            kept = Kept(kind=FEED, id=digest(token), owner=schedule, body=body)
            job.tx.keep(kept)
            job.journal(journal.CalendarFeedMade(feed_id=body["id"], schedule=schedule), actor=actor)
            return kept

        return token, await self._desk.command(work)

    async def feeds(self) -> list[Kept]:
        """Give the calendar addresses, without their tokens."""
        return await self._desk.ask(lambda tx: tx.all_kept(FEED))

    async def feed(self, token: str) -> str:
        """Give the schedule of a calendar address; `NotFound` for one that never was or was revoked."""
        kept = await self._desk.ask(lambda tx: tx.kept(FEED, digest(token)))
        if kept is None or kept.owner not in self.guide.oncall.schedules:
            raise NotFound("there is no such calendar")
        return kept.owner

    async def revoke(self, feed_id: str, actor: Actor) -> Kept:
        """Let a calendar address answer no more."""

        def work(job: Work) -> Kept:
            kept = next((one for one in job.tx.all_kept(FEED) if one.body["id"] == feed_id), None)
            if kept is None:
                raise NotFound(f"there is no calendar address {feed_id!r}")
            job.tx.drop(FEED, kept.id)
            job.journal(journal.CalendarFeedRevoked(feed_id=feed_id, schedule=kept.owner), actor=actor)
            return kept

        return await self._desk.command(work)

    def _known_target(self, target: str) -> None:
        known = [*self.guide.oncall.schedules, *self.guide.contacts.persons]
        if target not in known:
            raise Invalid(f"{target!r} is neither a schedule nor a person; known are {', '.join(known)}", path="target")

    def _checked(self, now: datetime, target: str, asked: Asked, actor: Actor) -> StandIn:
        persons = self.guide.contacts.persons
        if asked.person not in persons:
            raise Invalid(f"{asked.person!r} is not in the contacts; known are {', '.join(persons)}", path="person")
        if asked.person == target:
            raise Invalid(f"{target} cannot stand in for themselves", path="person")
        start = max(asked.start, now)
        wrong: list[tuple[Callable[[], bool], str]] = [
            (lambda: asked.end <= now, f"its end {asked.end.isoformat()} is past"),
            (lambda: asked.end <= start, "its end is not after its start"),
            (lambda: asked.end - start > LONGEST, f"it is longer than {LONGEST.days} days"),
            (lambda: start - now > FURTHEST, f"it begins more than {FURTHEST.days} days ahead"),
        ]
        for is_wrong, why in wrong:
            if is_wrong():
                raise Invalid(f"the override of {target} by {asked.person} cannot be made: {why}", path="end")
        return StandIn(
            id=new_id("ovr"),
            target=target,
            person=asked.person,
            start=start,
            end=asked.end,
            reason=asked.reason,
            by=actor,
            made_at=now,
            source=asked.source,
        )


def _read_before(known: Sequence[StandIn], asked: Asked) -> StandIn | None:
    return next((old for old in known if asked.source and old.source == asked.source), None)


def _covered(stand_in: StandIn, known: Sequence[StandIn], now: datetime) -> tuple[StandIn, ...]:
    """Give those of others that overlap with one, as far as they are not over."""
    others = {old.id: old for old in known if not old.is_over(now)}
    pairs = overlapping([stand_in.override, *(old.override for old in others.values())])
    ids = [
        (later if earlier.id == stand_in.id else earlier).id
        for earlier, later in pairs
        if stand_in.id in {earlier.id, later.id}
    ]
    return tuple(others[one] for one in ids)


def _alike(one: StandIn, other: StandIn) -> bool:
    return (one.person, one.end, one.cancelled_at) == (other.person, other.end, None) and (
        one.start == other.start or one.start <= other.made_at == other.start
    )


def _kept(stand_in: StandIn) -> Kept:
    return Kept(
        kind=STAND_IN,
        id=stand_in.id,
        owner=stand_in.target,
        until=stand_in.end + REMEMBERED,
        body={"stand_in": stand_in.model_dump(mode="json")},
    )


def _plan_all(job: Work, reason: str) -> None:
    job.relieved()
    for incident in job.tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000):
        if incident.ongoing and incident.merged_into is None:
            planning.plan_anew(job, incident, reason, detours=True)
