"""The packaged example workflows, installed and activated where their names are free."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from judgify.core.contracts.plan import Plan, compile_document, read_document
from judgify.core.workflow.store import WorkflowStore
from judgify.kit.errors import Conflict, Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.workflow")


def packaged() -> Iterator[tuple[str, Plan]]:
    """Give each packaged example's file name and its plan, in the order of the names."""
    folder = resources.files("judgify.core.workflow") / "examples"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            raw: Any = YAML(typ="safe", pure=True).load(entry.read_text(encoding="utf-8"))
            yield entry.name, compile_document(read_document(raw))


class Installer:
    """The running installation; it waits for the database as long as that takes."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        """Keep the task so that it can be ended with the service."""
        self._task = task

    async def close(self) -> None:
        """End the installation where it is; the next start goes on."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def install_examples(store: WorkflowStore, opened: asyncio.Event) -> Installer:
    """Install the examples in the background, once the database is open. A name that is taken is left alone."""
    return Installer(asyncio.create_task(_install(store, opened), name="install example workflows"))


async def _install(store: WorkflowStore, opened: asyncio.Event) -> None:
    await opened.wait()
    for name, plan in packaged():
        while True:
            try:
                if not await store.exists(plan.document.name):
                    await store.create(plan.document, "service:workflow", activate=True)
                    log.info("example workflow installed", workflow=plan.document.name, file=name)
            except Conflict:
                break
            except Unavailable:
                await asyncio.sleep(0.5)
            else:
                break
