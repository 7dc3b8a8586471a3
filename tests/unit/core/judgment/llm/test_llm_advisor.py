import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from judgify.core.contracts.plan import Plan, compile_document, read_document
from judgify.core.contracts.wire import Method
from judgify.core.judgment.llm.advisor import Advised, Advisor
from judgify.core.judgment.llm.budget import Budget
from judgify.core.judgment.llm.calibration import measure
from judgify.core.judgment.llm.config import ModelConfig
from judgify.core.judgment.llm.endpoint import Reply, Trouble
from judgify.core.judgment.llm.inquiry import Inquirer
from judgify.core.judgment.llm.prompt import Messages
from judgify.kit.clock import FakeClock
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings

pytestmark = pytest.mark.guide("S02")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONNECTED = {
    "ENABLE_LLM_ENGINE": "true",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    "JUDGIFY_LLM_MODEL": "m",
    "JUDGIFY_EGRESS_ALLOW": "127.0.0.1",
}


class Told:
    """A model that says what it was told to, in turn; the last again and again."""

    def __init__(self, *words: str | Trouble) -> None:
        self.words = list(words)
        self.asked: list[str] = []

    async def load(self) -> None:
        return None

    async def ask(self, told: Messages, form: dict[str, Any], *, model: str, max_tokens: int) -> Reply:
        self.asked.append(model)
        word = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        if isinstance(word, Trouble):
            raise word
        return Reply(word, None)

    async def look(self) -> None:
        return None

    async def close(self) -> None:
        return None


class Forgetful:
    """A ledger that keeps nothing."""

    async def add(self, day: date, tokens: int) -> int:
        return tokens


def says(verdict: str, result: str | None = None) -> str:
    return json.dumps({"verdict": verdict, "result": result, "confidence": 0.8, "reason": "그래서"})


def plan(strategy: str = "llm_first", **changes: Any) -> Plan:
    document = {
        "name": "p",
        "input_schema": {"type": "object"},
        "tables": [
            {
                "name": "t",
                "hit_policy": "F",
                "inputs": [{"name": "x", "type": "number"}],
                "outputs": [{"name": "y", "type": "string", "values": ["OK", "NG"]}],
                "rules": [{"when": {"x": "> 5"}, "then": {"y": "NG"}}],
            }
        ],
        "result": {"table": "t", "output": "y"},
        "llm": {"criteria": "c", "model": "its own"},
        "strategy": strategy,
        **changes,
    }
    return compile_document(read_document({name: value for name, value in document.items() if value is not None}))


def inquirer(model: Told, environ: dict[str, str] | None = None, **changes: Any) -> tuple[Inquirer, FakeClock]:
    clock = FakeClock(NOON)
    config = replace(ModelConfig.read(Settings.from_env(environ or CONNECTED, Path("/nowhere"))), **changes)
    budget = Budget(config.tokens_day, Forgetful(), clock)
    return Inquirer(config, model, budget, metrics=Metrics("judgment"), clock=clock), clock


async def advise(
    word: str | Trouble,
    given: dict[str, Any],
    *,
    made: Plan | None = None,
    method: Method = "hybrid",
    environ: dict[str, str] | None = None,
    **more: Any,
) -> Advised:
    wanted = made or plan()
    asker, _ = inquirer(Told(word), environ, retries=0)
    return await Advisor(asker).advise(method, wanted, wanted.judge(given), json.dumps(given).encode(), **more)


async def test_rules_alone_are_rules_alone() -> None:
    answer = await advise(says("matched", "OK"), {"x": 9}, method="rule")
    assert (answer.by, answer.judged.result, answer.confidence, answer.degraded) == ("rule", "NG", 1.0, False)


@pytest.mark.parametrize(
    ("environ", "made", "note"),
    [
        ({"ENABLE_LLM_ENGINE": "false"}, None, "switched off"),
        ({"ENABLE_LLM_ENGINE": "true", "OPENAI_BASE_URL": "http://x"}, None, "none is connected"),
        ({"ENABLE_LLM_ENGINE": "true", "JUDGIFY_LLM_MODEL": "m"}, None, "none is connected"),
        (None, plan(llm=None), "no llm.criteria"),
    ],
)
async def test_a_model_that_cannot_be_asked_is_said_so(
    environ: dict[str, str] | None, made: Plan | None, note: str
) -> None:
    answer = await advise(says("matched", "OK"), {"x": 9}, environ=environ, made=made)
    assert (answer.by, answer.judged.result, answer.degraded, answer.llm) == ("rule", "NG", True, None)
    assert note in answer.notes[0]


async def test_a_model_that_is_not_needed_is_not_missed() -> None:
    answer = await advise(Trouble("timeout"), {"x": 9}, made=plan("rule_first"))
    assert (answer.by, answer.degraded, answer.llm) == ("rule", False, None)


