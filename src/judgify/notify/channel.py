"""What every channel promises."""

from dataclasses import dataclass
from typing import Literal, Protocol

from judgify.kit.log import get_logger
from judgify.notify.message import Message, Recipient
from judgify.notify.outcome import Doubt, Outcome, Unknown

log = get_logger("judgify.notify")


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a channel could deliver now, as far as that can be told without sending anything."""

    state: Literal["ok", "degraded", "down"]
    detail: str = ""


class Channel(Protocol):
    """One way to reach people. Implementations keep no queue: a try ends with an outcome, in bounded time."""

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        ...

    @property
    def type(self) -> str:
        """The channel's type, one of the closed set `registry.TYPES`."""
        ...

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Try once to deliver; `attempt` counts from 1. Never raises, and no outcome text holds a secret."""
        ...

    async def check(self) -> Check:
        """Tell whether the channel could deliver, without sending a message."""
        ...

    async def close(self) -> None:
        """Release what the channel holds open."""
        ...


class Guarded:
    """A channel behind the named boundary for faults of our own: a programming error becomes `Unknown(fault)`."""

    def __init__(self, inner: Channel) -> None:
        """Guard a channel."""
        self._inner = inner

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._inner.name

    @property
    def type(self) -> str:
        """The channel's type."""
        return self._inner.type

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Try once to deliver; never raises."""
        try:
            return await self._inner.deliver(message, recipient, attempt)
        except Exception as error:  # noqa: BLE001 - the boundary: the caller is owed an outcome
            # The error's text may hold an address with a token in it, so only its kind is told.
            log.error("channel fault", channel=self.name, type=self.type, error=type(error).__name__)  # noqa: TRY400 - see above
            return Unknown(Doubt.FAULT, f"the channel failed with {type(error).__name__}")

    async def check(self) -> Check:
        """Tell whether the channel could deliver; a fault is `down`."""
        try:
            return await self._inner.check()
        except Exception as error:  # noqa: BLE001 - the boundary: see deliver
            return Check("down", f"the check failed with {type(error).__name__}")

    async def close(self) -> None:
        """Release what the channel holds open."""
        await self._inner.close()
