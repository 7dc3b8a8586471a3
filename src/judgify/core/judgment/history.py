"""Reading what was judged: one execution, lists of them, and the figures of the last minutes."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Query, Response

from judgify.core.contracts.wire import Verdict
from judgify.core.judgment.desk import Desk
from judgify.core.judgment.row import ENCODER
from judgify.core.judgment.store import ExecutionStore
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock, iso, parse
from judgify.kit.errors import Invalid, NotFound
from judgify.kit.ids import is_id
from judgify.kit.web import answer, require

PREFIX: Final = "/api/v2/judgment"
MAX_PAGE: Final = 500
_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z)~(exe_[0-9a-z]{26})")
Reader = Annotated[Principal, require("viewer", "service")]


def add_history(app: FastAPI, desk: Desk, store: ExecutionStore, clock: Clock) -> None:
    """Add the reading routes."""

    @app.get(PREFIX + "/executions")
    async def page(
        _: Reader,
        *,
        workflow: Annotated[str | None, Query(max_length=100)] = None,
        verdict: Verdict | None = None,
        result: Annotated[str | None, Query(max_length=500)] = None,
        since: str | None = None,
        until: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: str | None = None,
    ) -> Response:
        rows = await store.page(
            workflow=_text(workflow),
            verdict=verdict,
            result=_text(result),
            since=_moment("since", since),
            until=_moment("until", until),
            before=_cursor(cursor),
            limit=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        more = f"{last['created_at']}~{last['id']}" if last else None
        return _json(answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more}))

    @app.get(PREFIX + "/executions/{number}")
    async def read(number: str, _: Reader) -> Response:
        found = await desk.find(number) if is_id(number, "exe") else None
        if found is None:
            raise NotFound(f"there is no execution {number[:60]!r}")
        return _json(answer(msgspec.Raw(found[0]), clock, durability=found[1]))

    @app.get(PREFIX + "/engines")
    async def engines(_: Reader) -> Response:
        return _json(answer(desk.judge.engines(), clock))

    @app.get(PREFIX + "/summary")
    async def summary(_: Reader, minutes: Annotated[int, Query(ge=1, le=1440)] = 60) -> Response:
        now = clock.now()
        since = now.replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
        return _json(answer(summarise(await store.summary(since), since, now, minutes), clock))


def summarise(rows: list[dict[str, Any]], since: datetime, now: datetime, minutes: int) -> dict[str, Any]:
    """Fold counted rows into totals by verdict, by workflow and by minute; minutes without any are there with zeros."""
    by_verdict: Counter[str] = Counter()
    by_workflow: dict[str, Counter[str]] = {}
    names: dict[str, str] = {}
    by_minute: dict[datetime, Counter[str]] = {since + timedelta(minutes=place): Counter() for place in range(minutes)}
    for row in rows:
        number, verdict = row["number"], row["verdict"]
        by_verdict[verdict] += number
        by_workflow.setdefault(row["workflow_id"], Counter())[verdict] += number
        names[row["workflow_id"]] = row["workflow_name"]
        by_minute.setdefault(row["minute"].astimezone(UTC), Counter())[verdict] += number
    return {
        "from": iso(since),
        "to": iso(now),
        "total": by_verdict.total(),
        "by_verdict": _verdicts(by_verdict),
        "by_workflow": [
            {"workflow_id": number, "workflow_name": names[number], "total": counted.total(), **_verdicts(counted)}
            for number, counted in sorted(by_workflow.items(), key=lambda entry: -entry[1].total())
        ],
        "per_minute": [
            {"minute": iso(minute), "total": counted.total(), **_verdicts(counted)}
            for minute, counted in sorted(by_minute.items())
        ],
    }


def _verdicts(counted: Counter[str]) -> dict[str, int]:
    return {verdict: counted[verdict] for verdict in ("matched", "not_matched", "not_evaluable")}


def _json(content: Any) -> Response:
    return Response(ENCODER.encode(content), media_type="application/json")


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse(text)
    except Invalid as error:
        raise Invalid(f"{name}: {error.detail}") from None


def _cursor(text: str | None) -> tuple[datetime, str] | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Invalid("cursor: give the next_cursor of the page before")
    moment = _moment("cursor", found[1])
    return None if moment is None else (moment, found[2])


def _text(text: str | None) -> str | None:
    return None if text is None else text.replace("\x00", "\ufffd")
