"""The fast lane: a plain, whole request of a caller known from memory, to an upstream with a free connection.

It runs inside the wire's callbacks: no task, no ASGI. What it cannot decide at once takes the common way (`proxy`),
which also makes every refusal; so both ways obey the same rules, and this one only passes on or reports a fault.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from judgify.core.gateway.call import problem_answer
from judgify.core.gateway.config import GatewayConfig
from judgify.core.gateway.express_connection import ExpressConnection
from judgify.core.gateway.express_plan import Plan, read_plan
from judgify.core.gateway.header import client_chain, is_within
from judgify.core.gateway.identity import Authenticator, Identity
from judgify.core.gateway.ledger import Ledger
from judgify.core.gateway.metric import GatewayMetrics
from judgify.core.gateway.proxy import Upstream, broke_off, timed_out
from judgify.core.gateway.role import may
from judgify.core.gateway.throttle import Throttle
from judgify.core.gateway.traffic import TrafficSwitch
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError
from judgify.kit.ids import request_id
from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.express")
EXPRESS_SWEEP_S: Final = 0.25
"""How exactly timeouts are kept."""
MAX_CONNECTIONS: Final = 128
"""Connections to one upstream."""
RETRY_S: Final = 1.0
"""After an upstream refused a connection, how long no other is opened ahead of need."""
CLIENT_CLOSED: Final = 499
"""Counted for a client that hung up before its answer; never sent."""
MAX_BODY: Final = 64 * 1024
"""Largest body in bytes that is waited for."""
MAX_KEPT: Final = 4096
MAX_KEPT_HEAD: Final = 4096
"""How many heads, of how many bytes each, are remembered with what was read from them."""
_CLAIMS: Final = b"x-request-id: %b\r\nx-forwarded-proto: %b\r\nx-forwarded-for: %b\r\nauthorization: Bearer %b\r\n\r\n"


class Client(Protocol):
    """The client's side of the wire, as far as the lane needs it."""

    peer: str
    closing_line: bytes
    """The header that tells the client of the connection's end, empty while it stays."""

    def begin_answer(self, head: bytes) -> bool:
        """Write an answer's head and first part; False while the client takes nothing more."""
        ...

    def write(self, data: bytes) -> bool:
        """Write a further part; False while the client takes nothing more."""
        ...

    def end_answer(self) -> None:
        """The answer is whole: the next request may come."""
        ...

    def cut(self) -> None:
        """The answer broke off: only a broken connection can say so."""
        ...

    def take_common_way(self, data: bytes) -> None:
        """Have the request served by the common way after all."""
        ...


class Boarding(Enum):
    """Why a request does not go from the fast lane."""

    COMMON = "common"
    """It takes the common way."""
    WAIT = "wait"
    """Its body is not whole yet."""


COMMON: Final = Boarding.COMMON
WAIT: Final = Boarding.WAIT


