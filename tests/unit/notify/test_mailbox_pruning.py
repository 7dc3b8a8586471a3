"""Old files of a mailbox go, its own ones only, and not at every message."""

from datetime import UTC, datetime
from pathlib import Path

from judgify.kit.clock import FakeClock
from judgify.notify import Message, Recipient, Sent
from judgify.notify.channels.mailbox import PRUNE_EVERY_S, MailboxChannel

START = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
MESSAGE = Message(kind="page", subject="s", body="b", dedup_key="d")


async def test_what_is_older_than_its_days_goes(tmp_path: Path) -> None:
    clock = FakeClock(START)
    box = MailboxChannel("box", clock=clock, folder=tmp_path, days=2)
    stranger = tmp_path / "19990101-notes.eml"
    stranger.write_text("mine")
    first = await box.deliver(MESSAGE, Recipient("kim"), 1)
    assert isinstance(first, Sent)
    await clock.advance(2 * 86_400 - 60)
    second = await box.deliver(MESSAGE, Recipient("kim"), 1)
    await clock.advance(120)
    third = await box.deliver(MESSAGE, Recipient("kim"), 1)
    assert isinstance(second, Sent)
    assert isinstance(third, Sent)
    assert (tmp_path / first.receipt).exists(), "pruned within the hour: not at every message"
    await clock.advance(PRUNE_EVERY_S)
    await box.deliver(MESSAGE, Recipient("kim"), 1)
    assert not (tmp_path / first.receipt).exists()
    assert (tmp_path / second.receipt).exists()
    assert stranger.exists()
