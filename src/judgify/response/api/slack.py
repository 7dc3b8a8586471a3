"""The way in for presses of Slack's buttons: signed by Slack, fresh, each one once."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.kit.clock import Clock
from judgify.kit.errors import Conflict, Invalid, Malformed, NotFound, TooMany, Unauthenticated
from judgify.notify.reference import resolve
from judgify.response.api.parts import response
from judgify.response.api.signin import Bucket
from judgify.response.slack_desk import App, SlackDesk

router = APIRouter()
TOLERANCE_S: Final = 300
"""Slack's own rule: a request older or newer than five minutes is refused."""
MAX_BODY: Final = 256 * 1024


@dataclass(slots=True)
class SlackIntake:
    """The apps whose signatures are known, and what of theirs was seen within the last five minutes."""

    apps: tuple[App, ...]
    desk: SlackDesk
    clock: Clock
    environ: Any
    _seen: dict[str, float] = field(default_factory=dict)
    _good: Bucket = field(default_factory=lambda: Bucket(20.0, 100.0, 100.0, 0.0))
    _bad: Bucket = field(default_factory=lambda: Bucket(5.0, 50.0, 50.0, 0.0))

    async def signer(self, headers: Any, body: bytes) -> App:
        """Give the app that signed a request; `Unauthenticated` for a wrong or old one, `Conflict` for a repeat."""
        now = self.clock.monotonic()
        signature = headers.get("x-slack-signature", "")
        app = await asyncio.to_thread(self._verified, headers.get("x-slack-request-timestamp", ""), signature, body)
        if app is None:
            # A stranger's attempts have a measure of their own: they never use up what real presses may.
            if not self._bad.take(now):
                raise TooMany("too many requests with a wrong signature")
            raise Unauthenticated("the request is not signed by a Slack app of this guide, or it is too old")
        self._seen = {known: until for known, until in self._seen.items() if until > now}
        if signature in self._seen:
            raise Conflict("this very request was taken before", slug="slack-replayed")
        if not self._good.take(now):
            raise TooMany("buttons are pressed faster than they are taken")
        self._seen[signature] = now + 2 * TOLERANCE_S
        return app

    def _verified(self, timestamp: str, signature: str, body: bytes) -> App | None:
        from slack_sdk.signature import Clock as SdkClock  # noqa: PLC0415 - loaded only where a Slack app is set up
        from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415 - as above

        now = self.clock.now().timestamp()

        class Ours(SdkClock):
            """The engine's clock."""

            def now(self) -> float:
                return now

        for app in self.apps:
            if app.signing_secret is None:
                continue
            try:
                verifier = SignatureVerifier(resolve(app.signing_secret, self.environ), Ours())
                if verifier.is_valid(body, timestamp, signature):
                    return app
            except (Invalid, ValueError, TypeError, OverflowError):
                continue
        return None


@router.post("/api/v2/response/intake/slack/interactions")
async def interactions(request: Request) -> Response:
    """Take a press of a button in Slack; answered within 3 s, what came of it is told in Slack."""
    intake: SlackIntake | None = response(request).slack
    if intake is None:
        raise NotFound("no Slack app with a signing secret is switched on in channels.yaml")
    body = await request.body()
    if len(body) > MAX_BODY:
        raise Malformed("the body is larger than Slack's ever are")
    app = await intake.signer(request.headers, body)
    try:
        payload = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise Malformed("the body is no form with a payload of JSON") from None
    await intake.desk.take(app, payload)
    return Response(status_code=200)
