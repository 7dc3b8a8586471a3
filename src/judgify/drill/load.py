"""The load: judgments through the gateway at a fixed rate, whatever happens to the ones before (an open loop)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from judgify.drill.judge import Sample
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError

WORKFLOW: Final = "drill-steady-state"
DOCUMENT: Final[dict[str, Any]] = {
    "name": WORKFLOW,
    "label": "훈련용 정상 상태 판단",
    "description": "Judged by drills all the while; the verdict of every input is known beforehand.",
    "input_schema": {
        "type": "object",
        "properties": {"value": {"type": "number"}},
        "required": ["value"],
        "additionalProperties": False,
    },
    "tables": [
        {
            "name": "steady",
            "hit_policy": "U",
            "inputs": [{"name": "value", "type": "number"}],
            "outputs": [{"name": "level", "type": "string", "values": ["low", "high"]}],
            "rules": [
                {"id": "low", "when": {"value": "< 50"}, "then": {"level": "low"}},
                {"id": "high", "when": {"value": ">= 50"}, "then": {"level": "high"}},
            ],
        }
    ],
    "result": {"table": "steady", "output": "level"},
}
RATE: Final = 25.0
"""Judgments asked for in a second; the promise is at least 20."""
TIMEOUT_S: Final = 3.0


class Load:
    """Asks for judgments in the background from `start` to `stop`, and keeps a sample of each."""

    def __init__(
        self, callers: Sequence[ServiceClient], clock: Clock, *, rate: float = RATE, durability: str | None = None
    ) -> None:
        """Ask as these callers in turn, `rate` times a second; `durability` is what a right answer must say."""
        self.samples: list[Sample] = []
        self.late_s = 0.0
        """How late the load itself was at most: a machine that keeps it waiting keeps everybody waiting."""
        self._callers = callers
        self._clock = clock
        self._rate = rate
        self._durability = durability
        self._pump: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to ask."""
        self._pump = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ask no more and wait for the answers that are still out."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
        while self._asking:
            await asyncio.wait(self._asking)

    async def _run(self) -> None:
        started = self._clock.monotonic()
        number = 0
        while True:
            await self._clock.sleep(started + number / self._rate - self._clock.monotonic())
            self.late_s = max(self.late_s, self._clock.monotonic() - started - number / self._rate)
            task = asyncio.create_task(self._ask(number))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            number += 1

    async def _ask(self, number: int) -> None:
        value = number % 100
        expected = "low" if value < 50 else "high"
        body = {"workflow_name": WORKFLOW, "input_data": {"value": value}, "method": "rule"}
        sent_at = self._clock.monotonic()
        status, right, execution_id, durability = 0, False, None, None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._callers[number % len(self._callers)].raw(
                    "POST", "/api/v2/judgment/execute", json=body
                )
            status = response.status_code
            if status == 200:
                answer = response.json()
                execution_id = str(answer["data"]["execution_id"])
                durability = str(answer["meta"].get("durability"))
                right = answer["data"]["verdict"] == "matched" and answer["data"]["result"] == expected
                right = right and self._durability in {None, durability}
        except (TimeoutError, JudgifyError):
            pass  # no answer is a sample too: status 0, not right
        except (ValueError, KeyError, TypeError):
            right = False  # an answer that is not what was promised is a wrong one
        self.samples.append(Sample(sent_at, self._clock.monotonic(), right, status, execution_id, durability))
