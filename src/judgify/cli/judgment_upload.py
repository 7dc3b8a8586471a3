"""Rows on their way through the gateway: in batches, each row once, however often the way is broken."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from judgify.cli.judgment_file import Row
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.errors import TooMany, Unavailable

PATH: Final = "/api/v2/judgment/execute/batch"
BATCH_ROWS: Final = 200
BATCH_BYTES: Final = 512 * 1024
IN_FLIGHT: Final = 3
PATIENCE_S: Final = 60.0
"""Seconds that a batch is sent again for while the platform does not take it."""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass
class Totals:
    """What came out of a file."""

    rows: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    spooled: int = 0
    degraded: int = 0
    unclear: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: dict[str, Any]) -> None:
        """Count one row's outcome; the first hundred unclear and failed rows are kept with their reasons."""
        self.rows += 1
        if "error" in outcome:
            self.verdicts["error"] += 1
            _keep(self.errors, {"row": outcome["row"], "reason": outcome["error"].get("detail")})
            return
        self.verdicts[outcome["verdict"]] += 1
        self.replayed += bool(outcome.get("replayed"))
        self.degraded += bool(outcome.get("degraded"))
        self.spooled += outcome.get("durability") == "spool"
        if outcome["verdict"] == "matched":
            self.results[_text(outcome["result"])] += 1
        if outcome["verdict"] == "not_evaluable":
            _keep(self.unclear, {"row": outcome["row"], "causes": outcome["causes"]})


@dataclass(frozen=True, slots=True)
class Upload:
    """Where rows go and as what. Rows of the same `key` are the same executions."""

    client: ServiceClient
    clock: Clock
    workflow_id: str
    key: str
    file: str
    act: bool = True
    method: str = "rule"
    patience_s: float = PATIENCE_S

    async def send(self, rows: Iterable[Row]) -> AsyncIterator[tuple[Row, dict[str, Any]]]:
        """Send rows and give each with its outcome, in order; at most a few batches are in memory.

        Raises:
            Unavailable, TooMany: a batch was not taken for `patience_s` seconds; the rows given so far are kept.
        """
        waiting: deque[asyncio.Task[list[tuple[Row, dict[str, Any]]]]] = deque()
        try:
            for batch in _batches(rows):
                waiting.append(asyncio.create_task(self._batch(batch)))
                if len(waiting) >= IN_FLIGHT:
                    for pair in await waiting.popleft():
                        yield pair
            while waiting:
                for pair in await waiting.popleft():
                    yield pair
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _batch(self, rows: list[Row]) -> list[tuple[Row, dict[str, Any]]]:
        body = _ENCODER.encode(
            {
                "workflow_id": self.workflow_id,
                "method": self.method,
                "options": {"trace": False, "explain": False, "act": self.act},
                "items": [
                    {
                        "input_data": row.given,
                        "context": {"file": self.file, "row": row.number},
                        "idempotency_key": f"{self.key}:{row.number}",
                    }
                    for row in rows
                ],
            }
        )
        deadline = self.clock.monotonic() + self.patience_s
        while True:
            try:
                items = (await self._post(body))["items"]
            except (Unavailable, TooMany) as error:
                if self.clock.monotonic() > deadline:
                    raise
                await self.clock.sleep(min(5.0, max(0.2, float(error.fields.get("retry_after_s", 1)))))
                continue
            again = any(item.get("error", {}).get("status") == Unavailable.status for item in items)
            if not again or self.clock.monotonic() > deadline:
                return [(row, {"row": row.number, **item}) for row, item in zip(rows, items, strict=True)]
            await self.clock.sleep(0.5)

    async def _post(self, body: bytes) -> Any:
        return await self.client.request("POST", PATH, content=body, headers={"Content-Type": "application/json"})


def _batches(rows: Iterable[Row]) -> Iterable[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        length = len(_ENCODER.encode(row.given)) + 200
        if batch and (len(batch) >= BATCH_ROWS or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def _keep(kept: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    if len(kept) < 100:
        kept.append(entry)


def _text(result: Any) -> str:
    return result if isinstance(result, str) else _ENCODER.encode(result).decode()
