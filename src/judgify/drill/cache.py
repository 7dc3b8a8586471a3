"""`redis-down`: signed-in people judge all the while; the fault shows as looks into the cache that nobody answers."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from judgify.drill import judge
from judgify.drill.act import Act, Struck, until
from judgify.drill.judge import Ruling, Sample
from judgify.drill.load import Load
from judgify.kit.client import ServiceClient
from judgify.kit.errors import Conflict, JudgifyError

ACCOUNT: Final = "drill-person"
PEOPLE: Final = 10
SLEEPERS: Final = 3
"""Signed in besides, and silent until the fault: the gateway holds nothing fresh of them, so what they ask the moment
Redis is dead is looked up there for certain, however soon it is started again."""
_APART_S: Final = 1.34
"""Between two sign-ins. A session is looked up every five seconds; ten people out of step make two looks a second."""
_LOOK_S: Final = 0.25
_SERIES: Final = re.compile(
    r'^judgify_gateway_record_lookups_total\{[^}]*result="(hit|miss|away)"[^}]*\} (\S+)', re.MULTILINE
)

Counts = dict[str, float]


def counts(text: str) -> Counts:
    """Read what the gateway's looks into the cache gave, from its metrics."""
    found = {"hit": 0.0, "miss": 0.0, "away": 0.0}
    for result, value in _SERIES.findall(text):
        found[result] += float(value)
    return found


def cache_sample(before: Counts, after: Counts, at: float) -> Sample | None:
    """Judge the looks between two readings: right when one hit and none met a cache that is away.

    None where nothing can be said: nobody looked, or only for what the cache did not hold (a miss is its right answer).
    """
    hits, aways = after["hit"] - before["hit"], after["away"] - before["away"]
    if aways > 0:
        return Sample(at, at, right=False, status=0)
    return Sample(at, at, right=True, status=200) if hits > 0 else None


@dataclass(slots=True)
class _Person:
    client: ServiceClient
    refresh_token: str


@dataclass(slots=True)
class _Seen:
    samples: list[Sample] = field(default_factory=list)
    first: Counts | None = None
    last: Counts | None = None
    refreshed: bool | None = None
    still: int = 0
    awake: int = 0


class RedisDown(Act):
    """Signs people in for real, kills Redis, and demands that no request of theirs fails and no session is lost."""

    _people: tuple[_Person, ...] = ()
    _sleepers: tuple[_Person, ...] = ()
    _watcher: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Open the drill's account, sign people in, and begin to watch the cache."""
        self._seen = _Seen()
        password = secrets.token_urlsafe(24)
        self.undo.account(ACCOUNT)
        gateway = self.doors.gateway
        body = {"username": ACCOUNT, "password": password, "role": "responder"}
        try:
            await gateway.post("/api/v2/auth/users", body)
        except Conflict:
            change = {"password": password, "role": "responder", "disabled": False}
            await gateway.request("PATCH", f"/api/v2/auth/users/{ACCOUNT}", json=change)
        url = self.doors.settings.url("gateway")
        for number in range(SLEEPERS + PEOPLE):
            if number:
                await self.doors.clock.sleep(_APART_S)
            grant = await gateway.post("/api/v2/auth/login", {"username": ACCOUNT, "password": password})
            client = ServiceClient(url, clock=self.doors.clock, token=grant["access_token"])
            person = _Person(client, grant["refresh_token"])
            if number < SLEEPERS:
                self._sleepers = (*self._sleepers, person)
            else:
                self._people = (*self._people, person)
        self.say(f"{SLEEPERS + PEOPLE} people signed in")
        self._watcher = asyncio.create_task(self._watch())

    def callers(self) -> Sequence[ServiceClient]:
        """Let the load ask as those people, in turn."""
        return [person.client for person in self._people]

    async def steady(self, load: Load) -> None:
        """Wait until the cache is seen to answer."""
        del load

        async def hits() -> bool:
            return len(self._seen.samples) >= 3 and all(one.right for one in self._seen.samples[-3:])

        await until(hits, self.doors, "the gateway's looks into Redis were not seen to hit")

    async def strike(self, load: Load) -> Struck:
        """Kill Redis, and let those wake who were silent until now."""
        struck = await super().strike(load)
        for person in self._sleepers:
            with suppress(JudgifyError):
                me = await person.client.get("/api/v2/auth/me")
                self._seen.awake += me["subject"] == ACCOUNT
        return struck

    async def meanwhile(self, struck: Struck, load: Load) -> None:
        """Renew one session while Redis is away."""
        del struck, load
        person = self._people[0]
        with suppress(JudgifyError):
            self._seen.refreshed = False
            grant = await self.doors.gateway.post("/api/v2/auth/refresh", {"refresh_token": person.refresh_token})
            self._seen.refreshed = bool(grant["access_token"])

    def ruling(self, samples: Sequence[Sample], fault_mono: float) -> Ruling:
        """Felt and restored by the cache; asked and wrong by the load, of which none may be wrong."""
        cache = judge.rule(self._seen.samples, fault_mono, self.doors.pace.stretch_s)
        load = judge.rule(samples, fault_mono, self.doors.pace.stretch_s)
        return Ruling(cache.broken_at, cache.restored_at, load.asked, load.wrong)

    async def verdict(self, load: Load, struck: Struck, operations: Sequence[str]) -> list[str]:
        """No request failed, and every session goes on."""
        del operations
        found = []
        wrong = [one for one in load.samples if one.sent_at >= struck.mono and not one.right]
        if wrong:
            codes = sorted({one.status for one in wrong})
            found.append(f"{len(wrong)} requests of signed-in people failed (status {codes})")
        if self._seen.awake != SLEEPERS:
            found.append(f"{SLEEPERS - self._seen.awake} of {SLEEPERS} requests failed the moment Redis was dead")
        everybody = self._people + self._sleepers
        for person in everybody:
            with suppress(JudgifyError):
                me = await person.client.get("/api/v2/auth/me")
                self._seen.still += me["subject"] == ACCOUNT
        if self._seen.still != len(everybody):
            found.append(f"{len(everybody) - self._seen.still} of {len(everybody)} sessions were lost")
        if self._seen.refreshed is not True:
            found.append("a session could not be renewed while Redis was away")
        return found

    def figures(self) -> dict[str, Any]:
        """Give the looks into the cache and the sessions kept."""
        first, last = self._seen.first or {}, self._seen.last or {}
        looks = {name: round(last.get(name, 0) - first.get(name, 0)) for name in ("hit", "miss", "away")}
        return {"cache_looks": looks, "sessions": SLEEPERS + PEOPLE, "sessions_kept": self._seen.still}

    async def close(self) -> None:
        """Stop watching, sign everybody out, and close the connections."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        for person in self._people + self._sleepers:
            with suppress(JudgifyError):
                await person.client.post("/api/v2/auth/logout")
            await person.client.close()

    async def _watch(self) -> None:
        clock, before = self.doors.clock, None
        while True:
            await clock.sleep(_LOOK_S)
            at = clock.monotonic()
            with suppress(JudgifyError):
                after = counts((await self.doors.gateway.raw("GET", "/metrics")).text)
                if before is not None and (sample := cache_sample(before, after, at)) is not None:
                    self._seen.samples.append(sample)
                before = self._seen.last = after
                self._seen.first = self._seen.first or after
