"""The desk: judge, keep, count, and only then answer; for one request or many."""

import asyncio
import math
from collections import deque
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from judgify.core.contracts.wire import METHODS, VERDICTS, JudgmentOptions, JudgmentRequest
from judgify.core.judgment.commit import Committer, Durability, Kept
from judgify.core.judgment.judge import Execution, Judge
from judgify.core.judgment.row import ENCODER, digest_of
from judgify.core.judgment.spool import Spool
from judgify.core.judgment.store import ExecutionStore
from judgify.kit.clock import Clock
from judgify.kit.errors import Conflict, JudgifyError, NotFound, Unavailable
from judgify.kit.metrics import Metrics

WINDOW_S: Final = 300
"""Seconds over which `judgment_success_rate` is taken."""
_YIELD_AFTER_S: Final = 0.01
BATCH_WORKERS: Final = 4
"""Items of one batch that may be with the model at once."""
BATCH_S: Final = 45.0
"""Seconds that one batch may spend on the model; below the gateway's limit for batches."""
Missing = dict[tuple[str | None, ...], JudgifyError]


class Answered(msgspec.Struct, frozen=True):
    """One execution that is durable: its record as JSON, where it is, and whether an earlier request had made it."""

    record: bytes
    verdict: str
    durability: Durability
    replayed: bool


