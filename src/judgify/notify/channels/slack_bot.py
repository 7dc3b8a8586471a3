"""A Slack app's bot: Block Kit messages with buttons, one thread per incident, changed when things change."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakValueDictionary

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, JudgifyError
from judgify.kit.log import get_logger
from judgify.notify.channel import Check
from judgify.notify.message import Message, Recipient
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import resolve
from judgify.notify.slack_blocks import blocks, fallback
from judgify.notify.slack_calls import Said, SlackCalls
from judgify.notify.threads import Threads
from judgify.notify.wire import Poster

log = get_logger("judgify.notify")
_WAIT: Final = 0.6
"""Share of the channel's time that a message may wait for the one that begins its thread."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in Slack."""

    channel: str
    ts: str

    def __str__(self) -> str:
        """Give the receipt: the channel's id and the message's `ts`."""
        return f"{self.channel} {self.ts}"


class SlackBotChannel:
    """Posts as a Slack app. The first message about an incident begins its thread, later ones join it.

    `Message.turn` changes the first message (chat.update) instead of posting: who holds it, that it is over. Where the
    thread stands is kept in `Threads`, so a restart goes on in it.
    """

    type = "slack_bot"

    def __init__(
        self,
        name: str,
        *,
        room: str,
        token: str,
        clock: Clock,
        environ: Mapping[str, str],
        calls: SlackCalls,
        threads: Threads,
    ) -> None:
        """Post to a room, with the bot's token given as a reference."""
        self._name = name
        self._room = room
        self._token = token
        self._clock = clock
        self._environ = environ
        self._calls = calls
        self._threads = threads
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Post once, or change what was posted; only Slack's `ok` with a place counts as sent, which is the receipt."""
        del attempt
        try:
            token = resolve(self._token, self._environ)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        if message.incident_id is None:
            return await self._post(token, message, recipient, None)
        key = f"{message.incident_id}:{message.topic}" if message.topic else message.incident_id
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            # While the first message is on its way nobody else may begin a second thread.
            async with asyncio.timeout(self._calls.timeout_s * _WAIT):
                await lock.acquire()
        except TimeoutError:
            return Refused(Reason.UNREACHABLE, "the message before this one is not through yet", retryable=True)
        try:
            return await self._in_thread(token, message, recipient, key)
        finally:
            lock.release()

    async def check(self) -> Check:
        """Ask Slack whether the token is good (auth.test); nothing is posted."""
        try:
            token = resolve(self._token, self._environ)
            await Poster(clock=self._clock, allow=self._calls.allow, timeout_s=self._calls.timeout_s).probe(
                self._calls.base_url
            )
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        said = await self._calls.call("auth.test", token)
        return Check("ok") if isinstance(said, Said) else Check("down", said.detail)

    async def close(self) -> None:
        """Keep nothing open: every call closes its own connection."""

    async def _in_thread(self, token: str, message: Message, recipient: Recipient, key: str) -> Outcome:
        head = _place(await self._threads.find(key))
        if message.turn == "answered":
            return await self._answered(token, message, recipient)
        if message.turn is not None:
            return await self._change(token, message, recipient, head)
        outcome = await self._post(token, message, recipient, head)
        if message.ask and isinstance(outcome, Sent):
            asked = [*await self._asked(message), outcome.receipt.split(" ")]
            await self._remember(_ask_key(message), json.dumps(asked))
        if head is None and isinstance(outcome, Sent):
            await self._remember(key, json.dumps(outcome.receipt.split(" ")))
        return outcome

    async def _remember(self, key: str, value: str) -> None:
        try:
            await self._threads.keep(key, value)
        except OSError as error:
            # The message is out; at worst a restart begins a second thread, or leaves buttons that answer "over".
            log.error("a Slack message's place could not be kept", channel=self.name, error=type(error).__name__)  # noqa: TRY400 - the kind is enough

    async def _asked(self, message: Message) -> list[list[str]]:
        try:
            found = json.loads(await self._threads.find(_ask_key(message)) or "[]")
        except ValueError:
            return []
        return [one for one in found if isinstance(one, list) and len(one) == 2]

    async def _answered(self, token: str, message: Message, recipient: Recipient) -> Outcome:
        """Change every message that asked; the first that cannot be changed is what became of the try."""
        outcome: Outcome = Refused(Reason.REJECTED, "there is no message that asked", retryable=False)
        for channel, ts in await self._asked(message):
            outcome = await self._say("chat.update", token, message, recipient, channel=channel, ts=ts)
            if not isinstance(outcome, Sent):
                return outcome
        return outcome

    async def _post(self, token: str, message: Message, recipient: Recipient, head: Place | None) -> Outcome:
        arguments: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
        if head is not None:
            # Buttons stand in the first message only, which is kept up to date; an approval is asked for where it came.
            kept = tuple(act for act in message.acts if act.verb != "acknowledge")
            message = replace(message, acts=kept)
            arguments |= {"thread_ts": head.ts, "reply_broadcast": message.kind == "page"}
        room = self._room if head is None else head.channel
        return await self._say("chat.postMessage", token, message, recipient, channel=room, **arguments)

    async def _change(self, token: str, message: Message, recipient: Recipient, head: Place | None) -> Outcome:
        if head is None:
            return Refused(Reason.REJECTED, "there is no message that could be changed", retryable=False)
        return await self._say("chat.update", token, message, recipient, channel=head.channel, ts=head.ts)

    async def _say(self, method: str, token: str, message: Message, recipient: Recipient, **arguments: Any) -> Outcome:
        said = await self._calls.call(
            method, token, text=fallback(message), blocks=blocks(message, recipient), **arguments
        )
        if not isinstance(said, Said):
            return said
        channel, ts = said.data.get("channel"), said.data.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str) and channel and ts):
            return Unknown(Doubt.UNEXPECTED_ANSWER, "Slack's answer does not say where the message stands")
        return Sent(safe_detail(Place(channel, ts), (token,)), said.at)


def _place(kept: str | None) -> Place | None:
    try:
        channel, ts = json.loads(kept or "null")
    except (ValueError, TypeError):
        return None
    return Place(str(channel), str(ts))


def _ask_key(message: Message) -> str:
    return f"{message.incident_id}:ask:{message.ask}"