async def test_a_failure_leaves_the_rules_answer_with_the_reason() -> None:
    answer = await advise(Trouble("timeout"), {"x": 9})
    assert (answer.by, answer.judged.result, answer.degraded) == ("rule", "NG", True)
    assert "did not answer in time" in answer.notes[0]
    assert answer.llm is not None
    assert (answer.llm["outcome"], answer.llm["attempts"], answer.llm["model"]) == ("timeout", 1, "its own")


async def test_a_models_answer_says_what_it_rests_on() -> None:
    answer = await advise(says("matched", "OK"), {"x": 9})
    assert (answer.by, answer.basis, answer.judged.result) == ("llm", "llm", "OK")
    assert (answer.confidence, answer.calibration, answer.degraded) == (0.8, "not calibrated", False)
    assert answer.rules == {"verdict": "matched", "result": "NG", "causes": []}
    assert "그래서" in answer.judged.explanation["ko"]
    assert "the model's answer stands" in answer.notes[0]
    agreed = await advise(says("matched", "NG"), {"x": 9}, calibration=measure([(0.8, True)] * 30))
    assert (agreed.notes, agreed.calibration) == ((), "measured")
    assert agreed.llm is not None
    assert (agreed.llm["observed"], agreed.llm["feedback_n"]) == (1.0, 30)


async def test_where_rules_stand_against_a_model_a_note_says_so() -> None:
    answer = await advise(says("matched", "OK"), {"x": 9}, made=plan("parallel"))
    assert (answer.by, answer.judged.result, answer.degraded) == ("rule", "NG", False)
    assert "the rules' answer stands" in answer.notes[0]
    assert (await advise(says("matched", "NG"), {"x": 9}, made=plan("parallel"))).notes == ()


async def test_consensus_is_certain_or_nothing() -> None:
    both = await advise(says("matched", "NG"), {"x": 9}, made=plan("consensus"))
    assert (both.by, both.basis, both.confidence, both.judged.result) == ("hybrid", "consensus", 1.0, "NG")
    torn = await advise(says("matched", "OK"), {"x": 9}, made=plan("consensus"))
    assert (torn.judged.verdict, torn.judged.result, torn.confidence) == ("not_evaluable", None, None)
    assert torn.judged.causes[0]["code"] == "disagreement"
    alone = await advise(says("cannot_tell"), {"x": 9}, method="llm")
    assert (alone.by, alone.confidence, alone.judged.causes[0]["code"]) == ("llm", None, "cannot_tell")


async def test_repeats_pause_and_end_with_the_deadline_or_their_number() -> None:
    model = Told(Trouble("unreachable", retryable=True), Trouble("rate_limited", retryable=True, retry_after_s=3), "{")
    asker, clock = inquirer(model, retries=5, failures=10)
    wanted = plan()
    task = asyncio.create_task(Advisor(asker).advise("llm", wanted, wanted.judge({"x": 1}), b"{}"))
    await clock.advance(0.2)
    await clock.advance(2.9)
    assert len(model.asked) == 2
    await clock.advance(0.2)
    assert (await task).llm is not None
    assert len(model.asked) == 3

    never, clock = inquirer(Told(Trouble("unreachable", retryable=True)), retries=99, failures=1000)
    task = asyncio.create_task(Advisor(never).advise("llm", wanted, wanted.judge({"x": 1}), b"{}"))
    for _ in range(40):
        await clock.advance(0.5)
    answer = await task
    assert answer.llm is not None
    assert answer.llm["latency_ms"] <= 8000


async def test_the_breaker_is_seen_by_everybody_and_nobody_waits() -> None:
    asker, _ = inquirer(Told(Trouble("http_error", status=500)), retries=0, failures=1)
    wanted = plan()
    for outcome in ("http_error", "breaker_open"):
        answer = await Advisor(asker).advise("llm", wanted, wanted.judge({"x": 1}), b"{}")
        assert answer.llm is not None
        assert answer.llm["outcome"] == outcome
    assert asker.health() == "down"
    assert asker.about()["reason"] == "it answered with an error"


async def test_a_batch_that_is_out_of_time_does_not_blame_the_endpoint() -> None:
    model = Told(says("matched", "OK"))
    asker, clock = inquirer(model)
    wanted = plan()
    answer = await Advisor(asker).advise("llm", wanted, wanted.judge({"x": 1}), b"{}", until=clock.monotonic() + 1)
    assert answer.llm is not None
    assert (answer.llm["outcome"], model.asked, asker.health()) == ("busy", [], "ok")


async def test_an_inquirer_without_a_model_has_no_health_and_ends_quietly() -> None:
    asker, _ = inquirer(Told(""), {"ENABLE_LLM_ENGINE": "false"})
    asker.start()
    assert asker.health() is None
    assert asker.about() == {
        "enabled": False,
        "available": False,
        "reason": "the language model is switched off (ENABLE_LLM_ENGINE=false)",
    }
    await asker.close()
