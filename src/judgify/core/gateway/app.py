"""The gateway as an ASGI app: from the first byte of a request to its line in the access log."""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from judgify.core.gateway.access import AccessLog
from judgify.core.gateway.account import Accounts
from judgify.core.gateway.admission import Admission
from judgify.core.gateway.call import Call
from judgify.core.gateway.config import GatewayConfig
from judgify.core.gateway.connection import ClientGone
from judgify.core.gateway.desk import Desk, Parts
from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.express import CLIENT_CLOSED, EXPRESS_SWEEP_S, Lane, Rules
from judgify.core.gateway.failure import MethodNotAllowed
from judgify.core.gateway.header import client_chain, header, is_within, refuse_ambiguous, refuse_large
from judgify.core.gateway.health import HealthMonitor, probe_service
from judgify.core.gateway.identity import Authenticator, CredentialStore, Identity
from judgify.core.gateway.ledger import Ledger
from judgify.core.gateway.limit import Limit
from judgify.core.gateway.lockout import Lockout
from judgify.core.gateway.metric import GatewayMetrics
from judgify.core.gateway.password import Passwords
from judgify.core.gateway.path import AUTH, GATEWAY, Target, resolve
from judgify.core.gateway.pool import SWEEP_S, Pool
from judgify.core.gateway.proxy import Proxy, Upstream
from judgify.core.gateway.record import Record, RecordCache
from judgify.core.gateway.role import METHODS, check
from judgify.core.gateway.session import Sessions
from judgify.core.gateway.throttle import Throttle
from judgify.core.gateway.traffic import TrafficSwitch
from judgify.kit.auth import bearer
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import JudgifyError, TooMany, Unauthenticated, Unavailable
from judgify.kit.log import get_logger, request_id_var
from judgify.kit.metrics import CONTENT_TYPE
from judgify.kit.middleware import Receive, Send, request_id_from
from judgify.kit.settings import Settings
from judgify.kit.web import State

log = get_logger("judgify.gateway")
HOUSEKEEPING_S: Final = 60.0
FRAGMENTATION_S: Final = 15.0


