"""One try to deliver a message through one channel."""

from collections.abc import Callable, Mapping
from typing import Final

from judgify.core.notification.content import message_of, recipient_of
from judgify.core.notification.store import MessageStore
from judgify.kit.outbox import Claim, Settlement
from judgify.notify import Channel, Outcome, Reason, Refused, outcome_label
from judgify.notify.settlement import settle

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
