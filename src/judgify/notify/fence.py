"""The last look before the wire: whoever hands a message over may forbid it until its first byte goes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

Look = Callable[[], str | None]
"""Says why the message must not go out, or None. Cheap, and never waits: nothing happens between it and the byte."""
_LOOK: Final[ContextVar[Look | None]] = ContextVar("last look before the wire", default=None)


class Fenced(BaseException):
    """The message was not sent: somebody else has it by now, or it is not owed any more.

    No failure of a channel, so no boundary that turns failures into outcomes catches it.
    """


@contextmanager
def fenced(look: Look) -> Iterator[None]:
    """Let `look` be asked by every channel that is used within; what it forbids raises `Fenced` out of the channel."""
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


def pass_fence() -> None:
    """Raise `Fenced` when the message that is about to go out must not. Call it right before the first byte."""
    look = _LOOK.get()
    reason = look() if look is not None else None
    if reason is not None:
        raise Fenced(reason)
