"""The ways in for acknowledging from outside: PagerDuty's webhook (v3), and answers to text messages."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request

from judgify.kit.auth import same_secret
from judgify.kit.clock import Clock, parse
from judgify.kit.errors import Invalid, Malformed, NotFound, TooMany, Unauthenticated
from judgify.kit.web import answer
from judgify.notify.channels.sms import found_at
from judgify.notify.reference import resolve
from judgify.response.acknowledge import Acknowledging, PagerDutyEvent
from judgify.response.api.parts import response
from judgify.response.api.signin import Bucket
from judgify.response.text_answer import TextAnswers

router = APIRouter(prefix="/api/v2/response/intake")
MAX_BODY: Final = 256 * 1024
SIGNATURE: Final = "x-pagerduty-signature"
MAX_SIGNATURES: Final = 10
"""PagerDuty sends one for each secret while one is replaced by another."""


@dataclass(frozen=True, slots=True)
class PagerDutyDoor:
    """A channel's name of this installation within PagerDuty, and the reference to its webhook's secret."""

    source: str
    secret: str


@dataclass(frozen=True, slots=True)
class SmsDoor:
    """How a channel's gateway hands answers over: the reference to its token, the header, and the paths."""

    token: str
    header: str
    number: str
    text: str
    once: str | None


@dataclass(slots=True)
class AckIntake:
    """Who may send, and to whom it is handed. A stranger's tries have a measure of their own."""

    acknowledging: Acknowledging
    answers: TextAnswers
    pagerduty: tuple[PagerDutyDoor, ...]
    sms: Mapping[str, SmsDoor]
    clock: Clock
    environ: Mapping[str, str]
    _good: Bucket = field(default_factory=lambda: Bucket(20.0, 200.0, 200.0, 0.0))
    _bad: Bucket = field(default_factory=lambda: Bucket(5.0, 50.0, 50.0, 0.0))

    async def signers(self, signature: str, body: bytes) -> tuple[str, ...]:
        """Give the sources whose secret signed a body; `Unauthenticated` when there is none."""
        found = await asyncio.to_thread(
            lambda: tuple(
                door.source
                for door in self.pagerduty
                if (secret := self._secret(door.secret)) is not None and is_signed(secret, body, signature)
            )
        )
        self._admit(good=bool(found), what="the request is not signed by a webhook of this guide's PagerDuty channels")
        return found

    async def gateway(self, door: SmsDoor, headers: Mapping[str, str]) -> None:
        """Let a gateway pass that sends its token; `Unauthenticated` for anybody else."""
        given = headers.get(door.header.lower(), "")
        if door.header.lower() == "authorization":
            kind, _, given = given.partition(" ")
            given = given if kind.lower() == "bearer" else ""
        expected = await asyncio.to_thread(self._secret, door.token)
        good = expected is not None and same_secret(given.strip(), expected)
        self._admit(good=good, what="the gateway's token is missing or wrong")

    def _admit(self, *, good: bool, what: str) -> None:
        if not (self._good if good else self._bad).take(self.clock.monotonic()):
            raise TooMany("too many requests" if good else "too many requests that prove nothing")
        if not good:
            raise Unauthenticated(what)

    def _secret(self, reference: str) -> str | None:
        try:
            return resolve(reference, self.environ)
        except Invalid:
            return None


def is_signed(secret: str, body: bytes, header: str) -> bool:
    """Tell whether one of a header's `v1=` signatures is the HMAC-SHA256 of the raw body, in constant time for each.

    PagerDuty sends several, separated by commas, while a secret is being replaced; other versions are passed over.
    """
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    given = [one.strip() for one in header.split(",")][:MAX_SIGNATURES]
    found = [hmac.compare_digest(expected, one.removeprefix("v1=").encode()) for one in given if one.startswith("v1=")]
    return any(found)


def read_event(document: Any) -> PagerDutyEvent:
    """Read a webhook (v3); `Malformed` when it is none."""
    try:
        event = document["event"]
        agent, data = event.get("agent") or {}, event.get("data") or {}
        return PagerDutyEvent(
            id=str(event["id"])[:100] or "-",
            type=str(event["event_type"])[:100],
            occurred_at=parse(str(event["occurred_at"])),
            key=str(data.get("incident_key") or "")[:300],
            agent_id=str(agent.get("id") or "")[:60],
            agent_name=str(agent.get("summary") or "")[:200],
            agent_email=str(agent.get("email") or "")[:254],
            by_user=str(agent.get("type") or "") in {"user", "user_reference"},
        )
    except (KeyError, TypeError, AttributeError, Invalid):
        raise Malformed("the body is no webhook of PagerDuty (v3)") from None


def _intake(request: Request) -> AckIntake:
    intake: AckIntake | None = response(request).acknowledging
    if intake is None:
        raise NotFound("nothing in channels.yaml acknowledges from outside")
    return intake


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > MAX_BODY:
        raise Malformed("the body is larger than these ever are")
    return body


@router.post("/pagerduty/webhook")
async def pagerduty(request: Request) -> dict[str, Any]:
    """Take a webhook of PagerDuty (v3): who acknowledges there acknowledges here. Signed; the same event twice is once.

    What is not of use is answered with 200, too, and why: PagerDuty would send it again for two days.
    """
    intake = _intake(request)
    if not intake.pagerduty:
        raise NotFound("no PagerDuty channel that is switched on has a webhook_secret")
    body = await _body(request)
    sources = await intake.signers(request.headers.get(SIGNATURE, ""), body)
    try:
        event = read_event(json.loads(body))
    except (ValueError, RecursionError):
        raise Malformed("the body is not valid JSON") from None
    result = await intake.acknowledging.by_pagerduty(sources, event)
    return answer({"result": result, "taken": result == "taken"}, response(request).clock)


@router.post("/sms/{channel}")
async def sms(request: Request, channel: str) -> dict[str, Any]:
    """Take somebody's answer to a text message, as JSON or a form, from a gateway that sends its token.

    Whoever answered is told by a text message what came of it.
    """
    intake = _intake(request)
    door = intake.sms.get(channel)
    if door is None:
        raise NotFound(f"channels.yaml has no SMS channel {channel!r} that is switched on and takes answers")
    await intake.gateway(door, request.headers)
    document = _document(await _body(request), request.headers.get("content-type", ""))
    number, text = found_at(document, door.number), found_at(document, door.text)
    if number is None or text is None:
        raise Malformed(f"the body has no {door.number if number is None else door.text}")
    once = None if door.once is None else found_at(document, door.once)
    told = await intake.answers.take(channel, number[:60], text, once)
    return answer({"result": told.result}, response(request).clock)


def _document(body: bytes, kind: str) -> Any:
    try:
        if "x-www-form-urlencoded" in kind:
            return dict(parse_qsl(body.decode(), strict_parsing=True))
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is neither JSON nor a form") from None