class Tally:
    """The figures of judging, by closed sets of labels."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        """Declare the metrics."""
        self._clock = clock
        counter = metrics.counter(
            "judgment_executions_total", "Judgments by method asked for and result.", ("method", "result")
        )
        self._counters: dict[tuple[str, str], Counter] = {
            (method, result): counter.labels(method, result) for method in METHODS for result in (*VERDICTS, "error")
        }
        self._duration = metrics.histogram(
            "judgment_execution_duration_seconds", "Time from a request to its durable verdict."
        )
        rate = metrics.gauge(
            "judgment_success_rate",
            "Share of the last 5 minutes' judgments that got a verdict; NaN when there were none.",
        )
        rate.set_function(self.success_rate)
        self._seconds: deque[list[float]] = deque()

    def count(self, method: str, result: str, number: int = 1) -> None:
        """Count judgments that ended in one result."""
        self._counters[method, result].inc(number)
        now = float(int(self._clock.monotonic()))
        if not self._seconds or self._seconds[-1][0] != now:
            self._seconds.append([now, 0, 0])
            self._forget(now)
        self._seconds[-1][1] += number
        self._seconds[-1][2] += number if result == "error" else 0

    def time(self, seconds: float) -> None:
        """Note how long a request took."""
        self._duration.observe(seconds)

    def success_rate(self) -> float:
        """Give the share of judgments in the window that got a verdict, `not_evaluable` included; NaN without any."""
        self._forget(self._clock.monotonic())
        total = sum(entry[1] for entry in self._seconds)
        return math.nan if not total else 1.0 - sum(entry[2] for entry in self._seconds) / total

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] < now - WINDOW_S:
            self._seconds.popleft()


class Desk:
    """Where requests are judged and kept. An answer from here is durable."""

    def __init__(
        self, judge: Judge, committer: Committer, spool: Spool, store: ExecutionStore, *, tally: Tally, clock: Clock
    ) -> None:
        """Put the parts together."""
        self.judge: Final = judge
        self.tally: Final = tally
        self._committer = committer
        self._spool = spool
        self._store = store
        self._clock = clock

    async def one(self, request: JudgmentRequest, subject: str) -> Answered:
        """Judge and keep one request, or raise why there is no answer."""
        try:
            first = None if request.method == "rule" else await self._earlier(request)
            if first is None:
                execution = await self.judge.execute(request, subject)
                answered = (await self._keep([execution]))[0]
            else:
                answered = first
        except Exception:
            self.tally.count(request.method, "error")
            raise
        if isinstance(answered, JudgifyError):
            self.tally.count(request.method, "error")
            raise answered
        self.tally.count(request.method, answered.verdict)
        return answered

    async def many(self, requests: list[JudgmentRequest], subject: str) -> list[Answered | JudgifyError]:
        """Judge and keep many requests; each has its own outcome, and one that fails takes no other with it."""
        asking = bool(requests) and requests[0].method != "rule"
        outcomes = await (self._asked(requests, subject) if asking else self._ruled(requests, subject))
        kept = iter(await self._keep([outcome for outcome in outcomes if isinstance(outcome, Execution)]))
        answers = [next(kept) if isinstance(outcome, Execution) else outcome for outcome in outcomes]
        for request, answer in zip(requests, answers, strict=True):
            self.tally.count(request.method, "error" if isinstance(answer, JudgifyError) else answer.verdict)
        return answers

    async def _ruled(self, requests: list[JudgmentRequest], subject: str) -> list[Execution | Answered | JudgifyError]:
        """Judge requests one after the other."""
        missing: Missing = {}
        outcomes: list[Execution | Answered | JudgifyError] = []
        begun = self._clock.monotonic()
        for request in requests:
            outcomes.append(await self._judge(request, subject, missing))
            if self._clock.monotonic() - begun > _YIELD_AFTER_S:
                await asyncio.sleep(0)  # single requests come in between
                begun = self._clock.monotonic()
        return outcomes

    async def _asked(self, requests: list[JudgmentRequest], subject: str) -> list[Execution | Answered | JudgifyError]:
        """Judge requests that may ask the model, a few at a time; once the time for it is over, by the rules alone."""
        missing: Missing = {}
        outcomes: list[Execution | Answered | JudgifyError] = [Unavailable()] * len(requests)
        left = iter(enumerate(requests))
        until = self._clock.monotonic() + BATCH_S

        async def work() -> None:
            for place, request in left:
                outcomes[place] = await self._judge(request, subject, missing, until)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for _ in range(BATCH_WORKERS):
                group.create_task(work())
        return outcomes

    async def _judge(
        self, request: JudgmentRequest, subject: str, missing: Missing, until: float | None = None
    ) -> Execution | Answered | JudgifyError:
        workflow = (request.workflow_id, request.workflow_name, request.name)
        if workflow in missing:
            # Asked for once: each question to the workflow service waits its turn.
            return missing[workflow]
        try:
            if until is not None and (first := await self._earlier(request)) is not None:
                return first
            return await self.judge.execute(request, subject, until=until)
        except JudgifyError as error:
            if isinstance(error, NotFound | Unavailable):
                missing[workflow] = error
            return error

    async def _earlier(self, request: JudgmentRequest) -> Answered | JudgifyError | None:
        """Give what the same key had been answered before, so that a repeat costs no tokens; None if unknown."""
        number = await self.judge.key_of(request)
        if number is None:
            return None
        try:
            found = (await self._firsts([number])).get(number)
            where = await self.find(number)
        except Unavailable:
            return None  # judged anew; when it is kept, the first one stands
        if found is None or where is None:
            return None
        if found[1] != digest_of(request.input_data):
            return _conflict(number)
        return Answered(where[0], msgspec.json.decode(where[0], type=_Verdict).verdict, where[1], replayed=True)

    async def find(self, number: str) -> tuple[bytes, Durability] | None:
        """Give an execution's record and where it is, in the database or still in the spool."""
        row = await asyncio.to_thread(self._spool.find, number)
        if row is not None:
            return bytes(row.record), "spool"
        record = await self._store.read(number)
        # It may have moved from the one to the other between the two looks, never back.
        return None if record is None else (record, "database")

    async def _keep(self, executions: list[Execution]) -> list[Answered | JudgifyError]:
        if not executions:
            return []
        kept = await self._committer.keep([execution.row for execution in executions])
        pairs = list(zip(executions, kept, strict=True))
        repeated = [pair[0].record.id for pair in pairs if isinstance(pair[1], Kept) and not pair[1].fresh]
        firsts: dict[str, tuple[bytes | None, str]] | Unavailable
        try:
            firsts = await self._firsts(repeated) if repeated else {}
        except Unavailable as error:
            firsts = error
        return [
            outcome if isinstance(outcome, JudgifyError) else self._answer(execution, outcome, firsts)
            for execution, outcome in pairs
        ]

    async def _firsts(self, numbers: list[str]) -> dict[str, tuple[bytes | None, str]]:
        """Give the record and the input's digest of executions that were there before, all with one look at each."""
        rows = await asyncio.to_thread(lambda: [self._spool.find(number) for number in numbers])
        found: dict[str, tuple[bytes | None, str]] = {
            row.id: (bytes(row.record), row.input_sha256 or "") for row in rows if row is not None
        }
        rest = [number for number in numbers if number not in found]
        return found | (await self._store.firsts(rest) if rest else {})

    @staticmethod
    def _answer(
        execution: Execution, kept: Kept, firsts: dict[str, tuple[bytes | None, str]] | Unavailable
    ) -> Answered | JudgifyError:
        if kept.fresh:
            record = execution.record
            return Answered(bytes(execution.row.record), record.verdict, kept.durability, replayed=False)
        if isinstance(firsts, Unavailable):
            return firsts
        first, digest = firsts.get(execution.record.id, (None, None))
        first = first or bytes(execution.row.record)
        if digest != execution.row.input_sha256:
            return _conflict(execution.record.id)
        verdict = msgspec.json.decode(first, type=_Verdict).verdict
        return Answered(first, verdict, kept.durability, replayed=True)


class _Verdict(msgspec.Struct):
    verdict: str


def _conflict(number: str) -> Conflict:
    return Conflict(
        "this idempotency_key was used before with another input; use a new key",
        slug="idempotency-conflict",
        execution_id=number,
    )


def shown(answered: Answered, options: JudgmentOptions) -> bytes:
    """Write an execution as it is answered: the record, its id also as `execution_id`, less what was not asked for."""
    if options.trace and options.explain:
        return _with_id(answered)
    record: dict[str, Any] = msgspec.json.decode(answered.record, type=dict[str, msgspec.Raw])
    if not options.trace:
        del record["trace"]
    if not options.explain:
        del record["explanation"]
    return ENCODER.encode({"execution_id": record["id"], "replayed": answered.replayed} | record)


def _with_id(answered: Answered) -> bytes:
    # The record begins with its id: {"id":"exe_…",
    number = answered.record[6 : answered.record.index(b",")]
    replayed = b"true" if answered.replayed else b"false"
    return b'{"execution_id":%s,"replayed":%s,%s' % (number, replayed, answered.record[1:])
