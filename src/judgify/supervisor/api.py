"""The supervisor's HTTP API on its Unix socket. Whoever may open the socket may do everything: its folder is 0700."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from judgify.kit.errors import Invalid
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.supervisor_types import ENV_NAME_PATTERN, Change, CpuMillis, MemoryBytes, UnitSpec
from judgify.kit.web import Health, ServiceSpec, answer, create_app
from judgify.supervisor.fleet import Supervisor

MAX_WAIT_S = 600.0
EnvName = Annotated[str, Field(pattern=ENV_NAME_PATTERN)]


class Order(BaseModel):
    """What every operation carries: who asks, why, and an id under which a repeat gets the first answer."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=2000)
    operation_id: str | None = Field(default=None, min_length=1, max_length=200)


class WaitingOrder(Order):
    """An operation that can wait until the unit is healthy."""

    wait_s: float | None = Field(default=None, ge=0, le=MAX_WAIT_S)


class RestartOrder(WaitingOrder):
    """``grace_s`` is what a service that hangs gets for its stop before it is killed, at most its own stop timeout."""

    grace_s: float | None = Field(default=None, gt=0, le=300)


class ScaleOrder(WaitingOrder):
    """How many processes to run."""

    replicas: int


class EnvOrder(WaitingOrder):
    """Which variables to set and to unset."""

    set: dict[EnvName, Annotated[str, Field(max_length=32_000)]] = Field(default_factory=dict)
    unset: list[EnvName] = Field(default_factory=list)


class LimitsOrder(Order):
    """The new limits; one that is left out stays, ``null`` lifts it."""

    memory_bytes: MemoryBytes = None
    cpu_millis: CpuMillis = None


class PutOrder(WaitingOrder):
    """A definition, and whether a unit that is to run takes it up at once."""

    spec: UnitSpec
    restart: bool = False


class TrafficOrder(Order):
    """The switch as it should be."""

    blocked: bool
    retry_after_s: int = Field(default=30, ge=1, le=86_400)


class ShutdownOrder(BaseModel):
    """``units`` false leaves the units running; another supervisor finds them again."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=200)
    units: bool = True


def build(supervisor: Supervisor, settings: Settings, *, leave: Callable[[], None]) -> FastAPI:
    """The app. ``leave`` is called after the answer to a shutdown and has to end the process."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        supervisor.close()

    async def health() -> Health:
        return Health("ok")

    async def ready() -> bool:
        return True

    clock = supervisor.clock
    app = create_app(
        ServiceSpec(
            name="supervisor",
            settings=settings,
            clock=clock,
            metrics=Metrics("supervisor"),
            health=health,
            ready=ready,
            lifespan=lifespan,
        )
    )
    _reads(app, supervisor)
    _operations(app, supervisor)
    _changes(app, supervisor)
    _whole(app, supervisor, leave)
    return app


def _reads(app: FastAPI, supervisor: Supervisor) -> None:
    clock = supervisor.clock

    @app.get("/units")
    async def units() -> dict[str, Any]:
        return answer([unit.model_dump(mode="json") for unit in supervisor.units()], clock)

    @app.get("/units/{name}")
    async def unit(name: str) -> dict[str, Any]:
        return answer(supervisor.unit(name).model_dump(mode="json"), clock)

    @app.get("/units/{name}/spec")
    async def spec(name: str) -> dict[str, Any]:
        return answer(supervisor.spec(name).model_dump(mode="json"), clock)

    @app.get("/units/{name}/logs")
    async def logs(
        name: str,
        lines: Annotated[int, Query(ge=1, le=10_000)] = 100,
        instance: Annotated[int, Query(ge=0, le=15)] = 0,
    ) -> dict[str, Any]:
        found = await asyncio.to_thread(supervisor.logs, name, lines, instance)
        return answer({"lines": found}, clock)

    @app.get("/units/{name}/resources")
    async def resources(name: str) -> dict[str, Any]:
        return answer(supervisor.resources(name).model_dump(mode="json"), clock)

    @app.get("/events")
    async def events(
        after: int = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        wait_s: Annotated[float, Query(ge=0, le=30)] = 0.0,
    ) -> dict[str, Any]:
        found = await supervisor.events(after, limit, wait_s)
        return answer([event.model_dump(mode="json") for event in found], clock)

    @app.get("/traffic")
    async def traffic() -> dict[str, Any]:
        return answer(supervisor.traffic().model_dump(mode="json"), clock)


