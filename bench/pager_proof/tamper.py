"""What the harness does to an engine that it has just forked: the small world's pace, places to die, mutants.

Nothing of this is in the product. Everything that is not named here runs as it is shipped: HTTP server, store, outbox,
conductor, channels.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from bench.pager_proof import mutant, world
from bench.pager_proof.graft import graft
from bench.pager_proof.orders import Orders
from judgify.response import bootstrap, delivery, guide_policy, hold, outbox
from judgify.response.desk import Work
from judgify.response.guide.schema import Guide
from judgify.response.intake.watch import Watch
from judgify.response.pager import sender

T = TypeVar("T")


def apply(guide: Guide, orders: Orders) -> None:
    """Prepare this process, which becomes an engine when `judgify.console.__main__.main` is called."""
    mail = guide.channels["email-person"].model_copy(update={"smtp_port": orders.smtp_port})
    told = replace(guide, channels={**guide.channels, "email-person": mail})
    graft(bootstrap, "open_guide", lambda *_: (told, ()))
    graft(Watch, "run", _no_platform)
    _pace()
    if orders.together:
        graft(bootstrap, "alone", _together)
    assemble = bootstrap.assemble

    def watched(**parts: Any) -> Any:
        store = _Store(parts.pop("store"), orders)
        pager = _Pager(parts.pop("pager"), orders)
        return assemble(store=store, pager=pager, **parts)

    graft(bootstrap, "assemble", watched)
    if orders.mutant:
        mutant.MUTANTS[orders.mutant]()


async def _no_platform(_: Watch) -> None:
    """Look at nothing: no platform runs beside the engine, and a dead supervisor must not be started."""
    await asyncio.Event().wait()


class _together:  # noqa: N801 - stands in for the product's context manager
    def __init__(self, _: Path) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _pace() -> None:
    graft(outbox, "LEASE", timedelta(seconds=world.LEASE_S))
    graft(hold, "MARGIN_S", world.MARGIN_S)
    graft(sender, "WITHIN_S", world.TRY_S)
    graft(delivery, "TIMEOUT_S", world.TRY_S + 0.2)
    pages = guide_policy.GuidePolicy.pages

    def scaled(self: Any, severity: Any, service: str, started_at: Any, *rest: Any) -> Any:
        return [
            row.model_copy(update={"due_at": started_at + (row.due_at - started_at) * world.SCALE})
            for row in pages(self, severity, service, started_at, *rest)
        ]

    graft(guide_policy.GuidePolicy, "pages", scaled)


def die() -> None:
    """End as `kill -9` ends a process: nothing is flushed, nothing is told."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Point:
    """Counts until the place where this engine dies."""

    def __init__(self, what: str, orders: Orders) -> None:
        self._number = orders.crash[1] if orders.crash is not None and orders.crash[0] == what else 0
        self.when = orders.crash[2] if orders.crash is not None else ""
        self._seen = 0

    def here(self) -> bool:
        self._seen += 1
        return self._seen == self._number


class _Store:
    """The engine's store, in which it may die."""

    def __init__(self, store: Any, orders: Orders) -> None:
        self._store = store
        self._point = _Point("write", orders)
        self._plan = _Point("plan", orders)
        self._flag = Path(orders.pages_flag) if orders.pages_flag else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, work: Callable[[Any], T]) -> T:
        here = self._point.here()
        if here and self._point.when == "before":
            die()

        def inside(tx: Any) -> T:
            if self._flag is not None:
                self._bound(tx)
            result = work(tx)
            # A command of the desk gives its work beside its result.
            if isinstance(result, tuple) and any(isinstance(one, Work) and one.owed for one in result):
                doomed.append(self._plan.here())
            if (here and self._point.when == "inside") or (any(doomed) and self._plan.when == "inside"):
                die()
            return result

        doomed: list[bool] = []
        result: T = await self._store.write(inside)
        if here or any(doomed):
            die()
        return result

    def _bound(self, tx: Any) -> None:
        db = tx._db  # noqa: SLF001 - the only way to this connection's own bound
        most = db.execute("PRAGMA page_count").fetchone()[0] if self._flag and self._flag.exists() else 1_000_000
        db.execute(f"PRAGMA max_page_count={most}")


class _Pager:
    """The engine's pager, around which it may die; inside a send the receiver kills it."""

    def __init__(self, pager: Any, orders: Orders) -> None:
        self._pager = pager
        self._point = _Point("send", orders)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pager, name)

    async def deliver(self, page: Any, incident: Any) -> Any:
        here = self._point.here()
        if here and self._point.when == "before":
            die()
        result = await self._pager.deliver(page, incident)
        if here and self._point.when == "after":
            die()
        return result
