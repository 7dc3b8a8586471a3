"""Routes of feedback: a person says whether an execution was right, and everybody sees what that measures."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Query, Request, Response
from prometheus_client import Counter

from judgify.core.judgment.desk import Desk
from judgify.core.judgment.feedback_store import Calibrations, FeedbackStore, Judgement
from judgify.core.judgment.judge import read_json
from judgify.core.judgment.row import ENCODER
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock, parse
from judgify.kit.errors import Denied, Invalid, NotFound
from judgify.kit.ids import is_id
from judgify.kit.metrics import Metrics
from judgify.kit.web import answer, require

PREFIX: Final = "/api/v2/judgment"
MAX_NOTE: Final = 2_000
MAX_EXPECTED: Final = 16 * 1024
Reader = Annotated[Principal, require("viewer", "service")]
Speaker = Annotated[Principal, require("responder")]


class Word(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says of an execution: whether it was right, what would have been, and anything else."""

    correct: bool
    expected: msgspec.Raw = msgspec.Raw(b"null")
    note: str | None = None


class _Judged(msgspec.Struct):
    """What feedback needs of a record."""

    id: str
    created_at: str
    workflow_id: str
    workflow_version: int
    method_used: str
    confidence: float | None = None


_WORD: Final = msgspec.json.Decoder(Word)


def add_feedback(
    app: FastAPI, desk: Desk, store: FeedbackStore, calibrations: Calibrations, *, metrics: Metrics, clock: Clock
) -> None:
    """Add the routes."""
    said: Counter = metrics.counter("judgment_feedback_total", "Words of persons on executions.", ("correct",))
    for correct in ("true", "false"):
        said.labels(correct)

    @app.post(PREFIX + "/executions/{number}/feedback")
    async def say(number: str, request: Request, who: Speaker) -> Response:
        if who.kind == "service":
            raise Denied("feedback is a person's word; a service has none")
        word = _read(await request.body())
        about = await _execution(desk, number)
        expected = bytes(word.expected).decode()
        kept, changed = await store.say(
            about,
            who.subject,
            correct=word.correct,
            expected=None if expected == "null" else _clean(expected),
            note=word.note,
        )
        if changed:
            said.labels("true" if word.correct else "false").inc()
            await calibrations.refresh(about.workflow_id)
        return _json(answer(_raw(kept) | {"changed": changed}, clock))

    @app.get(PREFIX + "/executions/{number}/feedback")
    async def words(number: str, _: Reader) -> Response:
        about = await _execution(desk, number)
        return _json(answer([_raw(word) for word in await store.of(about.id)], clock))

    @app.get(PREFIX + "/calibration")
    async def calibration(_: Reader, workflow: Annotated[str, Query(max_length=100)]) -> Response:
        found = await desk.judge.find(workflow)
        measured = await store.measure(found.id)
        return _json(answer({"workflow_id": found.id, "workflow_name": found.name} | measured.to_dict(), clock))


def _read(body: bytes) -> Word:
    word: Word = read_json(body, _WORD)
    if word.note is not None and (len(word.note) > MAX_NOTE or "\x00" in word.note):
        raise Invalid(f"note: at most {MAX_NOTE:,} characters, and no NUL")
    if len(bytes(word.expected)) > MAX_EXPECTED:
        raise Invalid(f"expected: at most {MAX_EXPECTED:,} bytes")
    return word


async def _execution(desk: Desk, number: str) -> Judgement:
    found = await desk.find(number) if is_id(number, "exe") else None
    if found is None:
        raise NotFound(f"there is no execution {number[:60]!r}")
    judged = msgspec.json.decode(found[0], type=_Judged)
    confidence = judged.confidence if judged.method_used == "llm" else None
    return Judgement(judged.id, parse(judged.created_at), judged.workflow_id, judged.workflow_version, confidence)


def _clean(text: str) -> str:
    # The caller's own bytes inside the document; compared with what was said before.
    return ENCODER.encode(msgspec.json.decode(text)).decode()


def _raw(word: dict[str, Any]) -> dict[str, Any]:
    expected = word["expected"]
    return word | {"expected": None if expected is None else msgspec.Raw(expected.encode())}


def _json(content: Any) -> Response:
    return Response(ENCODER.encode(content), media_type="application/json")
