"""The last look before the wire: whoever hands a message over may delay or forbid it until its first byte goes out."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

Gate = Callable[[], Awaitable[None]]
"""Returns when the message may go out, or raises `Fenced`; nothing happens between its return and the first byte."""
_GATE: Final[ContextVar[Gate | None]] = ContextVar("last look before the wire", default=None)


class Fenced(BaseException):
    """The message was not sent: somebody else has it by now, or it is not owed any more.

    No failure of a channel, so no boundary that turns failures into outcomes catches it.
    """


@contextmanager
def fenced(gate: Gate) -> Iterator[None]:
    """Let every channel that is used within pass through `gate`; what it forbids raises `Fenced` out of the channel."""
    token = _GATE.set(gate)
    try:
        yield
    finally:
        _GATE.reset(token)


async def pass_fence() -> None:
    """Wait until the message may go out; raise `Fenced` when it must not. Await it right before the first byte."""
    gate = _GATE.get()
    if gate is not None:
        await gate()