Run = Callable[[Order, Callable[[], Awaitable[Change]]], Awaitable[dict[str, Any]]]


def _runner(supervisor: Supervisor) -> Run:
    async def run(order: Order, operation: Callable[[], Awaitable[Change]]) -> dict[str, Any]:
        async def dumped() -> Any:
            return (await operation()).model_dump(mode="json")

        return answer(await supervisor.once(order.operation_id, dumped), supervisor.clock)

    return run


def _operations(app: FastAPI, supervisor: Supervisor) -> None:
    run = _runner(supervisor)

    @app.post("/units/{name}/start")
    async def start(name: str, order: WaitingOrder) -> dict[str, Any]:
        return await run(order, lambda: supervisor.start(name, order.by, order.reason, order.wait_s))

    @app.post("/units/{name}/stop")
    async def stop(name: str, order: WaitingOrder) -> dict[str, Any]:
        return await run(order, lambda: supervisor.stop(name, order.by, order.reason))

    @app.post("/units/{name}/restart")
    async def restart(name: str, order: RestartOrder) -> dict[str, Any]:
        return await run(order, lambda: supervisor.restart(name, order.by, order.reason, order.wait_s, order.grace_s))

    @app.post("/units/{name}/rollback")
    async def rollback(name: str, order: RestartOrder) -> dict[str, Any]:
        return await run(order, lambda: supervisor.roll_back(name, order.by, order.reason, order.wait_s, order.grace_s))

    @app.post("/units/{name}/scale")
    async def scale(name: str, order: ScaleOrder) -> dict[str, Any]:
        return await run(order, lambda: supervisor.scale(name, order.replicas, order.by, order.reason, order.wait_s))


def _changes(app: FastAPI, supervisor: Supervisor) -> None:
    run = _runner(supervisor)

    @app.post("/units/{name}/env")
    async def env(name: str, order: EnvOrder) -> dict[str, Any]:
        return await run(
            order,
            lambda: supervisor.set_env(
                name, order.set, order.unset, by=order.by, reason=order.reason, wait_s=order.wait_s
            ),
        )

    @app.post("/units/{name}/limits")
    async def limits(name: str, order: LimitsOrder) -> dict[str, Any]:
        given = order.model_dump(include={"memory_bytes", "cpu_millis"} & order.model_fields_set)
        merged = supervisor.unit(name).limits.model_copy(update=given)
        return await run(order, lambda: supervisor.set_limits(name, merged, order.by, order.reason))

    @app.put("/units/{name}")
    async def put(name: str, order: PutOrder) -> dict[str, Any]:
        if order.spec.name != name:
            raise Invalid(f'the address names the unit "{name}", the definition "{order.spec.name}"')
        return await run(
            order,
            lambda: supervisor.put(order.spec, order.by, order.reason, restart=order.restart, wait_s=order.wait_s),
        )


def _whole(app: FastAPI, supervisor: Supervisor, leave: Callable[[], None]) -> None:
    @app.post("/traffic")
    async def traffic(order: TrafficOrder) -> dict[str, Any]:
        async def switch() -> Any:
            after = supervisor.set_traffic(
                blocked=order.blocked, retry_after_s=order.retry_after_s, by=order.by, reason=order.reason
            )
            return after.model_dump(mode="json")

        return answer(await supervisor.once(order.operation_id, switch), supervisor.clock)

    @app.post("/start")
    async def start_all(order: WaitingOrder) -> dict[str, Any]:
        fleet = await supervisor.start_all(order.by, order.reason, order.wait_s or 60.0)
        return answer(fleet.model_dump(mode="json"), supervisor.clock)

    @app.post("/shutdown")
    async def shutdown(order: ShutdownOrder) -> dict[str, Any]:
        data: dict[str, Any] = {"done": [], "failed": []}
        if order.units:
            data = (await supervisor.stop_all(order.by, "shutdown")).model_dump(mode="json")
        leave()
        return answer(data, supervisor.clock)
