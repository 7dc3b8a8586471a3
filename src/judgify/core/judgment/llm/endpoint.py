"""The one door to the model: an OpenAI-compatible endpoint, reached through a guarded transport.

The client's library is loaded when the first question is asked, in a thread: it is large, and judging goes on
meanwhile. What an endpoint says in an error is never repeated: some quote the key that they were given.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal, Protocol

import msgspec

from judgify.core.judgment.llm.config import ModelConfig
from judgify.core.judgment.llm.prompt import Messages
from judgify.kit.egress import check_address
from judgify.kit.errors import Denied, Invalid, JudgifyError
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.llm")
MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer; more is no answer."""
CONNECT_S: Final = 3.0
_RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LIBRARIES: Final = ("openai", "httpx2", "httpcore2")

Reason = Literal[
    "address_refused",
    "unreachable",
    "unauthorized",
    "rate_limited",
    "http_error",
    "timeout",
    "too_large",
    "no_answer",
    "refusal",
    "truncated",
    "not_json",
    "schema",
    "busy",
    "loading",
    "breaker_open",
    "budget_day",
    "budget_judgment",
]
REASONS: Final[dict[Reason, str]] = {
    "address_refused": "its address is not a public one and not in JUDGIFY_EGRESS_ALLOW",
    "unreachable": "it cannot be reached",
    "unauthorized": "it refuses the key",
    "rate_limited": "it asks to wait (429)",
    "http_error": "it answered with an error",
    "timeout": "it did not answer in time",
    "too_large": "its answer was too large",
    "no_answer": "its answer held no choice",
    "refusal": "it refused to judge",
    "truncated": "its answer was cut off",
    "not_json": "its answer was no JSON",
    "schema": "its answer did not fit the schema",
    "busy": "too many judgments wait for it",
    "loading": "its client is still being loaded",
    "breaker_open": "it failed repeatedly and is left alone for now",
    "budget_day": "the day's token budget is used up",
    "budget_judgment": "the input is too large for one judgment's token budget",
}
"""Why a model's answer was not used: the closed set that notes, records and the metric have in common."""


