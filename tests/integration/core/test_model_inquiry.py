"""The model asked through the real client at a real, scripted endpoint: every way in which it can fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.core_service import until
from tests.support.model_endpoint import ModelEndpoint, model_endpoint

from judgify.core.contracts.advice import AnswerForm, Opinion
from judgify.core.judgment.llm.budget import Budget
from judgify.core.judgment.llm.config import ModelConfig
from judgify.core.judgment.llm.endpoint import Endpoint, _load
from judgify.core.judgment.llm.inquiry import Heard, Inquirer
from judgify.kit.clock import SystemClock
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings

pytestmark = pytest.mark.guide("G14", "S02")
FORM = AnswerForm({"type": "string", "enum": ["OK", "NG"]}, strict=True)
ASKED = [{"role": "system", "content": "judge"}, {"role": "user", "content": '<r>{"온도": 70}</r>'}]
KEY = "sk-canary-1234567890abcdef"


class Nowhere:
    """A ledger for one process."""

    def __init__(self) -> None:
        self.total = 0

    async def add(self, day: date, tokens: int) -> int:
        self.total += tokens
        return self.total


@pytest.fixture(scope="module")
def shared() -> Iterator[ModelEndpoint]:
    _load()  # seconds on a busy machine; no test is about that
    with model_endpoint(key=KEY) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared: ModelEndpoint) -> ModelEndpoint:
    shared.switch("good", delay_s=0)
    return shared


def config(endpoint: ModelEndpoint, **changes: Any) -> ModelConfig:
    read = ModelConfig.read(Settings.from_env(endpoint.environ(), Path("/nowhere")))
    return replace(read, **({"timeout_s": 2.0, "probe_s": 0.2, "retries": 0} | changes))


@asynccontextmanager
async def inquirer(config: ModelConfig) -> AsyncIterator[Inquirer]:
    clock = SystemClock()
    budget = Budget(config.tokens_day, Nowhere(), clock)
    made = Inquirer(config, Endpoint(config), budget, metrics=Metrics("judgment"), clock=clock)
    made.start()
    try:
        yield made
    finally:
        await made.close()


async def ask(made: Inquirer, **more: Any) -> Heard:
    return await made.inquire(ASKED, FORM, **more)


def count(made: Inquirer, outcome: str) -> float:
    found: float = made.outcomes.labels(outcome)._value.get()
    return found


async def test_a_good_answer_with_what_it_took(endpoint: ModelEndpoint) -> None:
    async with inquirer(config(endpoint)) as made:
        heard = await ask(made)
        assert heard.opinion == Opinion("matched", "NG", 0.9, "70 is at or above 50")
        assert (heard.reason, heard.model, heard.attempts) == (None, "scripted", 1)
        assert heard.prompt_tokens > 0
        assert heard.completion_tokens > 0
        assert heard.latency_ms > 0
        assert made.health() == "ok"
        assert made.budget.spent == heard.prompt_tokens + heard.completion_tokens
        assert made.about()["available"]
    asked = endpoint.state()["last"]
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["response_format"]["json_schema"]["schema"] == FORM.sent
    assert asked["max_completion_tokens"] == 1024


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("prose", "not_json"),
        ("schema", "schema"),
        ("array", "schema"),
        ("refusal", "refusal"),
        ("empty", "no_answer"),
        ("truncated", "truncated"),
    ],
)
async def test_nonsense_is_a_failure_with_its_reason(endpoint: ModelEndpoint, kind: str, reason: str) -> None:
    endpoint.switch("nonsense", kind=kind)
    async with inquirer(config(endpoint, retries=3)) as made:
        heard = await ask(made)
        assert (heard.opinion, heard.reason, heard.attempts) == (None, reason, 1)
        assert count(made, reason) == 1


async def test_a_crawling_answer_ends_with_the_deadline_though_bytes_keep_coming(endpoint: ModelEndpoint) -> None:
    endpoint.switch("crawl")
    async with inquirer(config(endpoint, timeout_s=0.6)) as made:
        heard = await ask(made)
        assert heard.reason == "timeout"
        assert 500 < heard.latency_ms < 1500


async def test_a_huge_answer_is_cut_off(endpoint: ModelEndpoint) -> None:
    endpoint.switch("huge")
    async with inquirer(config(endpoint)) as made:
        assert (await ask(made)).reason == "too_large"


async def test_an_error_is_tried_again_and_an_endpoint_that_mends_itself_is_not_given_up(
    endpoint: ModelEndpoint,
) -> None:
    endpoint.switch("rate_limited", retry_after_s=1)
    async with inquirer(config(endpoint, retries=2)) as made:
        asking = asyncio.create_task(ask(made))
        before = endpoint.state()["asked"].get("chat", 0)
        await until(lambda: _chats(endpoint, before + 1))
        endpoint.switch("good")
        heard = await asking
        assert heard.opinion is not None
        assert heard.attempts == 2
        assert heard.latency_ms >= 1000  # it waited as long as it was asked to


async def _chats(endpoint: ModelEndpoint, number: int) -> bool:
    return bool(endpoint.state()["asked"].get("chat", 0) >= number)


async def test_who_asks_for_a_longer_wait_than_there_is_time_gets_it(endpoint: ModelEndpoint) -> None:
    endpoint.switch("rate_limited", retry_after_s=30)
    async with inquirer(config(endpoint, retries=2)) as made:
        first, second = await ask(made), await ask(made)
        assert (first.reason, first.attempts) == ("rate_limited", 1)
        assert (second.reason, second.attempts) == ("breaker_open", 0)


async def test_the_breaker_opens_asks_nobody_and_closes_when_the_endpoint_is_back(endpoint: ModelEndpoint) -> None:
    endpoint.switch("fail")
    async with inquirer(config(endpoint, failures=2, probe_s=2.0)) as made:
        assert [(await ask(made)).reason for _ in range(2)] == ["http_error", "http_error"]
        assert made.health() == "down"
        asked = endpoint.state()["asked"]["chat"]
        assert (await ask(made)).reason == "breaker_open"
        assert endpoint.state()["asked"]["chat"] == asked
        told = made.about()
        assert (told["available"], told["breaker"]) == (False, "open")
        assert told["reason"] == "it answered with an error"
        endpoint.switch("good")
        await until(lambda: _closed(made))  # nobody asks for a judgment meanwhile
        assert (await ask(made)).opinion is not None


async def _closed(made: Inquirer) -> bool:
    return made.health() == "ok"


@pytest.mark.parametrize("mode", ["nonsense", "crawl"])
async def test_a_list_of_models_alone_does_not_close_it(endpoint: ModelEndpoint, mode: str) -> None:
    endpoint.switch(mode, kind="prose" if mode == "nonsense" else None)
    async with inquirer(config(endpoint, failures=1, timeout_s=0.4)) as made:
        await ask(made)
        assert made.health() == "down"
        before = endpoint.state()["asked"].get("models", 0)

        async def looked_twice() -> bool:
            return bool(endpoint.state()["asked"].get("models", 0) >= before + 2)

        await until(looked_twice)
        assert made.health() == "down"
        endpoint.switch("good")
        await until(lambda: _closed(made))


async def test_a_refused_connection_and_its_return() -> None:
    gone = ModelEndpoint()
    async with inquirer(config(gone, failures=1)) as made:
        heard = await ask(made)
        assert (heard.reason, heard.prompt_tokens) == ("unreachable", 0)
        assert made.health() == "down"
        gone.start()
        try:
            await until(lambda: _closed(made))
        finally:
            gone.stop()


async def test_an_address_that_is_not_allowed_is_never_called_and_says_so_at_the_start(
    endpoint: ModelEndpoint,
) -> None:
    before = endpoint.state()["asked"]
    async with inquirer(config(endpoint, allow=())) as made:
        await until(lambda: _down(made))
        assert "JUDGIFY_EGRESS_ALLOW" in made.about()["reason"]
        heard = await ask(made)
        assert heard.reason in {"breaker_open", "address_refused"}
    assert endpoint.state()["asked"] == before


async def _down(made: Inquirer) -> bool:
    return made.health() == "down"


async def test_a_refused_key_is_told_in_our_own_words(
    endpoint: ModelEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "sk-another-canary-0987654321"
    async with inquirer(config(endpoint, api_key=canary, failures=1)) as made:
        heard = await ask(made)
        assert heard.reason == "unauthorized"
        assert canary not in repr(heard) + repr(made.about()) + repr(made.config)
        await until(lambda: _down(made))
    assert canary not in caplog.text


async def test_budgets_end_the_asking_without_blaming_the_endpoint(endpoint: ModelEndpoint) -> None:
    async with inquirer(config(endpoint, tokens_day=1_200)) as made:
        assert (await ask(made)).opinion is not None
        heard = await ask(made)
        while heard.opinion is not None:
            heard = await ask(made)
        assert (heard.reason, heard.attempts) == ("budget_day", 0)
        assert made.health() in {"ok", "degraded"}
    async with inquirer(config(endpoint, tokens_judgment=120)) as made:
        assert (await ask(made)).reason == "budget_judgment"
        assert made.health() == "ok"


async def test_a_slow_model_holds_up_no_more_than_its_places_and_its_line(endpoint: ModelEndpoint) -> None:
    endpoint.switch("good", delay_s=0.5)
    async with inquirer(config(endpoint, places=1, waiting=1)) as made:
        heard = await asyncio.gather(*(ask(made) for _ in range(4)))
        reasons = sorted(str(one.reason) for one in heard)
        assert reasons == ["None", "None", "busy", "busy"]
        quick = [one for one in heard if one.reason == "busy"]
        assert all(one.latency_ms < 200 for one in quick)
        assert made.health() == "ok"


async def test_a_caller_that_goes_away_in_half_open_leaves_the_look_to_the_next(endpoint: ModelEndpoint) -> None:
    endpoint.switch("fail")
    async with inquirer(config(endpoint, failures=1)) as made:
        await ask(made)
        endpoint.switch("good", delay_s=0.3)

        async def looking() -> bool:
            return bool(made.about()["breaker"] != "open")

        await until(looking)
        await until(lambda: _closed(made))
