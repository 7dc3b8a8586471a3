"""What the engine writes down by itself: scope, announcement, impact, documents. Each follows from what is stored."""

import asyncio
import hashlib
from collections.abc import Awaitable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Literal

from judgify.kit.files import write_atomic
from judgify.kit.log import get_logger
from judgify.response import timeline as t
from judgify.response.capture import Capturer, as_document
from judgify.response.desk import Desk, Work
from judgify.response.engine import Engine
from judgify.response.incident import Incident
from judgify.response.model import ENGINE, Actor, Announcement, DocumentKind, Lang, Scope
from judgify.response.ports import Documents

log = get_logger("judgify.response.scribe")
KINDS: Final[tuple[DocumentKind, ...]] = ("announcement", "log", "postmortem")
LANGS: Final[tuple[Lang, ...]] = ("ko", "en")
AT_START: Final = 50
"""Of how many incidents a restarted engine looks whether something was left unwritten."""
AGAIN: Final = timedelta(seconds=10)
"""How long after a failed try the same thing is tried again."""


SCOPE_AGAIN: Final = timedelta(seconds=15)
"""How soon a scope that could not be measured wholly is taken again."""
GIVES_UP: Final = timedelta(minutes=15)
"""After the first 15 minutes the scope is taken again only when somebody asks."""


def _unmeasured(incident: Incident) -> bool:
    return incident.ongoing and incident.scope is not None and bool(incident.scope.missing)


class Shelf:
    """Where documents lie as files: `<folder>/<incident>/<kind>.<lang>.md`, mode 0600."""

    def __init__(self, folder: Path) -> None:
        """Keep them in a folder, made when needed."""
        self._folder = folder

    def put(self, incident_id: str, kind: DocumentKind, lang: Lang, text: str) -> str:
        """Write one document; give its path within the folder."""
        folder = self._folder / incident_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{kind}.{lang}.md"
        write_atomic(folder / name, text.encode(), 0o600)
        return f"{incident_id}/{name}"


