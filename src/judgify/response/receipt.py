"""Receipts of what an incident told at its beginning (guide 3.1 step 1): per person and channel; what is missing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime

from judgify.response.incident import Incident
from judgify.response.model import Page, PageKind, Value
from judgify.response.paging import row_of

Answer = Literal["sent", "refused", "unknown", "waiting"]
"""`sent`: the channel took it and gave a receipt. `waiting`: no try has ended yet."""
FIRST_ROW: Final = "0"


class Receipt(Value):
    """What became of one message of the first row."""

    page_id: str
    kind: PageKind
    person: str
    role: str
    channel: str
    answer: Answer
    detail: str
    """What the channel said: its receipt, or why it refused."""
    due_at: AwareDatetime
    at: AwareDatetime | None
    """When it was received; None without a receipt."""
    attempts: int


def receipts(incident: Incident, pages: Iterable[Page], now: datetime) -> tuple[Receipt, ...]:
    """Give one receipt for each person and channel that the first row owed a message by now, in the guide's order.

    What was withdrawn before it was ever tried is not owed any more, and left out.
    """
    return tuple(
        Receipt(
            page_id=page.id,
            kind=page.kind,
            person=page.person,
            role=page.role,
            channel=page.channel,
            answer="waiting" if page.outcome is None else page.outcome,
            detail=page.detail,
            due_at=page.due_at,
            at=page.sent_at,
            attempts=page.attempt,
        )
        for page in pages
        if row_of(page) == FIRST_ROW
        and "follow" not in page.payload
        and page.repeat == 0
        and page.created_at >= incident.begun_at
        and (page.due_at <= now or page.attempt > 0)
        and not (page.state == "withdrawn" and page.outcome is None)
    )


def missing(found: Sequence[Receipt]) -> tuple[Receipt, ...]:
    """Give those without a receipt."""
    return tuple(receipt for receipt in found if receipt.answer != "sent")


def confirmed(found: Sequence[Receipt]) -> bool:
    """Tell whether every channel that owed something has a receipt; of nothing, nothing is confirmed."""
    return bool(found) and not missing(found)


def reported(found: Sequence[Receipt]) -> bool:
    """Tell whether everybody who is to be reported to was reached through at least one channel."""
    owed = {receipt.person for receipt in found if receipt.kind == "report"}
    reached = {receipt.person for receipt in found if receipt.kind == "report" and receipt.answer == "sent"}
    return bool(owed) and owed == reached


def announced(pages: Iterable[Page], audience: str) -> bool:
    """Tell whether every channel that an announcement to this audience is owed through has given a receipt."""
    owed = [page for page in pages if page.payload.get("announcement") == audience]
    return bool(owed) and all(page.outcome == "sent" for page in owed)


def view(found: Sequence[Receipt]) -> dict[str, Any]:
    """Give the JSON form: how many of how many, what is missing, and every one."""
    lacking = missing(found)
    return {
        "owed": len(found),
        "confirmed": len(found) - len(lacking),
        "complete": confirmed(found),
        "missing": [f"{receipt.person} ({receipt.channel}): {receipt.answer}" for receipt in lacking],
        "receipts": [receipt.model_dump(mode="json") for receipt in found],
    }
