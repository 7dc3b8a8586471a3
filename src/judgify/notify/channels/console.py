"""The console: one JSON line per message on standard output, where the operator or the log collector sees it."""

import json
import sys
from typing import TextIO

from judgify.kit.clock import Clock, iso
from judgify.kit.ids import new_id
from judgify.kit.secrets import mask
from judgify.notify.channel import Check
from judgify.notify.message import Message, Recipient, headline, plain_text
from judgify.notify.outcome import Outcome, Reason, Refused, Sent


class ConsoleChannel:
    """Writes each message as one line. Control characters never reach the terminal; secrets in the text are masked."""

    type = "console"

    def __init__(self, name: str, *, clock: Clock, stream: TextIO | None = None) -> None:
        """Write to `stream`; None means standard output as it is at the time of each message."""
        self._name = name
        self._clock = clock
        self._stream = stream

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Write one line; a closed or full stream is `Refused`."""
        now = self._clock.now()
        receipt = new_id("msg")
        line = {
            "timestamp": iso(now),
            "level": "warning" if message.kind == "page" else "info",
            "logger": "judgify.notify.console",
            "message": mask(headline(message)),
            "kind": message.kind,
            "to": recipient.name,
            "text": mask(plain_text(message)),
            "severity": message.severity,
            "incident_id": message.incident_id,
            "possibly_repeat": message.possibly_repeat,
            "attempt": attempt,
            "receipt": receipt,
        }
        stream = sys.stdout if self._stream is None else self._stream
        try:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            stream.flush()
        except (OSError, ValueError) as error:
            return Refused(
                Reason.STORAGE_FAILED, f"the console cannot be written: {type(error).__name__}", retryable=True
            )
        return Sent(receipt, now)

    async def check(self) -> Check:
        """Tell whether the stream is open."""
        stream = sys.stdout if self._stream is None else self._stream
        return Check("down", "the console is closed") if stream.closed else Check("ok")

    async def close(self) -> None:
        """Leave the stream open: it belongs to the process."""
