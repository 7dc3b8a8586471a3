"""Carrying out one order: a signed webhook, or a message handed to the notification service."""

import json
from typing import Any

from judgify.core.action.order import message_of
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, JudgifyError, TooMany, Unavailable
from judgify.kit.outbox import Claim, Settlement
from judgify.notify import Outcome, Reason, Refused, Sent, Unknown, outcome_label
from judgify.notify.outcome import Doubt, safe_detail
from judgify.notify.settlement import settle
from judgify.notify.signature import signed_headers
from judgify.notify.wire import Answer, Poster, check_headers, judge_status


class Deliverer:
    """Carries out orders. Every try has an outcome; a refusal for good, or the last try, ends an order as dead."""

    def __init__(self, *, clock: Clock, poster: Poster, notification: ServiceClient, secret: str, count: Any) -> None:
        """Sign webhooks with `secret`; `count(type, outcome)` is called for every try."""
        self._clock = clock
        self._poster = poster
        self._notification = notification
        self._secret = secret
        self._count = count

    async def __call__(self, claim: Claim) -> Settlement:
        """Try an order once and say how it ended."""
        kind = claim.row["type"]
        outcome = await (self._webhook(claim) if kind == "webhook" else self._notify(claim))
        self._count(kind, outcome_label(outcome))
        return settle(outcome, claim)

    async def _webhook(self, claim: Claim) -> Outcome:
        now = self._clock.now()
        params = json.loads(claim.row["params"])
        given = params.get("body")
        body = json.dumps(_envelope(claim) if given is None else given, ensure_ascii=False).encode()
        try:
            headers = check_headers(params.get("headers", {}))
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("x-judgify-")}
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        headers["Idempotency-Key"] = claim.id
        headers["X-Judgify-Action"] = claim.id
        headers["X-Judgify-Attempt"] = str(claim.number)
        headers |= signed_headers(self._secret, int(now.timestamp()), body)
        answer = await self._poster.post(params["url"], body, headers, (self._secret,))
        return judge_status(answer, self._clock.now(), (self._secret,)) if isinstance(answer, Answer) else answer

    async def _notify(self, claim: Claim) -> Outcome:
        params = json.loads(claim.row["params"])
        context = json.loads(claim.row["context"])
        source = context.get("workflow") or claim.row["name"]
        message = {**message_of(claim.row["type"], params), "idempotency_key": claim.id, "source": source}
        try:
            kept = await self._notification.post("/api/v2/notification/messages", message)
        except TooMany as error:
            wait = float(error.fields.get("retry_after_s", 1))
            return Refused(Reason.RATE_LIMITED, safe_detail(error.detail), retryable=True, retry_after_s=wait)
        except Unavailable as error:
            # The key makes a repeat harmless, so doubt is no reason to ask a person.
            return Unknown(Doubt.CONNECTION_LOST, safe_detail(error.detail))
        except JudgifyError as error:
            retryable = error.status >= 500
            reason = Reason.SERVER_ERROR if retryable else Reason.REJECTED
            return Refused(reason, safe_detail(error.detail), retryable=retryable)
        return Sent(str(kept["id"]), self._clock.now())


def _envelope(claim: Claim) -> dict[str, Any]:
    row = claim.row
    return {
        "action_id": claim.id,
        "name": row["name"],
        "execution_id": row["execution_id"],
        "workflow_id": row["workflow_id"],
        "context": json.loads(row["context"]),
        "created_at": iso(row["created_at"]),
        "attempt": claim.number,
        "possibly_repeat": claim.number > 1,
    }
