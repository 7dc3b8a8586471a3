"""Calls to Slack's Web API through the vendor's SDK, held to our rules.

A checked address, no redirects, one try, a bounded time, an honest outcome. The SDK is imported when the first call is
made, so an engine without Slack never loads it.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from judgify.kit.clock import Clock
from judgify.kit.egress import check_address
from judgify.kit.errors import JudgifyError
from judgify.notify.outcome import Doubt, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.wire import Answer, address_refusal, judge_status, tls_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient

API: Final = "https://slack.com/api/"
_NOT_ALLOWED: Final = frozenset(
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
        "not_allowed_token_type", "no_permission", "org_login_required", "ekm_access_denied", "access_denied",
        "two_factor_setup_required", "team_access_not_granted",
    }
)  # fmt: skip
_GONE: Final = frozenset({"channel_not_found", "is_archived"})
_LATER: Final = frozenset({"request_timeout", "service_unavailable", "team_added_to_org", "accesslimited"})
_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_UNSURE: Final = frozenset({"fatal_error", "internal_error"})
"""Slack: "It's possible some aspect of the operation succeeded before the error was raised"."""


class RedirectedError(Exception):
    """The other side pointed elsewhere; redirects are not followed."""


@dataclass(frozen=True, slots=True)
class Said:
    """What Slack answered to a call that it took."""

    data: Mapping[str, Any]
    at: datetime


class SlackCalls:
    """One Slack app's way to the Web API. Every call resolves and checks its address anew and keeps nothing open."""

    def __init__(
        self,
        *,
        clock: Clock,
        allow: Iterable[str] = (),
        timeout_s: float = 8,
        ca_file: str | None = None,
        base_url: str = API,
    ) -> None:
        """Keep the allow-list and the time in seconds that one call may take."""
        self.clock = clock
        self.allow = tuple(allow)
        self.timeout_s = timeout_s
        self.ca_file = ca_file
        self.base_url = base_url if base_url.endswith("/") else f"{base_url}/"

    async def call(self, method: str, token: str, **arguments: Any) -> Said | Refused | Unknown:
        """Make one call of the Web API, such as `chat.postMessage`. Never raises, and no outcome holds the token."""
        begun = False

        def begin() -> None:
            nonlocal begun
            begun = True

        await asyncio.to_thread(self.load)
        try:
            async with asyncio.timeout(self.timeout_s):
                await check_address(self.base_url, self.allow)
                async with self.session(begin) as session:
                    answer = await self.client(token, session).api_call(method, json=arguments)
            return Said(answer.data if isinstance(answer.data, dict) else {}, self.clock.now())
        except TimeoutError:
            if begun:
                return Unknown(Doubt.TIMEOUT, f"no answer within {self.timeout_s:g} s")
            return Refused(Reason.UNREACHABLE, f"no connection within {self.timeout_s:g} s", retryable=True)
        except JudgifyError as error:
            return address_refusal(error, (token,))
        except RedirectedError:
            return Refused(Reason.REDIRECTED, "answered with a redirect; redirects are not followed", retryable=False)
        except Exception as error:  # noqa: BLE001 - the SDK lets through whatever lies below it; sorted out there
            return self._broken(error, token, begun=begun)

    @staticmethod
    def load() -> None:
        """Load the SDK. Slow the first time, so it is done in a thread."""
        import aiohttp  # noqa: F401, PLC0415 - lazily: an engine without Slack must not carry it
        import slack_sdk.web.async_client  # noqa: F401, PLC0415 - as above

    def session(self, begin: "Callable[[], None] | None" = None, *, lasting: bool = False) -> "aiohttp.ClientSession":
        """Make a session that connects to checked addresses only and follows no redirect.

        `begin` hears of the moment from which a request may have reached the other side. A `lasting` one is for a
        connection that stays open: only connecting is bounded.
        """
        import aiohttp  # noqa: PLC0415 - lazily, see `load`

        trace = aiohttp.TraceConfig()

        async def redirected(*_: Any) -> None:
            raise RedirectedError

        async def connected(*_: Any) -> None:
            if begin is not None:
                begin()

        trace.on_request_redirect.append(redirected)
        trace.on_connection_create_end.append(connected)
        context = ssl.create_default_context(cafile=self.ca_file)
        connector = aiohttp.TCPConnector(
            resolver=_resolver(self.allow), use_dns_cache=False, force_close=True, ssl=context
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None if lasting else self.timeout_s, connect=self.timeout_s),
            trace_configs=[trace],
            trust_env=False,
        )

    def client(self, token: str, session: "aiohttp.ClientSession") -> "AsyncWebClient":
        """Give the SDK's client on a session of ours: no retries of its own, no proxy from the environment."""
        from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - lazily, see `load`

        client = AsyncWebClient(
            token=token, base_url=self.base_url, session=session, retry_handlers=[], logger=quiet_logger()
        )
        client.proxy = None
        return client

    def _broken(self, error: Exception, token: str, *, begun: bool) -> Refused | Unknown:
        import aiohttp  # noqa: PLC0415 - lazily, see `load`
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415 - as above

        if isinstance(error, SlackApiError):
            return self._judged(error.response, token)
        reason = tls_reason(error)
        if reason is not None and not begun:
            return Refused(Reason.TLS_FAILED, f"TLS failed: {reason}", retryable=True)
        if isinstance(error, aiohttp.ClientConnectorError) or (isinstance(error, OSError) and not begun):
            return Refused(Reason.UNREACHABLE, f"no connection: {type(error).__name__}", retryable=True)
        if isinstance(error, aiohttp.ClientError | OSError):
            told = f"the connection broke after the request was begun: {type(error).__name__}"
            return Unknown(Doubt.CONNECTION_LOST, told)
        return Unknown(Doubt.UNEXPECTED_ANSWER, f"the answer is not Slack's: {type(error).__name__}")

    def _judged(self, response: Any, token: str) -> Refused | Unknown:
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
        headers = {str(name).lower(): str(value) for name, value in dict(response.headers).items()}
        data = getattr(response, "data", None)
        data = data if isinstance(data, dict) else {}
        word = str(data.get("error", ""))[:80]
        now = self.clock.now()
        if status != 200 or word in _LIMITED:
            told = Answer(429 if word in _LIMITED else status, headers, word.encode())
            outcome = judge_status(told, now, (token,))
            return outcome if not isinstance(outcome, Sent) else _strange()
        detail = safe_detail(f"Slack says {word}" + (f" ({data['needed']})" if data.get("needed") else ""), (token,))
        if not word:
            return _strange()
        if word in _UNSURE:
            return Unknown(Doubt.UNEXPECTED_ANSWER, f"{detail}; it may have gone all the same")
        reason = Reason.UNAUTHORIZED if word in _NOT_ALLOWED else Reason.GONE if word in _GONE else Reason.REJECTED
        later = word in _LATER
        return Refused(Reason.SERVER_ERROR if later else reason, detail, retryable=later)


def quiet_logger() -> logging.Logger:
    """Give the SDK its logger: silent, since its lines may hold addresses with tickets; we tell what matters."""
    logger = logging.getLogger("judgify.notify.slack_sdk")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def _strange() -> Unknown:
    return Unknown(Doubt.UNEXPECTED_ANSWER, "the answer is not Slack's; something else answers there")


def _resolver(allow: tuple[str, ...]) -> Any:
    from aiohttp.abc import AbstractResolver, ResolveResult  # noqa: PLC0415 - lazily, see `SlackCalls.load`

    class Checked(AbstractResolver):
        """Gives the one address that passed the check: nothing resolves the name a second time."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            target = await check_address(f"https://{host}:{port}", allow)
            found = socket.AF_INET6 if ":" in target.address else socket.AF_INET
            del family
            return [ResolveResult(hostname=host, host=target.address, port=port, family=found, proto=0, flags=0)]

        async def close(self) -> None:
            """Hold nothing open."""

    return Checked()
