"""Outgoing HTTP: one try, to a checked and pinned address, without redirects, with an honest outcome."""

import asyncio
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlsplit

import h11

from judgify.kit.clock import Clock
from judgify.kit.egress import Target, check_address
from judgify.kit.errors import Denied, Invalid, JudgifyError, Unavailable
from judgify.notify.exchange import Begun, exchange
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; the rest is not waited for."""
MAX_RETRY_AFTER_S: Final = 3600.0
_IN_QUERY: Final = "/%:@!$&'()*+,;=~-._?"
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_FORBIDDEN: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, and the first `MAX_ANSWER` bytes of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Poster:
    """Posts to outside addresses. Every call resolves, checks and pins its address anew and closes its connection."""

    def __init__(
        self, *, clock: Clock, allow: Iterable[str] = (), timeout_s: float = 10, ca_file: str | None = None
    ) -> None:
        """Keep the allow-list of inside addresses and the time in seconds that one whole try may take."""
        self._clock = clock
        self._allow = tuple(allow)
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    async def close(self) -> None:
        """Release what is held: nothing stays open between two calls."""
        self._tls = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
    ) -> Answer | Refused | Unknown:
        """Send one POST. An `Answer` of any status means that the other side spoke; else why it did not.

        A failure before the first byte of the request is `Refused`; any later one is `Unknown`.
        """
        begun = Begun()
        try:
            async with asyncio.timeout(self._timeout_s):
                target = await check_address(url, self._allow)
                return await self._send(target, url, body, headers, begun)
        except TimeoutError:
            if begun.yes:
                return Unknown(Doubt.TIMEOUT, f"no answer within {self._timeout_s:g} s")
            return Refused(Reason.UNREACHABLE, f"no connection within {self._timeout_s:g} s", retryable=True)
        except (OSError, h11.ProtocolError, EOFError) as error:
            return _broken(error, secrets, begun=begun.yes)
        except JudgifyError as error:
            return address_refusal(error, secrets)

    async def probe(self, url: str) -> None:
        """Check and resolve an address, connect to it and hang up; raises the kit's error when that fails."""
        try:
            async with asyncio.timeout(self._timeout_s):
                target = await check_address(url, self._allow)
                _, writer = await asyncio.open_connection(target.address, target.port)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"no connection: {type(error).__name__}") from error
        writer.transport.abort()

    async def _send(self, target: Target, url: str, body: bytes, headers: Mapping[str, str], begun: Begun) -> Answer:
        if target.scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
        tls = self._tls if target.scheme == "https" else None
        request = h11.Request(
            method="POST",
            target=path_of(url),
            headers=[
                ("Host", host_header(target)),
                *headers.items(),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ],
        )
        response, received = await exchange(target, request, body, tls=tls, limit=MAX_ANSWER, begun=begun)
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status_code, named, received)


def path_of(url: str) -> str:
    """Give path and query as a request line holds them: ASCII, what is not is percent-encoded."""
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{quote(parts.query, safe=_IN_QUERY)}" if parts.query else path


def host_header(target: Target) -> str:
    """Give the Host header of the name that was asked for; the port is left out where it is the scheme's own."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = 443 if target.scheme == "https" else 80
    return host if target.port == usual else f"{host}:{target.port}"


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give headers that may be sent; `Invalid` for one that would break out of its line or steer the connection."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Invalid(f"{name[:40]!r} is not a header name")
        if name.lower() in _FORBIDDEN:
            raise Invalid(f"the header {name} is set by the connection itself")
        if not value.isascii() or not value.isprintable():
            raise Invalid(f"the value of header {name} holds characters that no header may hold")
    return dict(headers)


def judge_status(answer: Answer, now: datetime, secrets: tuple[str, ...] = ()) -> Outcome:
    """Turn an answer's status into an outcome, as any HTTP receiver means it."""
    status = answer.status
    said = safe_detail(f"{status} {answer.body[:200].decode('utf-8', errors='replace')}", secrets)
    outcome: Outcome
    if 200 <= status < 300:
        outcome = Sent(f"{status}", now)
    elif 300 <= status < 400:
        outcome = Refused(Reason.REDIRECTED, f"answered {status}; redirects are not followed", retryable=False)
    elif status in {401, 403, 407}:
        outcome = Refused(Reason.UNAUTHORIZED, said, retryable=False)
    elif status in {404, 410}:
        outcome = Refused(Reason.GONE, said, retryable=False)
    elif status == 429 or (status == 503 and "retry-after" in answer.headers):
        wait = retry_after(answer.headers.get("retry-after"), now)
        outcome = Refused(Reason.RATE_LIMITED, said, retryable=True, retry_after_s=wait)
    elif status in {502, 504}:
        outcome = Unknown(Doubt.PROXY_FAILED, said)
    elif status >= 500:
        outcome = Refused(Reason.SERVER_ERROR, said, retryable=True)
    else:
        outcome = Refused(Reason.REJECTED, said, retryable=status in {408, 425})
    return outcome


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or date, into seconds from `now`; at most an hour; None if unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max(0.0, (moment - now).total_seconds()), MAX_RETRY_AFTER_S)


def address_refusal(error: JudgifyError, secrets: tuple[str, ...] = ()) -> Refused:
    """Turn what the check of an address raised into an outcome."""
    detail = safe_detail(error.detail, secrets)
    if isinstance(error, Denied):
        return Refused(Reason.ADDRESS_REFUSED, detail, retryable=False)
    if isinstance(error, Unavailable):
        return Refused(Reason.UNREACHABLE, detail, retryable=True)
    return Refused(Reason.MISCONFIGURED, detail, retryable=False)


def _broken(error: Exception, secrets: tuple[str, ...], *, begun: bool) -> Refused | Unknown:
    if begun:
        return Unknown(
            Doubt.CONNECTION_LOST, f"the connection broke after the request was begun: {type(error).__name__}"
        )
    reason = tls_reason(error)
    if reason is not None:
        return Refused(Reason.TLS_FAILED, safe_detail(f"TLS failed: {reason}", secrets), retryable=True)
    return Refused(Reason.UNREACHABLE, f"no connection: {type(error).__name__}", retryable=True)


def tls_reason(error: BaseException) -> str | None:
    """Give why TLS failed when that is what lies behind an error, else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            # A library's own error may carry the type without the reason; what lies behind it then has it.
            behind = cause.__cause__ or cause.__context__
            return getattr(cause, "reason", None) or (behind and tls_reason(behind)) or type(cause).__name__
        cause = cause.__cause__ or cause.__context__
    return None