class Ride:
    """One request on the fast lane."""

    __slots__ = (
        "address",
        "client",
        "data",
        "deadline",
        "error",
        "plan",
        "principal",
        "request_id",
        "started",
        "status",
        "streamed",
        "upstream_s",
    )

    def __init__(self, client: Client, data: bytes, plan: Plan, principal: Principal, now: float) -> None:
        self.client = client
        self.data = data
        self.plan = plan
        self.principal = principal
        self.request_id = plan.request_id or request_id()
        self.address = client.peer
        self.started = now
        self.deadline = now
        self.status = 0
        self.streamed = False
        self.upstream_s: float | None = None
        self.error: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides whether a request may pass."""

    config: GatewayConfig
    authenticator: Authenticator
    throttle: Throttle
    switch: TrafficSwitch
    metrics: GatewayMetrics
    ledger: Ledger
    clock: Clock


class Lane:
    """The fast lane of one gateway process."""

    def __init__(self, rules: Rules, upstreams: dict[str, Upstream]) -> None:
        """Use the same rules, limits and queues as the common way."""
        self._rules = rules
        self._upstreams = upstreams
        self._idle: dict[str, list[ExpressConnection]] = {name: [] for name in upstreams}
        self._opened: dict[str, set[ExpressConnection]] = {name: set() for name in upstreams}
        self._opening: dict[str, set[asyncio.Task[None]]] = {name: set() for name in upstreams}
        self._wait_until: dict[str, float] = dict.fromkeys(upstreams, 0.0)
        self._running: set[ExpressConnection] = set()
        self._plans: dict[bytes, Plan] = {}
        self._open = False
        self.passed = 0
        """Requests that went this way."""

    def start(self) -> None:
        """Let requests pass."""
        self._open = True

    def close(self) -> None:
        """Let none pass any more and close what is open."""
        self._open = False
        for name, tasks in self._opening.items():
            for task in tasks:
                task.cancel()
            for connection in list(self._opened[name]):
                connection.abort()
            self._idle[name].clear()

    # -- a request

    def board(self, client: Client, data: bytes) -> ExpressConnection | Boarding:
        """Pass a whole request on; `COMMON` or `WAIT`, with nothing done, when it cannot go from here (yet)."""
        end = data.find(b"\r\n\r\n") + 4
        plan = self._plan(data[:end]) if end >= 4 else None
        if plan is None or not self._open or self._rules.switch.state.blocked:
            return COMMON
        missing = end + plan.length - len(data)
        if missing:
            return WAIT if missing > 0 and plan.length <= MAX_BODY else COMMON
        now = self._rules.clock.monotonic()
        ticket = self._ticket(plan, now)
        if ticket is None:
            return COMMON
        principal, connection = ticket
        self._go(Ride(client, data, plan, principal, now), connection, data[end:])
        return connection

    def _ticket(self, plan: Plan, now: float) -> tuple[Principal, ExpressConnection] | None:
        """Give who asks and a connection, a place at the upstream and one of the caller's tokens being taken."""
        identity = self._rules.authenticator.known(plan.token, now)
        if identity is None or not may(identity.principal, plan.role):
            return None
        connection = self._take(plan.upstream, now)
        if connection is None:
            return None
        if not self._admitted(identity, plan.upstream, now):
            self._idle[plan.upstream.name].append(connection)
            return None
        return identity.principal, connection

    def _plan(self, head: bytes) -> Plan | None:
        """Read a head; None for whatever the common way has to judge."""
        known = self._plans.get(head)
        if known is not None:
            return known
        plan = read_plan(head, self._upstreams)
        if plan is not None and plan.repeats and len(head) <= MAX_KEPT_HEAD:
            if len(self._plans) >= MAX_KEPT:
                self._plans.clear()
            self._plans[head] = plan
        return plan

    def _go(self, ride: Ride, connection: ExpressConnection, body: bytes) -> None:
        self.passed += 1
        rules, plan = self._rules, ride.plan
        forwarded, scheme = ride.address, b"http"
        trusted = rules.config.trusted_proxies
        if trusted:
            ride.address, forwarded = client_chain(ride.client.peer, plan.forwarded, trusted)
            if plan.proto == b"https" and is_within(ride.client.peer, trusted):
                scheme = b"https"
        ride.deadline = ride.started + rules.config.response_timeout_s
        rules.metrics.seen(ride.principal.subject, ride.started)
        self._running.add(connection)
        token = rules.authenticator.service_token(ride.principal)
        claims = (ride.request_id.encode(), scheme, forwarded.encode("latin-1"), token.encode())
        connection.send(ride, plan.lines + _CLAIMS % claims + body)

    def abandon(self, connection: ExpressConnection) -> None:
        """The client hung up: end the work upstream."""
        ride = connection.ride
        connection.abort()
        if ride is not None:
            ride.status = CLIENT_CLOSED
            self._settle(connection, ride)

    def _admitted(self, identity: Identity, upstream: Upstream, now: float) -> bool:
        principal, config = identity.principal, self._rules.config
        limit = config.person_limit if principal.kind == "person" else config.machine_limit
        if not upstream.admission.enter_now():
            return False
        if self._rules.throttle.take_now(f"subject:{principal.subject}", limit, now):
            return True
        upstream.admission.leave()
        return False

    # -- connections

    def open_ahead(self, name: str) -> None:
        """Begin to open a connection to an upstream before a request needs it."""
        self._grow(self._upstreams[name], self._rules.clock.monotonic())

    def free(self, name: str) -> int:
        """Give how many connections to an upstream wait for a request."""
        return len(self._idle[name])

    def _take(self, upstream: Upstream, now: float) -> ExpressConnection | None:
        idle = self._idle[upstream.name]
        while idle:
            connection = idle.pop()
            if connection.usable and now - connection.idle_since < self._rules.config.idle_connection_s:
                return connection
            connection.abort()
        self._grow(upstream, now)
        return None

    def _grow(self, upstream: Upstream, now: float) -> None:
        name = upstream.name
        opening = self._opening[name]
        if len(self._opened[name]) + len(opening) >= MAX_CONNECTIONS or now < self._wait_until[name]:
            return
        task = asyncio.get_running_loop().create_task(self._connect(upstream))
        opening.add(task)
        task.add_done_callback(opening.discard)

    async def _connect(self, upstream: Upstream) -> None:
        loop = asyncio.get_running_loop()
        address = upstream.pool.address
        try:
            async with asyncio.timeout(self._rules.config.connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: ExpressConnection(self, upstream.name), address.host, address.port
                )
        except (OSError, TimeoutError):
            # The common way meets the same fault and tells the client.
            self._wait_until[upstream.name] = self._rules.clock.monotonic() + RETRY_S
            return
        self._opened[upstream.name].add(connection)
        self._rest(connection)

    def _rest(self, connection: ExpressConnection) -> None:
        connection.idle_since = self._rules.clock.monotonic()
        self._idle[connection.upstream].append(connection)

    # -- what connections tell

    def progressed(self, ride: Ride) -> None:
        """A part of the answer came: the next one has its own time."""
        now = self._rules.clock.monotonic()
        if ride.upstream_s is None:
            ride.upstream_s = now - ride.started
        ride.deadline = now + self._rules.config.stream_idle_s

    def finished(self, connection: ExpressConnection, ride: Ride, *, reusable: bool) -> None:
        """The answer is whole."""
        if reusable:
            self._rest(connection)
        else:
            connection.abort()
        self._settle(connection, ride)
        ride.client.end_answer()

    def failed(self, connection: ExpressConnection, ride: Ride, fault: str, *, answered: bool) -> None:
        """The exchange broke: tried again by the common way when that changes nothing, else told, else cut."""
        connection.abort()
        if ride.status:
            ride.error = "upstream-broke-off"
            self._settle(connection, ride)
            ride.client.cut()
        elif ride.plan.repeatable and not answered:
            self._running.discard(connection)
            ride.plan.upstream.admission.leave()
            ride.client.take_common_way(ride.data)
        else:
            self._tell(connection, ride, broke_off(ride.plan.upstream.name, fault))

    def lost(self, connection: ExpressConnection) -> None:
        """A connection is gone."""
        self._opened[connection.upstream].discard(connection)

    def sweep(self) -> None:
        """End what takes too long, and close what has been idle for too long."""
        now = self._rules.clock.monotonic()
        for connection in [one for one in self._running if one.ride is not None and now >= one.ride.deadline]:
            ride = connection.ride
            assert ride is not None  # noqa: S101 - selected above; for the type checker
            connection.abort()
            if ride.status:
                self._settle(connection, ride)
                ride.client.cut()
            else:
                self._tell(
                    connection, ride, timed_out(ride.plan.upstream.name, f"{self._rules.config.response_timeout_s:g}")
                )
        for name, idle in self._idle.items():
            keep = []
            for connection in idle:
                if connection.usable and now - connection.idle_since < self._rules.config.idle_connection_s:
                    keep.append(connection)
                else:
                    connection.abort()
            self._idle[name] = keep

    def _tell(self, connection: ExpressConnection, ride: Ride, error: JudgifyError) -> None:
        ride.status, ride.error = error.status, error.type_slug
        ride.client.begin_answer(problem_answer(error, ride.request_id, ride.client.closing_line))
        self._settle(connection, ride)
        ride.client.end_answer()

    def _settle(self, connection: ExpressConnection, ride: Ride) -> None:
        connection.ride = None
        self._running.discard(connection)
        ride.plan.upstream.admission.leave()
        clock = self._rules.clock
        self._rules.ledger.note(ride, clock.now(), clock.monotonic() - ride.started)