class Trouble(Exception):
    """One try came to nothing; the reason is one of a closed set."""

    def __init__(
        self,
        reason: Reason,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        retryable: bool = False,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        """Keep the reason; `tokens` are those that the endpoint says it took, None when it said nothing."""
        super().__init__(reason)
        self.reason: Final[Reason] = reason
        self.status = status
        self.retry_after_s = retry_after_s
        self.retryable = retryable
        self.tokens = tokens

    def told(self) -> str:
        """Say it in a sentence's part, in our own words."""
        return REASONS[self.reason] + (f" ({self.status})" if self.reason == "http_error" and self.status else "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, and the tokens that it took, as the endpoint counts them."""

    content: str
    tokens: tuple[int, int] | None


class Model(Protocol):
    """What the advisor needs of an endpoint."""

    async def load(self) -> None:
        """Get ready to ask; takes a second or two the first time, and nothing after."""
        ...

    async def ask(self, told: Messages, form: dict[str, Any], *, model: str, max_tokens: int) -> Reply:
        """Ask once; `Trouble` says why there is no answer. The caller's deadline bounds the time."""
        ...

    async def look(self) -> None:
        """Ask for the list of models, which costs nothing; `Trouble` when that does not come."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_COMPLETION: Final = msgspec.json.Decoder(_Completion)


class Endpoint:
    """Asks through the `openai` client: no redirects, no proxy of the environment, no repeats of its own."""

    def __init__(self, config: ModelConfig) -> None:
        """Describe; nothing is loaded or connected yet."""
        self._config = config
        self._loading = asyncio.Lock()
        self._loaded: asyncio.Task[tuple[ModuleType, ModuleType]] | None = None
        self._library: Any = None
        self._transport: Any = None
        self._client: Any = None

    async def load(self) -> None:
        """Load the client's library."""
        try:
            await self._open()
        except Exception as error:  # noqa: BLE001 - the named boundary: without the library, rules judge
            raise self._trouble(error) from None

    async def ask(self, told: Messages, form: dict[str, Any], *, model: str, max_tokens: int) -> Reply:
        """Ask once."""
        raw = await self._call(
            lambda client: client.chat.completions.with_raw_response.create(
                messages=told, model=model, response_format=form, max_completion_tokens=max_tokens
            )
        )
        return self._read(raw.content)

    async def look(self) -> None:
        """Ask for the list of models."""
        await self._call(lambda client: client.models.with_raw_response.list())

    async def _call(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            client = await self._open()
            return await question(client)
        except Trouble:
            raise
        except Exception as error:  # noqa: BLE001 - the named boundary: whatever the library does, rules judge
            raise self._trouble(error) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _read(self, body: bytes) -> Reply:
        key = self._config.api_key
        try:
            found = _COMPLETION.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Trouble("not_json") from None
        tokens = (max(0, found.usage.prompt_tokens), max(0, found.usage.completion_tokens)) if found.usage else None
        if not found.choices:
            raise Trouble("no_answer", tokens=tokens)
        choice = found.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise Trouble("refusal", tokens=tokens)
        if choice.finish_reason == "length":
            raise Trouble("truncated", tokens=tokens)
        content = choice.message.content
        if not content:
            raise Trouble("no_answer", tokens=tokens)
        if key and key in content:
            # Not even an endpoint that repeats what it was sent may carry the key into a record.
            raise Trouble("schema", tokens=tokens)
        return Reply(content, tokens)

    def _trouble(self, error: Exception) -> Trouble:
        if isinstance(error.__cause__, Trouble):
            return error.__cause__
        if self._library is not None and isinstance(error, self._library.APITimeoutError):
            return Trouble("timeout")
        if self._library is not None and isinstance(error, self._library.APIStatusError):
            return _refused(error.status_code, error.response.headers.get("retry-after"))
        if self._library is None or not isinstance(error, self._library.APIConnectionError | self._transport.HTTPError):
            # Its name only: its text may hold what was asked.
            log.warning("the model's client failed", reason=type(error).__name__)
        return Trouble("unreachable", retryable=True)

    async def _open(self) -> Any:
        async with self._loading:
            if self._client is None:
                if self._loaded is None:
                    self._loaded = asyncio.create_task(asyncio.to_thread(_load), name="load the model's client")
                # Who gives up waiting leaves the loading to go on for the next one.
                self._library, self._transport = await asyncio.shield(self._loaded)
                config = self._config
                self._client = self._library.AsyncOpenAI(
                    # A server of one's own often asks for no key; the client insists on having one.
                    api_key=config.api_key or "none",
                    base_url=config.base_url,
                    max_retries=0,
                    timeout=config.timeout_s,
                    http_client=_http(self._transport, config),
                )
        return self._client


def _refused(status: int, retry_after: str | None) -> Trouble:
    if status in {401, 403}:
        return Trouble("unauthorized", status=status)
    wait = float(retry_after) if retry_after and retry_after.strip().isdigit() else None
    reason: Reason = "rate_limited" if status == 429 else "http_error"
    return Trouble(reason, status=status, retry_after_s=wait, retryable=status in _RETRYABLE)


def _load() -> tuple[ModuleType, ModuleType]:
    # Tens of megabytes: only a service that asks a model pays for them.
    import httpx2  # noqa: PLC0415 - see above
    import openai  # noqa: PLC0415 - see above
    from openai.resources.chat.completions import AsyncCompletions  # noqa: F401, PLC0415 - loaded by the first use else

    for name in _LIBRARIES:
        # They log addresses and whole requests at their lower levels.
        logging.getLogger(name).setLevel(logging.WARNING)
    return openai, httpx2


def _bounded(library: Any) -> Any:
    """Make the stream of an answer that ends in `Trouble` beyond `MAX_ANSWER` bytes."""

    class Bounded(library.AsyncByteStream):  # type: ignore[misc]  # the library is loaded late
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for part in self._inner:
                size += len(part)
                if size > MAX_ANSWER:
                    raise Trouble("too_large")
                yield part

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Bounded


def _http(library: Any, config: ModelConfig) -> Any:
    """Make the client's HTTP part: checked and pinned addresses, a bound on answers."""
    bounded = _bounded(library)

    class Guarded(library.AsyncBaseTransport):  # type: ignore[misc]  # the library is loaded late
        def __init__(self) -> None:
            self._inner = library.AsyncHTTPTransport(trust_env=False)

        async def handle_async_request(self, request: Any) -> Any:
            try:
                target = await check_address(str(request.url), config.allow)
            except JudgifyError as error:
                refused = isinstance(error, Denied | Invalid)
                raise Trouble("address_refused" if refused else "unreachable", retryable=not refused) from None
            # The name stays in the Host header and in the TLS handshake; nothing resolves it a second time.
            request.extensions["sni_hostname"] = target.host
            request.url = request.url.copy_with(host=target.address)
            response = await self._inner.handle_async_request(request)
            response.stream = bounded(response.stream)
            if response.headers.get("content-encoding", "identity") != "identity":
                # Not asked for, and a small answer could unpack into one without bound.
                await response.aclose()
                raise Trouble("too_large")
            return response

        async def aclose(self) -> None:
            await self._inner.aclose()

    return library.AsyncClient(
        transport=Guarded(),
        follow_redirects=False,
        trust_env=False,
        timeout=library.Timeout(config.timeout_s, connect=min(CONNECT_S, config.timeout_s)),
        headers={"Accept-Encoding": "identity"},
    )
