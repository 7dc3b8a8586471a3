"""The one client of the supervisor's API: used by the command line, the local orchestrator and the drills."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from judgify.kit.client import ServiceClient, unix_client
from judgify.kit.clock import Clock
from judgify.kit.errors import Denied, Unavailable
from judgify.kit.supervisor_types import Change, Event, Fleet, Resources, Traffic, Unit, UnitSpec

SOCKET = "run/supervisor.sock"
"""Where the socket is, under the home."""


class SupervisorClient:
    """Speaks to the supervisor of one home.

    Every method raises `Unavailable` when the socket is missing or nobody answers behind it, and otherwise the error
    kind that the supervisor gave (`NotFound`, `Conflict`, `Invalid`);
    `Denied` when the home is another user's. An operation that carries an ``operation_id`` may
    be repeated after `Unavailable`: if the first try was carried out, its answer comes back.
    """

    def __init__(self, home: Path, *, clock: Clock, by: str, timeout_s: float = 5.0) -> None:
        """Speak for ``by``, which goes into every event; ``timeout_s`` is added to what an operation waits for."""
        self.socket = home / SOCKET
        self._clock = clock
        self._by = by
        self._timeout_s = timeout_s
        self._client: ServiceClient | None = None

    async def __aenter__(self) -> Self:
        """Use as a context manager to close the connections at its end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    # reading

    async def alive(self) -> bool:
        """Whether the supervisor answers."""
        try:
            await self._call("GET", "/live")
        except Unavailable:
            return False
        return True

    async def units(self) -> list[Unit]:
        """All units: stores, then services, then the engine."""
        return [Unit.model_validate(unit) for unit in await self._call("GET", "/units")]

    async def unit(self, name: str) -> Unit:
        """One unit."""
        return Unit.model_validate(await self._call("GET", f"/units/{name}"))

    async def spec(self, name: str) -> UnitSpec:
        """The definition of a unit as it was given, its variables unmasked: what `define` puts back."""
        return UnitSpec.model_validate(await self._call("GET", f"/units/{name}/spec"))

    async def logs(self, name: str, *, lines: int = 100, instance: int = 0) -> list[str]:
        """The last lines that a process of the unit wrote, oldest first."""
        data = await self._call("GET", f"/units/{name}/logs", params={"lines": lines, "instance": instance})
        return [str(line) for line in data["lines"]]

    async def resources(self, name: str) -> Resources:
        """What the unit uses now; `Conflict` when it does not run."""
        return Resources.model_validate(await self._call("GET", f"/units/{name}/resources"))

    async def events(self, *, after: int = 0, limit: int = 200, wait_s: float = 0.0) -> list[Event]:
        """Events with a higher id than ``after`` (below zero: the newest), oldest first; waits up to 30 s for one."""
        params = {"after": after, "limit": limit, "wait_s": wait_s}
        return [
            Event.model_validate(event) for event in await self._call("GET", "/events", params=params, wait_s=wait_s)
        ]

    async def traffic(self) -> Traffic:
        """The gateway's switch."""
        return Traffic.model_validate(await self._call("GET", "/traffic"))

    # operations

    async def start(
        self, name: str, *, reason: str, wait_s: float | None = None, operation_id: str | None = None
    ) -> Change:
        """Start a unit; ``changed`` is false when it runs already."""
        return await self._operate(name, "start", reason, operation_id, wait_s)

    async def stop(self, name: str, *, reason: str, operation_id: str | None = None) -> Change:
        """Stop a unit; ``changed`` is false when it is stopped already. Answers when its processes have ended."""
        return await self._operate(name, "stop", reason, operation_id)

    async def restart(
        self,
        name: str,
        *,
        reason: str,
        wait_s: float | None = None,
        operation_id: str | None = None,
        grace_s: float | None = None,
    ) -> Change:
        """Restart a unit: a new revision with the same release. ``grace_s`` shortens the stop of one that hangs."""
        return await self._operate(name, "restart", reason, operation_id, wait_s, **_grace(grace_s))

    async def rollback(
        self,
        name: str,
        *,
        reason: str,
        wait_s: float | None = None,
        operation_id: str | None = None,
        grace_s: float | None = None,
    ) -> Change:
        """Return to the newest revision with another release that had been healthy; `Conflict` when there is none.

        A release that was itself rolled back from is passed over. ``grace_s`` is as for `restart`.
        """
        return await self._operate(name, "rollback", reason, operation_id, wait_s, **_grace(grace_s))

    async def scale(
        self,
        name: str,
        replicas: int,
        *,
        reason: str,
        wait_s: float | None = None,
        operation_id: str | None = None,
    ) -> Change:
        """Run so many processes; ``previous["replicas"]`` is the undo."""
        return await self._operate(name, "scale", reason, operation_id, wait_s, replicas=replicas)

    async def set_env(
        self,
        name: str,
        *,
        to_set: Mapping[str, str] | None = None,
        to_unset: Sequence[str] = (),
        reason: str,
        wait_s: float | None = None,
        operation_id: str | None = None,
    ) -> Change:
        """Change variables and restart; ``previous["set"]`` and ``previous["unset"]`` are the arguments of the undo."""
        changes = {"set": dict(to_set or {}), "unset": list(to_unset)}
        return await self._operate(name, "env", reason, operation_id, wait_s, **changes)

    async def set_limits(
        self, name: str, *, reason: str, operation_id: str | None = None, **limits: int | None
    ) -> Change:
        """Change ``memory_bytes`` or ``cpu_millis``; one not given stays. ``previous`` holds the limits before."""
        return await self._operate(name, "limits", reason, operation_id, **limits)

    async def define(
        self,
        spec: UnitSpec,
        *,
        reason: str,
        restart: bool = False,
        wait_s: float | None = None,
        operation_id: str | None = None,
    ) -> Change:
        """Define a unit, or give it a new release, command or environment as a new revision."""
        body = self._body(reason, operation_id, wait_s) | {"spec": spec.model_dump(mode="json"), "restart": restart}
        return Change.model_validate(await self._call("PUT", f"/units/{spec.name}", json=body, wait_s=wait_s))

    async def set_traffic(
        self, *, blocked: bool, reason: str, retry_after_s: int = 30, operation_id: str | None = None
    ) -> Traffic:
        """Block or unblock the gateway's traffic; the gateway follows within 250 ms."""
        body = self._body(reason, operation_id, None) | {"blocked": blocked, "retry_after_s": retry_after_s}
        return Traffic.model_validate(await self._call("POST", "/traffic", json=body))

    async def start_all(self, *, reason: str, wait_s: float = 60.0) -> Fleet:
        """Start everything in the order of dependencies; answers when all are healthy or have failed."""
        body = self._body(reason, None, wait_s)
        return Fleet.model_validate(await self._call("POST", "/start", json=body, wait_s=wait_s * 3))

    async def shutdown(self, *, units: bool = True) -> Fleet:
        """End the supervisor, with its units or without."""
        body = {"by": self._by, "units": units}
        return Fleet.model_validate(await self._call("POST", "/shutdown", json=body, wait_s=120))

    # inside

    async def _operate(
        self,
        name: str,
        verb: str,
        reason: str,
        operation_id: str | None,
        wait_s: float | None = None,
        **more: Any,
    ) -> Change:
        body = self._body(reason, operation_id, wait_s) | more
        # Even without waiting for health, stopping a process may take its whole stop timeout.
        data = await self._call("POST", f"/units/{name}/{verb}", json=body, wait_s=(wait_s or 0.0) + 40.0)
        return Change.model_validate(data)

    def _body(self, reason: str, operation_id: str | None, wait_s: float | None) -> dict[str, Any]:
        body: dict[str, Any] = {"by": self._by, "reason": reason}
        if operation_id is not None:
            body["operation_id"] = operation_id
        if wait_s is not None:
            body["wait_s"] = wait_s
        return body

    async def _call(self, method: str, path: str, *, wait_s: float | None = None, **options: Any) -> Any:
        try:
            there = self.socket.exists()
        except PermissionError:
            raise Denied(f"{self.socket.parent.parent} belongs to another user; run this as that user") from None
        if not there:
            raise Unavailable(
                f"no supervisor runs for {self.socket.parent.parent}; start it with: judgify up", slug="no-supervisor"
            )
        if self._client is None:
            self._client = unix_client(str(self.socket), clock=self._clock, timeout_s=self._timeout_s)
        timeout = self._timeout_s + (wait_s or 0.0)
        try:
            return await self._client.request(method, path, timeout=timeout, **options)
        except Unavailable as error:
            if "cannot be reached" not in error.detail:
                raise
            raise Unavailable(
                f"the supervisor does not answer on {self.socket}; see what is wrong with: judgify doctor",
                slug="no-supervisor",
            ) from error


def _grace(seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else {"grace_s": seconds}
