import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.response import GUIDE, incident_of

from judgify.kit.clock import FakeClock
from judgify.notify import Check, Message, Outcome, Reason, Recipient, Refused, Sent, Toolkit, Unknown
from judgify.notify.outcome import Doubt
from judgify.response.guide.people import EmailChannel, HttpChannel
from judgify.response.model import Page
from judgify.response.pager import sender as sender_module
from judgify.response.pager.channels import config_of, open_channels, reference
from judgify.response.pager.sender import Sender

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Scripted:
    """A channel that answers as it was told to, and remembers what it was given."""

    name = "mailbox"
    type = "mailbox"

    def __init__(self, outcome: Outcome | None) -> None:
        self.outcome = outcome
        self.given: list[tuple[Message, Recipient, int]] = []
        self.closed = False

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        self.given.append((message, recipient, attempt))
        if self.outcome is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self.outcome

    async def check(self) -> Check:
        return Check("ok")

    async def close(self) -> None:
        self.closed = True


def page_of(**more: Any) -> Page:
    values: dict[str, Any] = {
        "id": "pg_1",
        "incident_id": "INC-2026-0001",
        "kind": "page",
        "person": "devops-lead",
        "role": "devops",
        "channel": "mailbox",
        "row": "0",
        "due_at": NOON,
        "created_at": NOON,
        **more,
    }
    return Page.model_validate(values)


def sender(channel: Scripted) -> Sender:
    return Sender(GUIDE, {"mailbox": channel}, console_url="http://127.0.0.1:8010")


async def test_sent() -> None:
    channel = Scripted(Sent("file 1", NOON))
    delivery = await sender(channel).deliver(page_of(attempt=1), incident_of("judgment", NOON))
    assert (delivery.outcome, delivery.reason, delivery.detail, delivery.retry_after_s) == (
        "sent",
        "sent",
        "file 1",
        None,
    )
    message, recipient, attempt = channel.given[0]
    assert (message.kind, attempt) == ("page", 1)
    assert recipient.name == GUIDE.contacts.persons["devops-lead"].shown
    assert recipient.email == GUIDE.contacts.persons["devops-lead"].email
    assert recipient.phone is None  # a placeholder of the guide is no address


async def test_a_refusal_that_may_pass_is_tried_again_after_the_guides_pauses() -> None:
    channel = Scripted(Refused(Reason.UNREACHABLE, "no connection", retryable=True))
    pauses = [
        (await sender(channel).deliver(page_of(attempt=n), incident_of("judgment", NOON))).retry_after_s
        for n in range(1, 7)
    ]
    assert pauses == [1, 5, 15, 60, 60, 60]
    channel.outcome = Refused(Reason.RATE_LIMITED, "wait", retryable=True, retry_after_s=90)
    assert (await sender(channel).deliver(page_of(), None)).retry_after_s == 90


async def test_a_refusal_for_good_is_not_tried_again() -> None:
    channel = Scripted(Refused(Reason.REJECTED, "no such person", retryable=False))
    delivery = await sender(channel).deliver(page_of(), incident_of("judgment", NOON))
    assert (delivery.outcome, delivery.reason, delivery.retry_after_s) == ("refused", "rejected", None)


async def test_an_unknown_outcome_stays_unknown_and_asks_for_another_try() -> None:
    channel = Scripted(Unknown(Doubt.CONNECTION_LOST, "it broke"))
    delivery = await sender(channel).deliver(page_of(), incident_of("judgment", NOON))
    assert (delivery.outcome, delivery.reason, delivery.retry_after_s) == ("unknown", "connection-lost", 1)


async def test_a_channel_that_does_not_answer_ends_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "WITHIN_S", 0.01)
    delivery = await sender(Scripted(None)).deliver(page_of(), incident_of("judgment", NOON))
    assert (delivery.outcome, delivery.reason) == ("unknown", "timeout")


@pytest.mark.parametrize(("channel", "said"), [("sms", "not open"), ("pigeon", "not in the guide")])
async def test_a_channel_that_is_not_there_is_refused(channel: str, said: str) -> None:
    delivery = await sender(Scripted(None)).deliver(page_of(channel=channel), None)
    assert (delivery.outcome, delivery.reason, delivery.retry_after_s) == ("refused", "misconfigured", None)
    assert said in delivery.detail


async def test_a_room_instead_of_a_person_and_the_end() -> None:
    channel = Scripted(Sent("x", NOON))
    desk = sender(channel)
    await desk.deliver(page_of(person="#alerts-critical"), incident_of("judgment", NOON))
    assert channel.given[0][1] == Recipient("#alerts-critical")
    await desk.close()
    assert channel.closed


def test_secrets_stay_references(tmp_path: Path) -> None:
    assert reference("secret:slack", tmp_path) == f"file:{tmp_path}/secrets/slack"
    assert reference("env:SLACK", tmp_path) == "env:SLACK"
    assert reference(None, tmp_path) is None


def test_what_ships_is_open_and_what_is_switched_off_is_not(tmp_path: Path) -> None:
    kit = Toolkit(clock=FakeClock(NOON), folder=tmp_path)
    assert set(open_channels(GUIDE.channels, kit, tmp_path)) == {"console", "mailbox"}
    everything = {name: channel.model_copy(update={"enabled": True}) for name, channel in GUIDE.channels.items()}
    opened = open_channels(everything, kit, tmp_path)
    assert set(everything) == set(opened)
    types = {name: channel.type for name, channel in opened.items()}
    assert types["slack-critical"] == "slack_webhook"
    assert types["slack-bot-critical"] == "slack_bot"
    assert {types[name] for name in ("pagerduty", "sms", "teams", "discord")} == {
        "pagerduty",
        "sms",
        "teams",
        "discord",
    }


def test_mail_without_a_server_is_not_open_and_a_token_is_handed_on(tmp_path: Path) -> None:
    mail = GUIDE.channels["email-person"]
    assert isinstance(mail, EmailChannel)
    assert config_of(mail.model_copy(update={"smtp_host": None}), tmp_path) is None
    plain = config_of(mail.model_copy(update={"username": None}), tmp_path)
    assert plain is not None
    assert "password" not in plain
    http = GUIDE.channels["http"]
    assert isinstance(http, HttpChannel)
    config = config_of(http.model_copy(update={"token": "secret:pager"}), tmp_path)
    assert config is not None
    assert config["bearer"].startswith("file:")