class Gateway:
    """One gateway process."""

    def __init__(self, settings: Settings, clock: Clock, config: GatewayConfig | None = None) -> None:
        """Wire the parts; nothing is opened before the lifespan starts."""
        self._settings = settings
        self._clock = clock
        self.config = config or GatewayConfig.from_settings(settings)
        self.metrics = GatewayMetrics(clock)
        self.switch = TrafficSwitch(settings.home / "run" / "traffic.json", clock)
        self.upstreams = {
            name: Upstream(
                name,
                Pool(name, address, self.config, clock),
                Admission(
                    name,
                    concurrent=self.config.max_concurrent,
                    queue=self.config.max_queue,
                    wait_s=self.config.max_wait_s,
                ),
            )
            for name, address in self.config.upstreams.items()
        }
        self._proxy = Proxy(self.config)
        self._door = RedisDoor(settings.redis_url if settings.redis_enabled else None)
        self._throttle = Throttle(self._door, clock)
        self._access = AccessLog()
        self._passwords = Passwords()
        self.database = Database(settings.database_url, "gateway", "judgify.core.gateway", clock=clock, max_size=8)
        accounts = Accounts(self.database, clock)
        self._sessions = Sessions(
            self.database, clock, refresh_ttl_s=self.config.refresh_ttl_s, session_ttl_s=self.config.session_ttl_s
        )
        self.records = RecordCache(self._door, clock, note=lambda result: self.metrics.lookups.labels(result).inc())
        self._authenticator = Authenticator(settings, self.records, _Store(accounts, self._sessions), clock)
        self._desk = Desk(
            Parts(
                config=self.config,
                accounts=accounts,
                sessions=self._sessions,
                records=self.records,
                passwords=self._passwords,
                authenticator=self._authenticator,
                throttle=self._throttle,
                lockout=Lockout(self._door, clock),
                metrics=self.metrics,
            )
        )
        self._ledger = Ledger(self._access, self.metrics)
        self.lane = Lane(
            Rules(self.config, self._authenticator, self._throttle, self.switch, self.metrics, self._ledger, clock),
            self.upstreams,
        )
        self.health = HealthMonitor(self._probes(), clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI connection event."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    # -- life of the process

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Open what can be opened; a missing store is reported by health and does not stop the start."""
        self.switch.look()
        self.database.start()
        for name, work in (
            ("traffic switch", self.switch.watch()),
            ("health", self.health.watch()),
            ("sweep", self._sweep()),
            ("fast lane", self._sweep_lane()),
            ("housekeeping", self._housekeeping()),
            ("redis memory", self._watch_redis()),
        ):
            self._tasks.append(asyncio.create_task(work, name=f"gateway {name}"))
        self._started = True
        self.lane.start()
        log.info("gateway ready", upstreams=sorted(self.upstreams))

    async def stop(self) -> None:
        """Close everything; running requests were given their time by the server."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.lane.close()
        for upstream in self.upstreams.values():
            upstream.pool.close()
        self._passwords.close()
        await self._door.close()
        await self.database.close()
        self._ledger.flush()
        self._access.flush()

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            for upstream in self.upstreams.values():
                upstream.pool.sweep()

    async def _sweep_lane(self) -> None:
        while True:
            await self._clock.sleep(EXPRESS_SWEEP_S)
            self.lane.sweep()

    async def _housekeeping(self) -> None:
        while True:
            await self._clock.sleep(HOUSEKEEPING_S)
            try:
                await self.tidy()
            except Unavailable:
                log.info("sessions not tidied: the database does not answer")

    async def tidy(self) -> int:
        """End the sessions that have lapsed, measure how long they lasted, and give their number."""
        ended = await self._sessions.tidy()
        for session in ended:
            self.metrics.session_duration.observe(session.lasted_s)
        return len(ended)

    async def _watch_redis(self) -> None:
        while self._door.enabled:
            ratio = await self._door.fragmentation()
            # What Redis said before it went away is no figure of now.
            self.metrics.fragmentation.set(float("nan") if ratio is None else ratio)
            await self._clock.sleep(FRAGMENTATION_S)

    # -- requests

    async def _request(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = request_id_from(scope)
        reset = request_id_var.set(request_id)
        call = Call(
            scope=scope,
            receive=receive,
            send=send,
            request_id=request_id,
            method=str(scope["method"]),
            headers=scope["headers"],
            clock=self._clock,
            started=self._clock.monotonic(),
        )
        status = 0
        try:
            await self._serve(call)
        except ClientGone:
            status = CLIENT_CLOSED
        except JudgifyError as error:
            await self._fail(call, error)
        except Exception:
            # The named boundary for faults of our own: the caller learns the id, the log learns the rest.
            log.exception("request failed", request=request_id)
            await self._fail(call, JudgifyError())
        finally:
            request_id_var.reset(reset)
            seconds = self._clock.monotonic() - call.started
            route = call.target.route if call.target is not None else "unmatched"
            # How long a stream of events is followed says nothing about how soon it was answered.
            told = call.upstream_s if call.streamed and call.upstream_s is not None else seconds
            self.metrics.observe(call.method, route, status or call.status, told)
            self._access.note(call, status or call.status, seconds)

    async def _fail(self, call: Call, error: JudgifyError) -> None:
        call.error = error.type_slug
        if call.answered:
            # The head has gone out: returning without the rest makes the server cut the connection, which is the
            # only way to tell the client that its answer is not whole.
            return
        await call.reply_problem(error)

    async def _serve(self, call: Call) -> None:
        self._locate(call)
        refuse_ambiguous(call.headers, str(call.scope.get("http_version", "1.1")))
        refuse_large(call.headers)
        target = call.target = resolve(call.scope["raw_path"])
        if target.service == GATEWAY:
            await self._own(call, target)
            return
        if call.method not in METHODS:
            raise MethodNotAllowed(f"methods here are {', '.join(sorted(METHODS))}", allow=", ".join(sorted(METHODS)))
        if target.is_health and call.method in {"GET", "HEAD"} and target.service in self.upstreams:
            await self._throttle.take(f"address:{call.client}", _wider(self.config.address_limit))
            await self._proxy.forward(call, self.upstreams[target.service], "", queued=False)
            return
        try:
            self.switch.check()
        except Unavailable:
            self.metrics.refused.labels("traffic-blocked").inc()
            raise
        if target.service == AUTH:
            await self._desk.serve(call, target.segments, lambda: self._identify(call))
            return
        identity = await self._identify(call)
        check(identity.principal, call.method, target)
        token = self._authenticator.service_token(identity.principal)
        await self._forward(call, self.upstreams[target.service], token)

    async def _forward(self, call: Call, upstream: Upstream, token: str) -> None:
        try:
            await self._proxy.forward(call, upstream, token)
        except Unavailable:
            self.metrics.refused.labels("overloaded").inc()
            raise

    def _locate(self, call: Call) -> None:
        peer = call.scope.get("client")
        call.peer = str(peer[0]) if peer else ""
        call.scheme = str(call.scope.get("scheme", "http"))
        call.client = call.forwarded = call.peer
        if self.config.trusted_proxies:
            forwarded = header(call.headers, b"x-forwarded-for")
            call.client, call.forwarded = client_chain(call.peer, forwarded, self.config.trusted_proxies)
            if is_within(call.peer, self.config.trusted_proxies) and (
                header(call.headers, b"x-forwarded-proto") == "https"
            ):
                call.scheme = "https"

    async def _identify(self, call: Call) -> Identity:
        token = bearer(header(call.headers, b"authorization")) or header(call.headers, b"x-api-key")
        try:
            identity = await self._authenticator.identify(token)
        except Unauthenticated:
            # Guessing costs: every failure takes one of the address's tokens.
            self.metrics.refused.labels("unauthenticated").inc()
            await self._throttle.take(f"address:{call.client}", self.config.address_limit)
            raise
        principal = identity.principal
        call.subject = principal.subject
        self.metrics.seen(principal.subject, self._clock.monotonic())
        limit = self.config.person_limit if principal.kind == "person" else self.config.machine_limit
        try:
            await self._throttle.take(f"subject:{principal.subject}", limit)
        except TooMany:
            self.metrics.refused.labels("rate-limited").inc()
            raise
        return identity

    async def _own(self, call: Call, target: Target) -> None:
        if call.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed("this path answers GET", allow="GET, HEAD")
        name = target.segments[-1]
        if name == "metrics":
            queues = [(item.name, item.admission.depth, item.admission.running) for item in self.upstreams.values()]
            self._ledger.flush()
            text = self.metrics.render(queues, self.database.usage(), blocked=self.switch.state.blocked)
            await call.reply(200, text, CONTENT_TYPE)
        elif name == "live":
            await call.reply_json(200, {"status": "ok", "service": GATEWAY})
        elif name == "ready":
            state = "ok" if self._started else "down"
            await call.reply_json(200 if self._started else 503, {"status": state, "service": GATEWAY})
        else:
            report = await self.health.report()
            body = {"status": report.status, "service": GATEWAY, "parts": dict(report.parts)}
            await call.reply_json(503 if report.status == "down" else 200, body)

    # -- health

    def _probes(self) -> Mapping[str, Any]:
        def service(upstream: Upstream) -> Any:
            return lambda: probe_service(upstream.pool)

        probes: dict[str, Any] = {name: service(upstream) for name, upstream in self.upstreams.items()}
        probes["database"] = self._probe_database
        probes["redis"] = self._probe_redis
        return probes

    async def _probe_database(self) -> State:
        try:
            async with asyncio.timeout(1), self.database.connection(timeout_s=1) as connection:
                read_only = await connection.fetchval(
                    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
                )
        except (TimeoutError, Unavailable):
            return "down"
        return "degraded" if read_only else "ok"

    async def _probe_redis(self) -> State:
        if not self._door.enabled:
            # Switched off on purpose: everything works, slower.
            return "degraded"
        return "ok" if await self._door.alive() else "down"


class _Store(CredentialStore):
    """Joins the two stores that credentials are looked up in."""

    def __init__(self, accounts: Accounts, sessions: Sessions) -> None:
        self._accounts = accounts
        self._sessions = sessions

    async def session_record(self, session_id: str) -> Record:
        return await self._sessions.session_record(session_id)

    async def key_record(self, key_id: str, digest: bytes) -> Record:
        return await self._accounts.key_record(key_id, digest)


def _wider(limit: Limit) -> Limit:
    # Health is asked for by monitoring and by people in an incident; it is bounded, but never tightly.
    return Limit(limit.rate * 4, limit.burst * 4)