class Scribe:
    """Writes beside the loop, so that a slow platform holds up no page."""

    def __init__(
        self, desk: Desk, engine: Engine, capturer: Capturer, documents: Documents, shelf: Shelf | None
    ) -> None:
        """Write with these; without a shelf documents are only rendered when asked for."""
        self._desk = desk
        self._engine = engine
        self._capturer = capturer
        self._documents = documents
        self._shelf = shelf
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, datetime] = {}
        self._looked: dict[str, datetime] = {}
        """When the scope of an incident was last read, whatever came of it."""
        self._followed: set[str] | None = None

    async def begin(self) -> None:
        """Start whatever is missing and not under way."""
        now = self._desk.clock.now()
        if self._followed is None:
            self._followed = {incident.id for incident in await self._desk.ask(lambda tx: tx.incidents(limit=AT_START))}
        self._followed |= self._desk.touched
        self._desk.touched.clear()
        for key in sorted(self._followed):
            if key in self._under_way or self._not_before.get(key, now) > now:
                continue
            incident = await self._desk.incident(key)
            work = None if incident.merged_into is not None else self._missing(incident, now)
            if work is None and _unmeasured(incident) and now - incident.started_at < GIVES_UP:
                continue  # a source that was down is asked again
            if work is None:
                self._looked.pop(key, None)
                # Whatever is missing next follows from an entry, and with an entry it is followed again.
                self._followed.discard(key)
            else:
                task = asyncio.create_task(self._try(key, work), name=f"scribe-{key}")
                self._under_way[key] = task
                task.add_done_callback(partial(self._ended, key))

    def _missing(self, incident: Incident, now: datetime) -> Awaitable[None] | None:
        if incident.ongoing:
            if incident.scope is None or self._again(incident, now):
                return self._scope(incident, now)
            if not incident.announcements:
                return self._announce(incident)
            return None
        if incident.impact is None or not incident.impact.get("final"):
            return self._impact(incident, now)
        if self._shelf is not None and incident.written_for != incident.state:
            return self._write(incident)
        return None

    def _again(self, incident: Incident, now: datetime) -> bool:
        if incident.scope is None or not _unmeasured(incident) or now - incident.started_at >= GIVES_UP:
            return False
        return now - max(incident.scope.at, self._looked.get(incident.id, incident.scope.at)) >= SCOPE_AGAIN

    def _ended(self, key: str, _: "asyncio.Task[None]") -> None:
        self._under_way.pop(key, None)
        self._desk.wake.set()

    async def finish(self) -> None:
        """Wait until everything that is missing is written (for stories)."""
        for _ in range(20):
            if not self._under_way:
                await self.begin()
            if not self._under_way:
                return
            await asyncio.wait(list(self._under_way.values()))

    def cancel(self) -> None:
        """Drop what is under way; it follows from the store again after the next start."""
        for task in list(self._under_way.values()):
            task.cancel()

    async def _try(self, key: str, work: Awaitable[None]) -> None:
        try:
            await work
            self._not_before.pop(key, None)
        except Exception:  # boundary: one fault must not end the loop
            log.exception("could not write down", incident=key)
            self._not_before[key] = self._desk.clock.now() + AGAIN

    async def _scope(self, incident: Incident, now: datetime) -> None:
        again = incident.scope is not None
        self._looked[incident.id] = now
        scope = await self._capturer.scope(incident, now)
        if again and incident.scope is not None and scope.missing == incident.scope.missing:
            # Nothing more can be measured than before: that is said already.
            return
        await self._keep(incident, scope, now, ENGINE)

    async def refresh(self, incident_id: str, actor: Actor) -> Incident:
        """Take the scope anew, for a person; the one before stays on the timeline."""
        incident = await self._desk.incident(incident_id)
        now = self._desk.clock.now()
        return await self._keep(incident, await self._capturer.scope(incident, now), now, actor)

    async def _keep(self, incident: Incident, scope: Scope, now: datetime, actor: Actor) -> Incident:
        """Write a scope down and tick what it really shows: what could not be measured ticks nothing."""
        measured = self._capturer.impact(incident, now)
        impact = as_document(measured, final=False)

        def work(job: Work) -> Incident:
            events: list[t.Event] = [t.ScopeCaptured(scope=scope)]
            if job.incident(incident.id).ongoing:
                events.append(t.ImpactMeasured(impact=impact))
            done: list[tuple[str, str]] = []
            if scope.units:
                done.append(("scope_attached", ", ".join(scope.units_down)))
            if measured is not None:
                done.append(("impact_attached", ""))
            if scope.events:
                done.append(("events_attached", f"{len(scope.events)} events"))
            known = job.incident(incident.id).checklist
            how: Literal["machine", "person"] = "machine" if actor == ENGINE else "person"
            events += [t.ChecklistDone(item=item, how=how, detail=detail) for item, detail in done if item not in known]
            return job.append(incident.id, *events, actor=actor)

        return await self._desk.command(work)

    async def _announce(self, incident: Incident) -> None:
        texts = await self._texts("announcement", incident)
        drafted = Announcement(audience="internal", text=texts, drafted_at=self._desk.clock.now())
        await self._desk.command(lambda job: job.append(incident.id, t.AnnouncementDrafted(announcement=drafted)))
        # In the house it is told by the engine; customers hear from a commander (guide 3.1 step 3, G10).
        await self._engine.announce(incident.id, "internal", {str(lang): text for lang, text in texts.items()}, ENGINE)

    async def _impact(self, incident: Incident, now: datetime) -> None:
        impact = as_document(self._capturer.impact(incident, now), final=True)
        await self._desk.command(lambda job: job.append(incident.id, t.ImpactMeasured(impact=impact)))

    async def _write(self, incident: Incident) -> None:
        shelf = self._shelf
        if shelf is None:  # pragma: no cover - asked before
            return
        written: list[t.Event] = []
        for kind in KINDS:
            for lang, text in (await self._texts(kind, incident)).items():
                path = await asyncio.to_thread(shelf.put, incident.id, kind, lang, text)
                digest = hashlib.sha256(text.encode()).hexdigest()
                written.append(t.DocumentWritten(kind=kind, lang=lang, path=path, digest=digest))
        await self._desk.command(lambda job: job.append(incident.id, *written))

    async def _texts(self, kind: DocumentKind, incident: Incident) -> dict[Lang, str]:
        entries = await self._desk.ask(lambda tx: tx.entries(incident.id))
        return {lang: await asyncio.to_thread(self._documents.render, kind, lang, incident, entries) for lang in LANGS}
