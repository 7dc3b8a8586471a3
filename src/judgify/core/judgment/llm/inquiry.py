"""Asking the model: deadline, repeats, breaker, budget, places; and looking at an endpoint that failed."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Final, Literal, get_args

from judgify.core.contracts.advice import AnswerForm, Opinion
from judgify.core.judgment.llm import prompt
from judgify.core.judgment.llm.breaker import Breaker, Permit
from judgify.core.judgment.llm.budget import Budget
from judgify.core.judgment.llm.config import NO_MODEL, ModelConfig
from judgify.core.judgment.llm.endpoint import Model, Reason, Reply, Trouble
from judgify.core.judgment.llm.lane import Lane, LaneFull
from judgify.kit.clock import Clock
from judgify.kit.egress import check_address
from judgify.kit.errors import Denied, Invalid, JudgifyError
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics

log = get_logger("judgify.judgment.llm")
BACKOFF_S: Final = 0.2
MAX_BACKOFF_S: Final = 2.0
_LOOK: Final = b'{"value": 1}'
_LOOK_FORM: Final = AnswerForm({"type": "string"}, strict=True)
_LOOK_CRITERIA: Final = "This is a check that you answer. Answer the result ok for any record."
_BREAKER: Final = {"closed": 0, "half_open": 1, "open": 2}
_UNPAID: Final = frozenset({"unreachable", "unauthorized", "rate_limited", "http_error", "address_refused"})
"""Failures for which no endpoint counts tokens."""
_SHARE: Final = 0.25
"""Part of the deadline that has to be left for the endpoint itself."""
_LEAST: Final = 100
"""Tokens below which an answer cannot be expected to be whole."""


class _Unaffordable(Trouble):
    """Our own budget ended the try; that says nothing about the endpoint."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an inquiry came to: an opinion, or the reason why there is none; and what it took."""

    opinion: Opinion | None
    reason: Reason | None
    model: str
    attempts: int
    latency_ms: float
    prompt_tokens: int
    completion_tokens: int


