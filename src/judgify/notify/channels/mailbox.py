"""The local mailbox: one readable .eml file per message, so that pages arrive somewhere before a channel is set up."""

import asyncio
import errno
import os
import re
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from judgify.kit.clock import SEOUL, Clock
from judgify.kit.files import write_atomic
from judgify.kit.ids import new_id
from judgify.notify.channel import Check
from judgify.notify.message import Message, Recipient, headline, one_line, plain_text
from judgify.notify.outcome import Outcome, Reason, Refused, Sent

_LEAST_FREE: Final = 1024 * 1024
KEPT_DAYS: Final = 365
"""Days that messages are kept, unless the channel's `days` says otherwise."""
PRUNE_EVERY_S: Final = 3600.0
_OURS: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-(page|report|notice)-msg_[0-9a-z]{26}\.eml")


class MailboxChannel:
    """Writes each message, fsynced and whole, as a file of mode 0600 in a folder of mode 0700.

    File names sort by time: `20261122T141005.123456Z-page-<id>.eml`. The text is plain UTF-8, so that `cat` shows it.
    What is older than `days` is removed, at most once an hour, after a message was written; other files stay.
    """

    type = "mailbox"

    def __init__(self, name: str, *, clock: Clock, folder: Path, days: int = KEPT_DAYS) -> None:
        """Keep the folder; it is made when first needed."""
        self._name = name
        self._clock = clock
        self._folder = folder
        self._days = days
        self._pruned_at = float("-inf")

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Write one file; `Sent` only once it is on the disk. The receipt is the file's name."""
        now = self._clock.now()
        file_name = f"{now:%Y%m%dT%H%M%S.%fZ}-{message.kind}-{new_id('msg')}.eml"
        mail = _eml(message, recipient, attempt, now)
        try:
            await asyncio.to_thread(self._write, file_name, mail)
        except OSError as error:
            return Refused(Reason.STORAGE_FAILED, _told(error), retryable=True)
        if self._clock.monotonic() - self._pruned_at >= PRUNE_EVERY_S:
            self._pruned_at = self._clock.monotonic()
            await asyncio.to_thread(self._prune, now)
        return Sent(file_name, now)

    async def check(self) -> Check:
        """Tell whether the folder can be written and its disk has room."""
        try:
            free = await asyncio.to_thread(self._free)
        except OSError as error:
            return Check("down", _told(error))
        return Check("ok") if free >= _LEAST_FREE else Check("down", "the disk is full")

    async def close(self) -> None:
        """Hold nothing open."""

    def _write(self, file_name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self._folder / file_name, content, 0o600)

    def _prune(self, now: datetime) -> None:
        # Names sort by time, and only names of ours are looked at.
        oldest = f"{now - timedelta(days=self._days):%Y%m%dT%H%M%S.%fZ}"
        for path in self._folder.glob("*.eml"):
            if _OURS.fullmatch(path.name) and path.name < oldest:
                with suppress(OSError):  # it is tried again in an hour; the message at hand is safe
                    path.unlink()

    def _free(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize


def _eml(message: Message, recipient: Recipient, attempt: int, now: datetime) -> bytes:
    """Give the message as RFC 6532 writes it, in plain UTF-8.

    Written out, since these few headers are all of one line: the library takes a hundred times as long over them, in
    the loop that pages wait for.
    """
    headers = {
        "Date": format_datetime(now.astimezone(SEOUL)),
        "From": "Judgify <judgify@localhost>",
        "To": recipient.name,
        "Subject": headline(message),
        "X-Judgify-Kind": message.kind,
        "X-Judgify-Attempt": str(attempt),
        "X-Judgify-Dedup-Key": message.dedup_key,
        "X-Judgify-Severity": message.severity,
        "X-Judgify-Incident": message.incident_id,
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "8bit",
        "MIME-Version": "1.0",
    }
    lines = [f"{name}: {one_line(value) or '-'}" for name, value in headers.items() if value is not None]
    return ("\n".join(lines) + f"\n\n{plain_text(message).rstrip()}\n").encode("utf-8", "replace")


def _told(error: OSError) -> str:
    return f"the mailbox cannot be written: {error.strerror or type(error).__name__}"
