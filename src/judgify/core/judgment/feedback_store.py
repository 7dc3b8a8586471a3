"""What persons say of executions, in PostgreSQL: nothing is overwritten, the newest word of a person counts."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from judgify.core.judgment.llm.calibration import UNKNOWN, Calibration, majority, measure
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.feedback")
FRESH_S: Final = 60.0
"""Seconds for which a measured calibration is used before it is measured again."""
MAX_MEASURED: Final = 10_000
"""Newest words per workflow that are measured."""
_COLUMNS: Final = "execution_id, subject, correct, expected, note, created_at"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The execution that a word is about. `confidence` is the model's own, where the model decided."""

    id: str
    created_at: datetime
    workflow_id: str
    workflow_version: int
    confidence: float | None


class FeedbackStore:
    """The words of persons on executions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database whose schema is `judgment`."""
        self._database = database
        self._clock = clock

    async def say(
        self, about: Judgement, subject: str, *, correct: bool, expected: str | None, note: str | None
    ) -> tuple[dict[str, Any], bool]:
        """Keep a person's word, and tell whether it changed anything: the same word again does not."""
        async with self._database.transaction() as connection:
            # Two clicks at once are one word.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"{about.id} {subject}")
            last = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM judgment.feedback WHERE execution_id = $1 AND subject = $2 "  # noqa: S608 - ours
                "ORDER BY number DESC LIMIT 1",
                about.id,
                subject,
            )
            if last is not None and (last["correct"], last["expected"], last["note"]) == (correct, expected, note):
                return _shown(last), False
            row = await connection.fetchrow(
                "INSERT INTO judgment.feedback (execution_id, execution_created_at, workflow_id, workflow_version, "
                "confidence, subject, correct, expected, note, created_at) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9, $10) "
                "RETURNING execution_id, subject, correct, expected, note, created_at",
                about.id,
                about.created_at,
                about.workflow_id,
                about.workflow_version,
                about.confidence,
                subject,
                correct,
                expected,
                note,
                self._clock.now(),
            )
        return _shown(row), True

    async def of(self, execution: str) -> list[dict[str, Any]]:
        """Give every word on an execution, the newest first; `counts` marks the newest of each person."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM judgment.feedback WHERE execution_id = $1 "  # noqa: S608 - ours
                "ORDER BY number DESC LIMIT 1000",
                execution,
            )
        heard: set[str] = set()
        words = []
        for row in rows:
            words.append(_shown(row) | {"counts": row["subject"] not in heard})
            heard.add(row["subject"])
        return words

    async def measure(self, workflow: str) -> Calibration:
        """Measure a workflow's model answers by what persons said of them; each execution counts once."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT ON (execution_id, subject) execution_id, confidence, correct FROM ("
                "SELECT * FROM judgment.feedback WHERE workflow_id = $1 AND confidence IS NOT NULL "
                "ORDER BY number DESC LIMIT $2) AS newest ORDER BY execution_id, subject, number DESC",
                workflow,
                MAX_MEASURED,
            )
        words: dict[str, list[bool]] = {}
        stated: dict[str, float] = {}
        for row in rows:
            words.setdefault(row["execution_id"], []).append(row["correct"])
            stated[row["execution_id"]] = row["confidence"]
        judged = {number: majority(said) for number, said in words.items()}
        return measure((stated[number], right) for number, right in judged.items() if right is not None)

    async def drop_before(self, moment: datetime) -> None:
        """Forget words on executions from before a moment."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM judgment.feedback WHERE execution_created_at < $1", moment)


class Calibrations:
    """What is known of each workflow's model answers: asked for in the background, never waited for."""

    def __init__(self, store: FeedbackStore, clock: Clock) -> None:
        """Measure through `store`."""
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, Calibration]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def of(self, workflow: str) -> Calibration:
        """Give what is known now; what is not known, or old, is asked for meanwhile."""
        at, found = self._known.get(workflow, (None, UNKNOWN))
        if (at is None or self._clock.monotonic() - at > FRESH_S) and workflow not in self._asking:
            task = asyncio.create_task(self.refresh(workflow), name="measure calibration")
            self._asking[workflow] = task
            task.add_done_callback(lambda _: self._asking.pop(workflow, None))
        return found

    async def refresh(self, workflow: str) -> None:
        """Measure now; without the database what was known stays."""
        try:
            found = await self._store.measure(workflow)
        except (Unavailable, TimeoutError, asyncpg.PostgresError) as error:
            log.debug("calibration is not measured for now", reason=type(error).__name__)
            found = self._known.get(workflow, (0.0, UNKNOWN))[1]
        self._known[workflow] = (self._clock.monotonic(), found)

    async def close(self) -> None:
        """End what is being asked."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)


def _shown(row: Any) -> dict[str, Any]:
    return {
        "execution_id": row["execution_id"],
        "by": row["subject"],
        "correct": row["correct"],
        "expected": row["expected"],
        "note": row["note"],
        "created_at": iso(row["created_at"]),
    }
