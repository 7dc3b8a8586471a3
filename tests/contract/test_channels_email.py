"""E-mail against SMTP servers that work, refuse, encrypt, stall and hang up at every stage."""

import email
from datetime import UTC, datetime
from email.policy import default as mail_policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.support import channel_servers as servers

from judgify.kit.clock import FakeClock
from judgify.notify import Channel, Doubt, Message, Reason, Recipient, Refused, Sent, Toolkit, Unknown, build_channel

NOW = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
CANARY = "canary-4f1d8c7a9b2e"
PAGE = Message(
    kind="page", subject="데이터베이스 중단", body="확인 바랍니다.\n.\n점 하나", dedup_key="k", severity="P0"
)
PERSON = Recipient("김담당", email="duty@example.com")


def channel_to(port: int, tmp_path: Path, **more: Any) -> Channel:
    config = {"type": "email", "host": "localhost", "port": port, "sender": "judgify@example.com", "tls": "none"}
    kit = Toolkit(FakeClock(NOW), tmp_path, {"MAIL_USER": "judgify", "MAIL_PASSWORD": CANARY}, ("localhost",))
    return build_channel("mail", {**config, "timeout_s": 2, **more}, kit)


class Keeper:
    """Keeps the mails that a real SMTP server took over."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append(envelope)
        return "250 OK queued as 42"


async def test_a_korean_mail_arrives_at_a_real_server_over_starttls_with_login(tmp_path: Path) -> None:
    certificate, key = servers.make_certificate(tmp_path)
    keeper = Keeper()

    def sign_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(handled=False, success=data.password == CANARY.encode() and data.login == b"judgify")

    controller = Controller(
        keeper,
        hostname="127.0.0.1",
        port=servers.closed_port(),
        tls_context=servers.server_context(certificate, key),
        require_starttls=True,
        authenticator=sign_in,
        auth_required=True,
    )
    controller.start()
    try:
        more = {"tls": "starttls", "ca_file": str(certificate), "username": "env:MAIL_USER"}
        good = channel_to(controller.port, tmp_path, **more, password="env:MAIL_PASSWORD")
        assert (await good.check()).state == "ok"
        outcome = await good.deliver(PAGE, PERSON, 1)
        wrong = await channel_to(controller.port, tmp_path, **more, password="env:MAIL_USER").deliver(PAGE, PERSON, 1)
        strict = {name: value for name, value in more.items() if name != "ca_file"}
        untrusted = await channel_to(controller.port, tmp_path, **strict, password="env:MAIL_USER").deliver(
            PAGE, PERSON, 1
        )
    finally:
        controller.stop()
    assert outcome == Sent("250 OK queued as 42", NOW)
    assert isinstance(wrong, Refused)
    assert (wrong.reason, wrong.retryable) == (Reason.UNAUTHORIZED, False)
    assert isinstance(untrusted, Refused)
    assert untrusted.reason is Reason.TLS_FAILED
    [envelope] = keeper.kept
    assert envelope.rcpt_tos == ["duty@example.com"]
    assert isinstance(envelope.content, bytes)
    assert max(map(len, envelope.content.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(envelope.content, policy=mail_policy)
    assert mail["Subject"] == "[P0] 데이터베이스 중단"
    assert mail["To"] == "김담당 <duty@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    assert "확인 바랍니다.\n.\n점 하나" in mail.get_content().replace("\r\n", "\n")


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    certificate, key = servers.make_certificate(tmp_path)
    async with servers.serving(mail := servers.Mail(), servers.server_context(certificate, key)) as port:
        good = channel_to(port, tmp_path, tls="tls", ca_file=str(certificate))
        assert isinstance(await good.deliver(PAGE, PERSON, 1), Sent)
        bad = await channel_to(port, tmp_path, tls="tls").deliver(PAGE, PERSON, 1)
    assert isinstance(bad, Refused)
    assert bad.reason is Reason.TLS_FAILED
    assert len(mail.received) == 1


@pytest.mark.parametrize(
    ("answers", "reason", "retryable"),
    [
        ({"greeting": "421 too busy"}, Reason.SERVER_ERROR, True),
        ({"greeting": "554 go away"}, Reason.REJECTED, False),
        ({"MAIL": "451 greylisted"}, Reason.RATE_LIMITED, True),
        ({"MAIL": "530 5.7.0 sign in first"}, Reason.UNAUTHORIZED, False),
        ({"RCPT": f"550 no such user, password={CANARY}"}, Reason.REJECTED, False),
        ({"DATA": "452 no room"}, Reason.RATE_LIMITED, True),
        ({"TEXT": "554 looks like spam"}, Reason.REJECTED, False),
    ],
)
async def test_a_servers_no_is_told_as_it_was_meant(
    answers: dict[str, str], reason: Reason, *, retryable: bool, tmp_path: Path
) -> None:
    async with servers.serving(servers.Mail(answers=answers)) as port:
        outcome = await channel_to(port, tmp_path).deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (reason, retryable)
    assert CANARY not in repr(outcome)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("reset EHLO", Reason.UNREACHABLE),
        ("reset MAIL", Reason.UNREACHABLE),
        ("silent RCPT", Reason.UNREACHABLE),
        ("reset DATA", Doubt.CONNECTION_LOST),
        ("reset TEXT", Doubt.CONNECTION_LOST),
        ("silent TEXT", Doubt.TIMEOUT),
    ],
)
async def test_only_a_break_after_the_text_was_begun_is_in_doubt(
    fault: str, expected: Reason | Doubt, tmp_path: Path
) -> None:
    async with servers.serving(servers.Mail(fault=fault)) as port:
        outcome = await channel_to(port, tmp_path, timeout_s=0.4).deliver(PAGE, PERSON, 1)
    assert not isinstance(outcome, Sent)
    assert outcome.reason is expected
    assert isinstance(outcome, Unknown) == isinstance(expected, Doubt)


async def test_an_answer_that_is_none_after_the_text_is_in_doubt(tmp_path: Path) -> None:
    async with servers.serving(servers.Mail(answers={"TEXT": "what?"})) as port:
        outcome = await channel_to(port, tmp_path).deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Unknown)


async def test_a_server_that_hangs_up_instead_of_goodbye_has_the_mail(tmp_path: Path) -> None:
    async with servers.serving(servers.Mail(fault="reset QUIT")) as port:
        outcome = await channel_to(port, tmp_path).deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Sent)


async def test_no_server_no_starttls_and_inside_addresses_are_refused(tmp_path: Path) -> None:
    closed = channel_to(servers.closed_port(), tmp_path)
    refused = await closed.deliver(PAGE, PERSON, 1)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.retryable) == (Reason.UNREACHABLE, True)
    assert (await closed.check()).state == "down"
    async with servers.serving(mail := servers.Mail()) as port:
        bare = await channel_to(port, tmp_path, tls="starttls").deliver(PAGE, PERSON, 1)
        inside = await channel_to(port, tmp_path, host="127.0.0.2").deliver(PAGE, PERSON, 1)
    assert isinstance(bare, Refused)
    assert bare.reason is Reason.TLS_FAILED
    assert isinstance(inside, Refused)
    assert inside.reason is Reason.ADDRESS_REFUSED
    assert mail.received == []


@pytest.mark.parametrize(
    "address", ["a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c, x@y.z", "nobody", "@b.c", "a@", "한글@b.c", "<a@b.c>"]
)
async def test_an_address_that_is_none_is_refused_before_connecting(address: str, tmp_path: Path) -> None:
    async with servers.serving(mail := servers.Mail()) as port:
        outcome = await channel_to(port, tmp_path).deliver(PAGE, Recipient("x", email=address), 1)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (Reason.REJECTED, False)
    assert mail.commands == []


async def test_a_person_without_a_mail_address_and_a_missing_password(tmp_path: Path) -> None:
    nowhere = await channel_to(1, tmp_path).deliver(PAGE, Recipient("김담당"), 1)
    assert nowhere == Refused(Reason.NO_ADDRESS, "김담당 has no e-mail address", retryable=False)
    more = {"tls": "starttls", "username": "env:MAIL_USER", "password": "env:NOT_SET"}
    channel = channel_to(1, tmp_path, **more)
    outcome = await channel.deliver(PAGE, PERSON, 1)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.MISCONFIGURED
    assert (await channel.check()).state == "down"
