"""What became of one try to deliver: sent, refused or unknown. Values, never exceptions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from judgify.kit.secrets import MASK, mask
from judgify.notify.message import one_line

MAX_DETAIL: Final = 300


class Reason(StrEnum):
    """Why a delivery certainly did not happen. A closed set: it is also the metric label."""

    UNREACHABLE = "unreachable"
    """No connection could be made; nothing was sent."""
    TLS_FAILED = "tls-failed"
    """The other side did not prove who it is, or does not offer encryption; nothing was sent."""
    ADDRESS_REFUSED = "address-refused"
    """The address is not one that this installation may call (see JUDGIFY_EGRESS_ALLOW)."""
    MISCONFIGURED = "misconfigured"
    """A setting or a secret reference of the channel cannot be used."""
    NO_ADDRESS = "no-address"
    """The recipient has no address for this channel."""
    UNAUTHORIZED = "unauthorized"
    """The other side refused our credentials."""
    RATE_LIMITED = "rate-limited"
    """The other side asked us to wait."""
    GONE = "gone"
    """The other side knows nothing at this address (404, 410): it was removed or never existed."""
    REJECTED = "rejected"
    """The other side refused this message or recipient for good."""
    REDIRECTED = "redirected"
    """The other side pointed elsewhere; redirects are not followed."""
    SERVER_ERROR = "server-error"
    """The other side failed and said so."""
    STORAGE_FAILED = "storage-failed"
    """The message could not be written to the disk or stream."""
    HELD_BACK = "held-back"
    """Not tried: the channel refuses everything at present, and is tried again at a measured pace."""


class Doubt(StrEnum):
    """Why it cannot be told whether a delivery happened. A closed set: it is also the metric label."""

    TIMEOUT = "timeout"
    """The message was handed over, at least in part, and no answer came in time."""
    CONNECTION_LOST = "connection-lost"
    """The connection broke after the message had been begun."""
    PROXY_FAILED = "proxy-failed"
    """A proxy in between answered that it does not know (502, 504)."""
    UNEXPECTED_ANSWER = "unexpected-answer"
    """The answer is none that this channel's other side gives."""
    FAULT = "fault"
    """A fault of our own; the log says more."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took the message over, and what it said about it."""

    receipt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """The message certainly did not go. `retryable` tells whether the same try may succeed later."""

    reason: Reason
    detail: str
    retryable: bool
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told whether the message went; a further try must be marked as a possible repeat."""

    reason: Doubt
    detail: str


Outcome = Sent | Refused | Unknown

SENT_LABEL: Final = "sent"
OUTCOME_LABELS: Final = (SENT_LABEL, *Reason, *Doubt)
"""Every value that `outcome_label` can give."""


def outcome_label(outcome: Outcome) -> str:
    """Give the metric label of an outcome: `sent`, or the reason."""
    return SENT_LABEL if isinstance(outcome, Sent) else outcome.reason.value


def outcome_detail(outcome: Outcome) -> str:
    """Give the sentence about an outcome: the receipt, or what went wrong."""
    return outcome.receipt if isinstance(outcome, Sent) else outcome.detail


def safe_detail(text: object, secrets: tuple[str, ...] = ()) -> str:
    """Make a text fit for logs, stores and pages: known secrets and secret-looking parts hidden, one line, short."""
    line = str(text)
    for secret in sorted((one for one in secrets if one), key=len, reverse=True):
        line = line.replace(secret, MASK)
    line = mask(one_line(line))
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"
