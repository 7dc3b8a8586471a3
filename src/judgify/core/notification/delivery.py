"""One try to deliver a message through one channel."""

from collections.abc import Callable, Mapping
from typing import Final

from judgify.core.notification.content import message_of, recipient_of
from judgify.core.notification.store import MessageStore
from judgify.kit.outbox import Claim, Settlement, backoff_s
from judgify.notify import (
    Channel,
    Outcome,
    Reason,
    Refused,
    Sent,
    Unknown,
    outcome_detail,
    outcome_label,
)

_DOUBT_LABELS: Final = frozenset({"timeout", "connection-lost", "proxy-failed", "unexpected-answer", "fault"})


class Deliverer:
    """Hands deliveries to their channels and decides what follows from the outcome."""

    def __init__(self, store: MessageStore, channels: Mapping[str, Channel], count: Callable[[str, str], None]) -> None:
        """`count(channel type, outcome)` is called for every try."""
        self._store = store
        self._channels = channels
        self._count = count

    async def __call__(self, claim: Claim) -> Settlement:
        """Try a delivery once. After a doubtful try the message is marked as a possible repeat."""
        channel = self._channels.get(claim.row["channel"])
        outcome: Outcome
        if channel is None:
            outcome = Refused(Reason.MISCONFIGURED, "this channel is no longer configured", retryable=False)
        else:
            content = await self._store.content(claim.row["message_id"])
            repeat = claim.in_doubt or claim.row["last_outcome"] in _DOUBT_LABELS
            message = message_of(content, claim.row["message_id"], possibly_repeat=repeat)
            outcome = await channel.deliver(message, recipient_of(content), claim.number)
        self._count("none" if channel is None else channel.type, outcome_label(outcome))
        return settle(outcome, claim)


def settle(outcome: Outcome, claim: Claim) -> Settlement:
    """Decide what follows from an outcome: done, another try later, or dead."""
    label, detail = outcome_label(outcome), outcome_detail(outcome)
    if isinstance(outcome, Sent):
        return Settlement("done", label, detail)
    if isinstance(outcome, Refused) and not outcome.retryable:
        return Settlement("dead", label, detail)
    if not claim.left:
        end = "nobody knows whether it arrived" if isinstance(outcome, Unknown) else "gave up"
        return Settlement("dead", label, f"{detail} ({end} after {claim.number} tries)")
    asked = outcome.retry_after_s if isinstance(outcome, Refused) else None
    return Settlement("waiting", label, detail, max(asked or 0.0, backoff_s(claim.number)))