class _Spent:
    """What one inquiry has taken so far."""

    def __init__(self) -> None:
        self.attempts = 0
        self.prompt = 0
        self.completion = 0


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, of which model, until when."""

    told: prompt.Messages
    form: AnswerForm
    model: str
    deadline: float


class Inquirer:
    """Everything between a judgment and the endpoint. Created without a running loop; `start` begins to look."""

    def __init__(self, config: ModelConfig, model: Model, budget: Budget, *, metrics: Metrics, clock: Clock) -> None:
        """Ask `model` within the limits of `config`."""
        self.config: Final = config
        self.budget: Final = budget
        self._model = model
        self._clock = clock
        self._breaker = Breaker(config.failures, config.probe_s)
        self._lane = Lane(config.places, config.waiting)
        self._random = SystemRandom()
        self._opened = asyncio.Event()
        self._last: Reason | None = None
        self._task: asyncio.Task[None] | None = None
        self._declare(metrics)

    def _declare(self, metrics: Metrics) -> None:
        self.outcomes = metrics.counter(
            "judgment_llm_requests_total", "Judgments that wanted the model, by what came of it.", ("outcome",)
        )
        for outcome in ("answered", *get_args(Reason)):
            self.outcomes.labels(outcome)
        self._seconds = metrics.histogram("judgment_llm_duration_seconds", "Time that a judgment spent on the model.")
        self._tokens = metrics.counter("judgment_llm_tokens_total", "Tokens spent.", ("kind",))
        for kind in ("prompt", "completion"):
            self._tokens.labels(kind)
        state = metrics.gauge("judgment_llm_breaker_state", "0 closed, 1 half-open, 2 open.")
        state.set_function(lambda: _BREAKER[self._breaker.state])
        spent = metrics.gauge("judgment_llm_tokens_today", "Tokens spent today (UTC), as far as this process knows.")
        spent.set_function(lambda: self.budget.spent)
        inside = metrics.gauge("judgment_llm_in_flight", "Judgments that are with the model.")
        inside.set_function(lambda: self._lane.inside)

    def start(self) -> None:
        """Begin: remember the budget, and look at the endpoint whenever the breaker is open."""
        if self.config.state == "ready":
            self.budget.start()
            self._task = asyncio.create_task(self._watch(), name="look at the model")

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.budget.close()
        await self._model.close()

    def health(self) -> Literal["ok", "degraded", "down"] | None:
        """Say how the model is: down while the breaker keeps everybody away; None where there is no model."""
        if self.config.state != "ready":
            return None
        if self._breaker.state != "closed":
            return "down"
        return "degraded" if self.budget.used_up else "ok"

    def about(self) -> dict[str, Any]:
        """Tell what people who may look are told: never the address, never the key."""
        config = self.config
        if config.state != "ready":
            return {"enabled": config.enabled, "available": False, "reason": NO_MODEL[config.state]}
        usable = self._breaker.state == "closed" and not self.budget.used_up
        told: Reason | None = None if usable else "budget_day" if self.budget.used_up else self._last
        return {
            "enabled": True,
            "available": usable,
            "reason": None if told is None else Trouble(told).told(),
            "model": config.model,
            "breaker": self._breaker.state,
            "tokens_today": self.budget.spent,
            "tokens_per_day": config.tokens_day or None,
            "in_flight": self._lane.inside,
            "waiting": self._lane.waiting,
        }

    async def inquire(
        self, told: prompt.Messages, form: AnswerForm, *, model: str | None = None, until: float | None = None
    ) -> Heard:
        """Ask within the deadline; whatever goes wrong is a reason. `until` also ends the inquiry, for a batch."""
        started = self._clock.monotonic()
        named = model or self.config.model or ""
        spent = _Spent()
        opinion: Opinion | None = None
        reason: Reason | None = None
        try:
            await self._ready()
            begun = self._clock.monotonic()
            deadline = begun + self.config.timeout_s
            deadline = deadline if until is None else min(deadline, until)
            # One that waits too long for its place is told so: what is left must be enough for a sound endpoint.
            line = deadline - begun - self.config.timeout_s * _SHARE
            async with self._lane.enter(patient=until is not None, timeout_s=line):
                opinion = await self._repeatedly(_Question(told, form, named, deadline), spent)
        except LaneFull:
            reason = "busy"
        except Trouble as trouble:
            reason = trouble.reason
        seconds = self._clock.monotonic() - started
        self.outcomes.labels(reason or "answered").inc()
        self._seconds.observe(seconds)
        return Heard(opinion, reason, named, spent.attempts, round(seconds * 1000, 3), spent.prompt, spent.completion)

    async def _ready(self) -> None:
        """Load the client, outside the deadline: that this takes long says nothing about the endpoint."""
        if self.budget.used_up:
            raise _Unaffordable("budget_day")
        if self._breaker.state != "closed":
            return
        try:
            async with asyncio.timeout(self.config.timeout_s):
                await self._model.load()
        except TimeoutError:
            raise Trouble("loading") from None

    async def _repeatedly(self, question: _Question, spent: _Spent) -> Opinion:
        while True:
            permit = self._breaker.admit(self._clock.monotonic())
            if permit is None:
                raise Trouble("breaker_open")
            try:
                with self._using(permit, question.deadline):
                    return await self._once(question, spent)
            except Trouble as trouble:
                pause = self._pause(trouble, spent.attempts, question.deadline)
                if pause is None:
                    raise
            await self._clock.sleep(pause)

    @contextmanager
    def _using(self, permit: Permit, deadline: float | None) -> Iterator[None]:
        """Tell the breaker how a try went; one that our own budget ended, or its caller, says nothing."""
        try:
            yield
        except Trouble as trouble:
            if isinstance(trouble, _Unaffordable):
                self._breaker.release(permit)
            else:
                self._failed(permit, trouble, deadline)
            raise
        except BaseException:
            self._breaker.release(permit)
            raise
        self._breaker.succeed(permit)

    async def _once(self, question: _Question, spent: _Spent) -> Opinion:
        guess = prompt.estimate(question.told)
        most = self._afford(guess, spent)
        paid = (guess, 0)
        spent.attempts += 1
        try:
            reply = await self._in_time(question, most)
            paid = reply.tokens or (guess, len(reply.content.encode()) // 3 + 1)
        except Trouble as trouble:
            paid = trouble.tokens or ((0, 0) if trouble.reason in _UNPAID else paid)
            raise
        finally:
            self._paid(guess + most, paid, spent)
        return _understood(question.form, reply)

    def _afford(self, guess: int, spent: _Spent) -> int:
        """Hold back what a try may take, and give the tokens that its answer may have."""
        left = self.config.tokens_judgment - spent.prompt - spent.completion - guess
        if left < _LEAST:
            raise _Unaffordable("budget_judgment")
        most = min(self.config.tokens_answer, left)
        if not self.budget.hold(guess + most):
            raise _Unaffordable("budget_day")
        return most

    async def _in_time(self, question: _Question, most: int) -> Reply:
        form = prompt.response_format(question.form.sent, strict=question.form.strict)
        try:
            async with asyncio.timeout(max(0.0, question.deadline - self._clock.monotonic())):
                return await self._model.ask(question.told, form, model=question.model, max_tokens=most)
        except TimeoutError:
            raise Trouble("timeout") from None

    def _paid(self, held: int, paid: tuple[int, int], spent: _Spent) -> None:
        asked, answered = paid
        self.budget.settle(held, asked + answered)
        spent.prompt += asked
        spent.completion += answered
        self._tokens.labels("prompt").inc(asked)
        self._tokens.labels("completion").inc(answered)

    def _failed(self, permit: Permit, trouble: Trouble, deadline: float | None) -> None:
        self._last = trouble.reason
        now = self._clock.monotonic()
        wait = trouble.retry_after_s
        # An endpoint that asks for a longer wait than a judgment has is left alone for as long as it asks.
        away = wait if wait is not None and (deadline is None or now + wait > deadline) else None
        if self._breaker.fail(permit, now, retry_after_s=away, costly=trouble.reason not in _UNPAID):
            log.warning("the language model is left alone; rules judge alone", reason=trouble.reason)
            self._opened.set()

    def _pause(self, trouble: Trouble, attempts: int, deadline: float) -> float | None:
        """Give how long to wait before the next try; None when there is none."""
        if not trouble.retryable or attempts > self.config.retries:
            return None
        backoff = min(MAX_BACKOFF_S, BACKOFF_S * 2 ** (attempts - 1)) * self._random.uniform(0.5, 1.0)
        pause = max(backoff, trouble.retry_after_s or 0.0)
        return pause if self._clock.monotonic() + pause < deadline else None

    async def _watch(self) -> None:
        await self._check_setting()
        while True:
            due = self._breaker.due_in(self._clock.monotonic())
            if due is None:
                self._opened.clear()
                # Also while a judgment is the look: whether it failed is seen at the next round.
                await self._clock.wait(self._opened, 1.0 if self._breaker.state == "half_open" else None)
                continue
            await self._clock.sleep(due)
            permit = self._breaker.admit(self._clock.monotonic())
            if permit is not None:
                await self._look(permit)

    async def _look(self, permit: Permit) -> None:
        """See whether the endpoint is back: its list of models first, which is free, then one small judgment."""
        mark = secrets.token_hex(6)
        told = [
            {"role": "system", "content": f"{_LOOK_CRITERIA} Answer in the form that is asked for."},
            {"role": "user", "content": f"<record-{mark}>\n{_LOOK.decode()}\n</record-{mark}>"},
        ]
        try:
            with self._using(permit, None):
                await self._model.load()
                await self._listed()
                deadline = self._clock.monotonic() + self.config.timeout_s
                with suppress(_Unaffordable):
                    await self._once(_Question(told, _LOOK_FORM, self.config.model or "", deadline), _Spent())
        except Trouble as trouble:
            log.debug("the language model is still not well", reason=trouble.reason)
        except Exception as error:
            # The named boundary: whatever a library does, the next look comes.
            log.exception("the model could not be looked at", reason=type(error).__name__)
            await self._clock.sleep(self.config.probe_s)
        else:
            log.info("the language model answers again")

    async def _listed(self) -> None:
        try:
            async with asyncio.timeout(self.config.timeout_s):
                await self._model.look()
        except TimeoutError:
            raise Trouble("timeout") from None

    async def _check_setting(self) -> None:
        """Say at once when the address is one that may not be called; asking would only find the same."""
        try:
            await check_address(self.config.base_url, self.config.allow)
        except (Denied, Invalid) as error:
            self._last = "address_refused"
            log.error("OPENAI_BASE_URL is not used", reason=error.detail)  # noqa: TRY400 - the detail says it
            permit = self._breaker.admit(self._clock.monotonic())
            while permit is not None and not self._breaker.fail(permit, self._clock.monotonic(), costly=False):
                continue
        except JudgifyError as error:
            log.warning("the host of OPENAI_BASE_URL does not resolve now", reason=error.detail)


def _understood(form: AnswerForm, reply: Reply) -> Opinion:
    opinion = form.read(reply.content)
    if not isinstance(opinion, Opinion):
        raise Trouble(opinion)
    return opinion
