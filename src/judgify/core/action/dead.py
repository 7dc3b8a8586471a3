"""The routes for dead orders: list them, try them again one by one or many at once, or give them up with a reason."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from judgify.core.action.choice import Choice, chosen
from judgify.core.action.order import Type
from judgify.core.action.store import ActionStore
from judgify.kit import outgoing
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid
from judgify.kit.log import get_logger
from judgify.kit.outbox import Outbox
from judgify.kit.text import Text
from judgify.kit.web import answer, require

ACTIONS: Final = "/api/v2/action/actions"
DEAD: Final = "/api/v2/action/dead"
log = get_logger("judgify.action")

Reader = Annotated[Principal, require("viewer", "service")]
Actor = Annotated[Principal, require("responder", "service")]
ActionId = Annotated[str, Path(pattern=r"^act_[0-9a-z]{26}$")]
By = Annotated[Text, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Discard(_Strict):
    """Why an order is given up, and for whom the caller says so."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)]
    by: By | None = None


class ReplayMany(_Strict):
    """Which dead orders are tried again; an empty filter means all of them, and must be written."""

    filter: Choice
    by: By | None = None


def add_dead(app: FastAPI, store: ActionStore, outbox: Outbox, clock: Clock) -> None:
    """Add the routes."""

    @app.get(DEAD)
    async def page(
        _: Reader,
        *,
        type: Type | None = None,  # noqa: A002 - the parameter's name on the wire
        target: Annotated[str | None, Query(max_length=300)] = None,
        outcome: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z-]+$")] = None,
        workflow_id: Annotated[str | None, Query(max_length=200, pattern=r"^[\w:.-]+$")] = None,
        since: Annotated[str | None, Query(max_length=40)] = None,
        until: Annotated[str | None, Query(max_length=40)] = None,
        limit: outgoing.Limit = 50,
        cursor: Annotated[str | None, Query(pattern=r"^act_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List dead orders, newest first."""
        given = {"type": type, "target": target, "outcome": outcome, "workflow_id": workflow_id}
        choice = chosen(**given, since=since, until=until)
        return outgoing.page(await store.page(choice.dead(), limit=limit + 1, after=cursor), limit, clock)

    @app.post(DEAD + "/replay", status_code=202)
    async def replay_many(wanted: ReplayMany, who: Actor) -> dict[str, Any]:
        """Try many dead orders again; what is not dead any more is left alone, so that a repeat does no harm."""
        if wanted.filter.state not in {None, "dead"}:
            raise Invalid("filter.state: only dead orders can be replayed", path="filter.state")
        count, more = await store.replay_many(wanted.filter, _who(who, wanted.by))
        outbox.wake()
        log.info("orders replayed", count=count, by=who.subject)
        return answer({"replayed": count, "more": more}, clock, durability="database")

    @app.post(ACTIONS + "/{key}/replay", status_code=202)
    async def replay(key: ActionId, who: Actor) -> dict[str, Any]:
        """Try a dead order again, under its old idempotency key."""
        kept = await store.replay(key, who.subject)
        outbox.wake()
        log.info("order replayed", id=key, by=who.subject)
        return answer(kept, clock, durability="database")

    @app.post(ACTIONS + "/{key}/discard")
    async def discard(key: ActionId, given: Discard, who: Actor) -> dict[str, Any]:
        """Give a dead order up for good."""
        kept = await store.discard(key, _who(who, given.by), given.reason)
        log.info("order discarded", id=key, by=who.subject)
        return answer(kept, clock, durability="database")


def _who(who: Principal, by: str | None) -> str:
    """Who decided: the credential's owner, and whom a program says it speaks for."""
    return who.subject if by is None or by == who.subject else f"{who.subject} ({by})"
