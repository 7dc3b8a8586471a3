"""`llm-failing`: a model endpoint of the drill's own is judged against, then fails, crawls, and talks nonsense."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from judgify.drill import judge
from judgify.drill.act import Act, Struck, until
from judgify.drill.judge import Ruling, Sample
from judgify.drill.load import DOCUMENT, Load
from judgify.kit.client import ServiceClient
from judgify.kit.errors import JudgifyError, NotFound, Unavailable

WORKFLOW: Final = "drill-model"
RATE: Final = 5.0
"""Judgments a second that need the model."""
_TIMEOUT_S: Final = 8.0
_STAGES: Final = ("fail", "crawl", "nonsense")
_STAGE_S: Final = 30.0
_FIRST_STAGE_S: Final = 6.0
_NEWEST: Final = 5
_UNIT: Final = "judgment"
_MODEL_WORKFLOW: Final[dict[str, Any]] = {
    **DOCUMENT,
    "name": WORKFLOW,
    "label": "훈련용 모델 판단",
    "description": "Judged by drills: the rules cover what is low, the model is asked about the rest.",
    "tables": [{**DOCUMENT["tables"][0], "rules": DOCUMENT["tables"][0]["rules"][:1]}],
    "llm": {"criteria": "A value of 50 or more is high, below it is low."},
    "strategy": "rule_first",
}


class LlmFailing(Act):
    """Points the judgment service at a scripted endpoint, breaks that in three ways, and mends it.

    Service means the rules' answers and no error, all the while: the load judges by rules alone, and each judgment
    that wanted the model must be answered 200 by the rules, saying `degraded`. What the fault breaks is the model's
    part. Switching the model off takes an approval under the shipped policy, so nobody restores that part but the
    endpoint itself: `restored` is counted from the moment at which the drill makes it good again.
    """

    _server: "subprocess.Popen[bytes] | None" = None
    _control: ServiceClient | None = None
    _pump: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Start the endpoint, point the judgment service at it, and begin to ask for its judgments."""
        self._samples: list[Sample] = []
        self._fallbacks: list[float] = []
        self._bad: list[str] = []
        self._met: dict[str, int] = {}
        self._asking: set[asyncio.Task[None]] = set()
        port = _free_port()
        self._server = await asyncio.to_thread(_serve, port)
        self.undo.process(self._server.pid)
        self._control = ServiceClient(f"http://127.0.0.1:{port}", clock=self.doors.clock)
        await until(self._answers, self.doors, "the scripted endpoint did not start")
        await self._workflow()
        variables = {
            "ENABLE_LLM_ENGINE": "true",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "JUDGIFY_LLM_MODEL": "scripted",
            "JUDGIFY_EGRESS_ALLOW": f"127.0.0.1:{port}",
            "JUDGIFY_LLM_TIMEOUT_S": "2",
        }
        before = (await self.doors.supervisor.unit(_UNIT)).env
        self.undo.environment(_UNIT, list(variables), before)
        await self.doors.supervisor.set_env(_UNIT, to_set=variables, reason="drill: llm-failing", wait_s=30)
        self.say(f"judgment asks the scripted model on port {port}")
        self._pump = asyncio.create_task(self._ask_for_ever())

    async def steady(self, load: Load) -> None:
        """Wait until the model is seen to judge."""
        del load

        await until(self._judges, self.doors, "the scripted model was not seen to judge")

    async def strike(self, load: Load) -> Struck:
        """Let the endpoint fail."""
        del load
        clock = self.doors.clock
        mono, at = clock.monotonic(), clock.now()
        await self._switch("fail")
        return Struck(mono, at, "the model's endpoint answers 500 to everything")

    async def meanwhile(self, struck: Struck, load: Load) -> None:
        """Go through the three ways of failing, the breaker closed before each, and mend the endpoint."""
        del load
        clock = self.doors.clock
        for stage in _STAGES:
            # From a closed breaker, so that judgments and not only trials meet each way of failing.
            if stage != _STAGES[0]:
                await self._switch("good")
                await self._until(self._judges)
                await self._switch(stage)
                self.say(f"the endpoint {'crawls' if stage == 'crawl' else 'talks nonsense'}")
            asked = await self._asked()
            await self._until(partial(self._gave_up, asked))
            if stage == _STAGES[0]:
                await clock.sleep(max(0.0, struck.mono + _FIRST_STAGE_S - clock.monotonic()))
            self._met[stage] = await self._asked() - asked
        await self._switch("good")
        self.mended_mono = clock.monotonic()
        self.say("the endpoint is good again")
        await self._until(self._judges)

    def ruling(self, samples: Sequence[Sample], fault_mono: float) -> Ruling:
        """Felt and restored by the judgments that want the model; asked and wrong by the load of rules."""
        stretch_s, mended = self.doors.pace.stretch_s, self.mended_mono
        model = judge.rule(self._samples, fault_mono, stretch_s)
        load = judge.rule(samples, fault_mono, stretch_s)
        restored = None
        if mended is not None:
            # Between its ways of failing the endpoint is good for a moment: only what comes after the last one counts.
            since = sorted((one for one in self._samples if one.sent_at >= mended), key=lambda one: one.sent_at)
            restored = judge.stretch(since, stretch_s)
        return Ruling(model.broken_at, restored, load.asked, load.wrong)

    def executions(self) -> list[str]:
        """Give the judgments that were answered besides the load's."""
        return [one.execution_id for one in self._samples if one.execution_id is not None]

    async def verdict(self, load: Load, struck: Struck, operations: Sequence[str]) -> list[str]:
        """No wrong answer by the rules, no error to who wanted the model, no operation, a closed breaker."""
        found = list(self._bad[:5])
        wrong = [one for one in load.samples if one.sent_at >= struck.mono and not one.right]
        if wrong:
            found.append(f"{len(wrong)} judgments by the rules were wrong or unanswered")
        if not self._fallbacks:
            found.append("the rules were never seen to answer in the model's place")
        missing = [stage for stage in _STAGES if not self._met.get(stage)]
        if missing:
            found.append(f"the endpoint was never asked while it was to {', '.join(missing)}")
        if operations:
            found.append(f"the engine did {', '.join(operations)}, where nothing of ours was broken")
        if await self._part() != "ok":
            found.append("the breaker did not close")
        return found

    def figures(self) -> dict[str, Any]:
        """Give what the endpoint was asked, and who answered."""
        return {
            "model_asked_while_it": self._met,
            "wanted_the_model": len(self._samples),
            "answered_by_rules": len(self._fallbacks),
            "errors": len(self._bad),
        }

    async def close(self) -> None:
        """Stop asking, and close the connection; the process and the variables are the journal's."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
        while self._asking:
            await asyncio.wait(self._asking)
        if self._control is not None:
            await self._control.close()

    # the endpoint

    async def _answers(self) -> bool:
        try:
            await self._state()
        except JudgifyError:
            return False
        return True

    async def _state(self, **switch: str) -> dict[str, Any]:
        """Ask the endpoint for its state, or give it another mode."""
        if self._control is None:
            raise NotFound("the endpoint was not started")
        method, body = ("POST", {"json": switch}) if switch else ("GET", {})
        try:
            response = await self._control.raw(method, "/control", **body)
        except Unavailable:
            # A connection that was kept may be closed in the very moment of its use; both calls may be repeated.
            response = await self._control.raw(method, "/control", **body)
        return dict(response.json())

    async def _asked(self) -> int:
        return sum(dict((await self._state())["asked"]).values())

    async def _switch(self, mode: str) -> None:
        await self._state(mode=mode)

    # the judgment service

    async def _part(self) -> str | None:
        url = self.doors.settings.url(_UNIT)
        async with ServiceClient(url, clock=self.doors.clock, timeout_s=2.0) as client:
            try:
                document = (await client.raw("GET", "/health")).json()
            except (JudgifyError, ValueError):
                return None
        return dict(document.get("parts", {})).get("llm")

    async def _judges(self) -> bool:
        """Tell whether the model judges: the breaker is closed, and the newest answers are the model's."""
        newest = self._samples[-_NEWEST:]
        return len(newest) == _NEWEST and all(one.right for one in newest) and await self._part() == "ok"

    async def _gave_up(self, asked_before: int) -> bool:
        """Tell whether the breaker is open, after the endpoint was asked in this way of failing."""
        return await self._asked() > asked_before and await self._part() == "down"

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        with suppress(JudgifyError):  # the verdict tells what did not come to be
            await until(condition, self.doors, "the drill's next stage did not come", _STAGE_S)

    async def _workflow(self) -> None:
        base = "/api/v2/workflow/workflows"
        listed = await self.doors.gateway.get(base, name=WORKFLOW)
        known = next((one for one in listed if one["name"] == WORKFLOW), None)
        if known is None or not known.get("active_version"):
            known = known or await self.doors.gateway.post(base, _MODEL_WORKFLOW)
            await self.doors.gateway.post(f"{base}/{known['id']}/activate", {"version": known.get("latest_version", 1)})

    async def _ask_for_ever(self) -> None:
        clock = self.doors.clock
        started, number = clock.monotonic(), 0
        while True:
            await clock.sleep(started + number / RATE - clock.monotonic())
            task = asyncio.create_task(self._ask(50 + number % 50))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            number += 1

    async def _ask(self, value: int) -> None:
        clock = self.doors.clock
        sent_at, status = clock.monotonic(), 0
        body = {"workflow_name": WORKFLOW, "input_data": {"value": value}, "method": "hybrid"}
        data: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                response = await self.doors.gateway.raw(
                    "POST", "/api/v2/judgment/execute", json=body, timeout=_TIMEOUT_S
                )
            status = response.status_code
            data = dict(response.json()["data"]) if status == 200 else {}
        except (TimeoutError, JudgifyError, ValueError, KeyError, TypeError):
            data = {}
        right = data.get("verdict") == "matched" and data.get("result") == "high" and data.get("degraded") is False
        by_rules = data.get("verdict") == "not_matched" and data.get("degraded") is True
        if by_rules:
            self._fallbacks.append(sent_at)
        elif not right:
            took_s = clock.monotonic() - sent_at
            said = f"{str(data)[:200]} after {took_s:.1f} s" if data else f"nothing after {took_s:.1f} s"
            self._bad.append(f"a judgment that wanted the model was answered {status}, {said}")
        execution = str(data["execution_id"]) if "execution_id" in data else None
        self._samples.append(Sample(sent_at, clock.monotonic(), right, status, execution))


def _serve(port: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own program, arguments as a list
        [sys.executable, "-m", "judgify.drill.model_server", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
