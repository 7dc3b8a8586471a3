import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from judgify.core.notification.channels import load_channels
from judgify.core.notification.content import MessageIn, digest, message_of, recipient_of
from judgify.kit.clock import FakeClock
from judgify.kit.outbox import Claim
from judgify.notify import Link, Recipient, Toolkit

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)


def claim(left: int) -> Claim:
    return Claim({"id": "dlv_1"}, "lease", 3, left, in_doubt=False, started_at=NOW)


def test_what_arrives_is_what_is_handed_on() -> None:
    content = MessageIn(
        subject="s",
        links=[{"label": "l", "url": "https://x/"}],  # type: ignore[list-item]  # as it comes over the wire
        severity="P1",
        kind="page",
    )
    message = message_of(content.model_dump(), "msg_1", possibly_repeat=True)
    assert (message.subject, message.body, message.dedup_key) == ("s", "s", "msg_1")
    assert (message.kind, message.severity, message.possibly_repeat) == ("page", "P1", True)
    assert message.links == (Link("l", "https://x/"),)
    assert recipient_of(content.model_dump()) == Recipient("operators")
    named = MessageIn(subject="s", recipient={"name": "김", "email": "a@b.c"})  # type: ignore[arg-type]  # as above
    assert recipient_of(named.model_dump()) == Recipient("김", email="a@b.c")
    assert digest(content) != digest(named)


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        ({"channels": {"mail": {"type": "console"}}, "default": ["mail"]}, None),
        ({"channels": {"mail": 5}}, "channels must map names to settings"),
        ({"default": [5]}, "default must be a list of names"),
        ({"other": 1}, "must be an object with channels and default"),
        ({"default": ["mail"]}, "default names the channel 'mail'"),
    ],
)
def test_the_channel_file_is_checked(document: Any, mistake: str | None, tmp_path: Path) -> None:
    (tmp_path / "channels.json").write_text(json.dumps(document))
    found = load_channels(Toolkit(FakeClock(NOW), tmp_path))
    assert (found.mistake is None) == (mistake is None)
    assert mistake is None or mistake in (found.mistake or "")
    assert found.default == (("mail",) if mistake is None else ("mailbox", "console"))


def test_without_a_file_there_are_mailbox_and_console(tmp_path: Path) -> None:
    found = load_channels(Toolkit(FakeClock(NOW), tmp_path))
    assert (tuple(found.channels), found.default, found.mistake) == (
        ("mailbox", "console"),
        ("mailbox", "console"),
        None,
    )
