"""E-mail by SMTP: STARTTLS or TLS, real MIME with Korean headers, and an honest outcome when a connection breaks."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Final, Literal, cast

import aiosmtplib

from judgify.kit.clock import SEOUL, Clock
from judgify.kit.egress import check_address
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify.channel import Check
from judgify.notify.fence import pass_fence
from judgify.notify.message import Message, Recipient, headline, one_line, plain_text
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import resolve
from judgify.notify.wire import address_refusal, tls_reason

Tls = Literal["starttls", "tls", "none"]
_AUTH_CODES: Final = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where and how to hand mail over. `username` and `password` are references; both or none."""

    host: str
    port: int
    sender: str
    tls: Tls = "starttls"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    timeout_s: float = 20


class EmailChannel:
    """Hands each message to an SMTP server.

    Until the server has been asked to take the text, a failure is `Refused`; once it has, a broken connection or a
    missing answer is `Unknown`, since the server may have kept the mail.
    """

    type = "email"

    def __init__(
        self, name: str, server: MailServer, *, clock: Clock, environ: Mapping[str, str], allow: Iterable[str] = ()
    ) -> None:
        """Keep the server's description; nothing is connected yet."""
        self._name = name
        self._server = server
        self._clock = clock
        self._environ = environ
        self._allow = tuple(allow)

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Hand one mail over; the receipt is what the server answered."""
        if recipient.email is None:
            return Refused(Reason.NO_ADDRESS, f"{one_line(recipient.name)} has no e-mail address", retryable=False)
        try:
            to = read_address(recipient.email, recipient.name)
        except Invalid as error:
            # One contact's mistyped address says nothing of the channel.
            return Refused(Reason.REJECTED, error.detail, retryable=False)
        try:
            sender = read_address(self._server.sender)
            secrets = self._credentials()
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        mail = compose(message, sender, to, attempt, self._clock)
        handed_over = False
        try:
            async with asyncio.timeout(self._server.timeout_s), self._session(secrets) as smtp:
                await smtp.mail(sender.addr_spec)
                await smtp.rcpt(to.addr_spec)
                await pass_fence()
                handed_over = True
                answer = await smtp.data(mail.as_bytes())
        except (aiosmtplib.SMTPException, OSError, JudgifyError) as error:
            return _judge(error, secrets, handed_over=handed_over)
        return Sent(safe_detail(f"{answer.code} {answer.message}", secrets), self._clock.now())

    async def check(self) -> Check:
        """Connect, greet, sign in where credentials are set, and leave."""
        secrets: tuple[str, ...] = ()
        try:
            secrets = self._credentials()
            async with asyncio.timeout(self._server.timeout_s), self._session(secrets) as smtp:
                await smtp.noop()
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail, secrets))
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Check("down", safe_detail(f"the mail server cannot be used: {type(error).__name__}", secrets))
        return Check("ok")

    async def close(self) -> None:
        """Hold nothing open."""

    def _credentials(self) -> tuple[str, ...]:
        if self._server.username is None or self._server.password is None:
            return ()
        return resolve(self._server.username, self._environ), resolve(self._server.password, self._environ)

    @asynccontextmanager
    async def _session(self, credentials: tuple[str, ...]) -> AsyncIterator[aiosmtplib.SMTP]:
        server = self._server
        host = f"[{server.host}]" if ":" in server.host else server.host
        target = await check_address(f"https://{host}:{server.port}/", self._allow)
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (target.address, target.port))
        except BaseException:
            sock.close()
            raise
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            local_hostname="localhost",
            sock=sock,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=ssl.create_default_context(cafile=server.ca_file) if server.tls != "none" else None,
            timeout=server.timeout_s,
        )
        try:
            await smtp.connect()
            if credentials:
                await smtp.login(credentials[0], credentials[1])
            yield smtp
            # The mail is handed over by now; a server that hangs up instead of saying goodbye changes nothing.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit(timeout=1)
        finally:
            # The transport owns the socket from connect() on: closing it here as well could hit a reused descriptor.
            if smtp.transport is not None:
                # uvloop's transports can abort too, but are no subclass of asyncio's.
                cast("asyncio.WriteTransport", smtp.transport).abort()
            smtp.close()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0)


def compose(message: Message, sender: Address, to: Address, attempt: int, clock: Clock) -> EmailMessage:
    """Build the mail. Values become one line before they become headers, so none can start another header."""
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = clock.now().astimezone(SEOUL)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = headline(message)
    mail["Message-ID"] = make_msgid(domain=sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    if message.kind == "page":
        mail["Importance"] = "high"
    mail["X-Judgify-Kind"] = message.kind
    mail["X-Judgify-Attempt"] = str(attempt)
    mail["X-Judgify-Dedup-Key"] = one_line(message.dedup_key)
    mail.set_content(plain_text(message), charset="utf-8")
    return mail


def read_address(text: str, shown: str = "") -> Address:
    """Read one mail address (`name@host`); `Invalid` for anything that could smuggle in a second one."""
    plain = text.isascii() and text.isprintable() and not any(mark in text for mark in ' ,;<>()[]"\\')
    name, at, domain = text.partition("@")
    if not (plain and name and at and domain) or "@" in domain:
        raise Invalid(f"{one_line(text)[:80]!r} is not a mail address")
    try:
        return Address(display_name=one_line(shown), addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:
        raise Invalid(f"{one_line(text)[:80]!r} is not a mail address") from error


def _judge(error: Exception, secrets: tuple[str, ...], *, handed_over: bool) -> Refused | Unknown:
    if isinstance(error, JudgifyError):
        return address_refusal(error, secrets)
    # A code below zero is aiosmtplib's word for an answer that is none.
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return _answered(error, secrets)
    kind = type(error).__name__
    if handed_over:
        doubt = Doubt.TIMEOUT if isinstance(error, TimeoutError) else Doubt.CONNECTION_LOST
        return Unknown(doubt, f"no proper answer after the text was begun: {kind}")
    if "STARTTLS" in str(error):
        return Refused(Reason.TLS_FAILED, "the mail server does not offer STARTTLS", retryable=True)
    reason = tls_reason(error)
    if reason is not None:
        return Refused(Reason.TLS_FAILED, safe_detail(f"TLS failed: {reason}", secrets), retryable=True)
    return Refused(Reason.UNREACHABLE, f"no usable connection: {kind}", retryable=True)


def _answered(error: aiosmtplib.SMTPResponseException, secrets: tuple[str, ...]) -> Refused:
    said = safe_detail(f"{error.code} {error.message}", secrets)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) or error.code in _AUTH_CODES:
        return Refused(Reason.UNAUTHORIZED, said, retryable=False)
    if error.code == 421:
        return Refused(Reason.SERVER_ERROR, said, retryable=True)
    if error.code < 500:
        return Refused(Reason.RATE_LIMITED, said, retryable=True)
    return Refused(Reason.REJECTED, said, retryable=False)
