"""Hands one page to its channel and says what became of it. The outbox, its claims and retries are the engine's."""

import asyncio
from collections.abc import Mapping
from typing import Final

from judgify.kit.clock import show
from judgify.notify import Channel, Outcome, Reason, Recipient, Refused, Sent, outcome_detail, outcome_label
from judgify.response.channel_book import Book
from judgify.response.channel_health import ABOUT_THE_MESSAGE, PACE_S, REFUSALS
from judgify.response.guide.base import Lang, unfilled
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Delivery, Page
from judgify.response.pager.ticketed import coded, ticketed
from judgify.response.pager.turn import completed
from judgify.response.pager.wording import message_of
from judgify.response.subscriber import SUBSCRIBER
from judgify.response.ticket import Tickets
from judgify.response.verification import Codes

HOTLINE: Final = "hotline"
HOTLINE_NAME: Final = "24/7 hotline"
_PREPARES: Final = frozenset({"http", "slack_webhook", "teams", "discord", "sms", "pagerduty", "email"})
WITHIN_S: Final = 10.0
"""A try ends within this time; a channel that has not answered by then may have delivered."""


class Sender:
    """Implements `ports.Pager` on the channels of `notify`.

    Every failure is a value with a reason of a closed set. A refusal that may pass, and an outcome that was never
    learnt, ask for another try after the guide's pauses; the engine marks the try after an unknown one as a possible
    repeat. A channel that the guide names but that is not open is refused without another try.
    """

    def __init__(
        self,
        guide: Guide,
        channels: Mapping[str, Channel],
        *,
        console_url: str,
        lang: Lang = "ko",
        tickets: Tickets | None = None,
        codes: Codes | None = None,
        book: Book | None = None,
    ) -> None:
        """Deliver through these channels, by their names in the guide.

        With `tickets` a page carries what it can be acknowledged by: a mail its link, a text message its code. With
        `codes` contact methods are sent theirs. Every try is written into the `book`, which says when a channel that
        refuses is left alone.
        """
        self._guide = guide
        self._channels = dict(channels)
        self._console_url = console_url
        self._lang: Lang = lang
        self._tickets = tickets
        self._codes = codes
        self._book = book

    def prepares(self, page: Page) -> bool:
        """Tell whether the page's channel waits at the fence, so that all but the sending can be done ahead."""
        channel = self._channels.get(page.channel)
        return channel is not None and channel.type in _PREPARES

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        """Render and send one page within 10 s. Never raises for a failed delivery."""
        channel = self._channels.get(page.channel)
        if channel is None:
            known = page.channel in self._guide.channels
            detail = f"the channel {page.channel!r} is {'not open' if known else 'not in the guide'}"
            return Delivery(outcome="refused", detail=detail, reason="misconfigured")
        held = self._held_back(page)
        if held is not None:
            return held
        delivery = await self._try(page, incident, channel)
        self._write_down(page, delivery)
        return delivery

    async def _try(self, page: Page, incident: Incident | None, channel: Channel) -> Delivery:
        message = message_of(page, incident, self._guide, console_url=self._console_url, lang=self._lang)
        message = completed(message, page, incident, self._guide, self._lang)
        if self._tickets is not None:
            message = ticketed(
                message, page, incident, self._guide, tickets=self._tickets, console_url=self._console_url
            )
        if self._codes is not None:
            message = coded(message, page, self._codes)
        recipient = self._recipient(page)
        try:
            async with asyncio.timeout(WITHIN_S):
                outcome = await channel.deliver(message, recipient, page.attempt)
        except TimeoutError:
            detail = f"no answer within {WITHIN_S:g} s"
            return Delivery(outcome="unknown", detail=detail, reason="timeout", retry_after_s=self._pause(page))
        return self._delivery(page, outcome)

    def _held_back(self, page: Page) -> Delivery | None:
        """Give the refusal of a page whose channel refuses everything and is left alone for a while, or None."""
        health = None if self._book is None else self._book.health(page.channel)
        if self._book is None or health is None or health.well or page.kind == "test":
            # A test is what somebody sends to see whether it works now.
            return None
        # What does not get through goes another way at once, whatever this try brings.
        self._book.stuck(page)
        wait_s = self._book.wait_s(page.channel)
        if wait_s == 0:
            return None
        detail = (
            f"not tried: the channel refuses everything since {show(health.since)}" if health.since else "not tried"
        )
        pause = max(wait_s, PACE_S[min(page.attempt, len(PACE_S) - 1)])
        return Delivery(outcome="refused", detail=detail, reason=Reason.HELD_BACK.value, retry_after_s=pause)

    def _write_down(self, page: Page, delivery: Delivery) -> None:
        if self._book is None:
            return
        health = self._book.tried(page.channel, "page", delivery.reason, delivery.detail)
        if delivery.outcome == "sent" or health is None:
            return
        useless = delivery.reason in REFUSALS | ABOUT_THE_MESSAGE
        if useless or page.attempt > 1 or not health.well:
            self._book.stuck(page)

    async def close(self) -> None:
        """Release what the channels hold open."""
        for channel in self._channels.values():
            await channel.close()

    def _recipient(self, page: Page) -> Recipient:
        person = self._guide.contacts.persons.get(page.person)
        fixed = (
            getattr(self._guide.channels[page.channel], "to", None) if page.channel in self._guide.channels else None
        )
        if page.person.startswith(SUBSCRIBER):
            # A customer's own address, and nobody else's: never a fixed receiver of the channel.
            mail = page.address if "@" in page.address else None
            return Recipient(page.address or page.person, email=mail, phone=None if mail else page.address or None)
        if page.person == HOTLINE:
            phone = _filled(self._guide.contacts.hotline)
            return Recipient(HOTLINE_NAME, email=fixed or page.address or None, phone=phone)
        if person is None:
            return Recipient(page.person, email=fixed or page.address or None)
        return Recipient(
            person.shown,
            email=fixed or page.address or _filled(person.email),
            phone=_filled(person.phone),
            slack=_filled(person.slack),
        )

    def _delivery(self, page: Page, outcome: Outcome) -> Delivery:
        detail, reason = outcome_detail(outcome), outcome_label(outcome)
        if isinstance(outcome, Sent):
            return Delivery(outcome="sent", detail=detail, reason=reason)
        if isinstance(outcome, Refused):
            pause = max(outcome.retry_after_s or 0.0, self._pause(page)) if outcome.retryable else None
            if pause is None and reason in REFUSALS and page.incident_id is not None:
                # Somebody must mend credentials or address; until then it is tried at a measured pace, never given up.
                pause = PACE_S[min(max(page.attempt - 1, 0), len(PACE_S) - 1)]
            return Delivery(outcome="refused", detail=detail, reason=reason, retry_after_s=pause)
        return Delivery(outcome="unknown", detail=detail, reason=reason, retry_after_s=self._pause(page))

    def _pause(self, page: Page) -> float:
        pauses = self._guide.escalation.repeat.retry_s
        return float(pauses[min(max(page.attempt - 1, 0), len(pauses) - 1)])


def _filled(value: str) -> str | None:
    return None if unfilled(value) else value
