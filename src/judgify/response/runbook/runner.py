"""The runner: works through a runbook under the automation policy, saved at every step, resumable at any."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from judgify.kit.errors import Conflict
from judgify.kit.log import get_logger
from judgify.response.guide.procedure import Runbook
from judgify.response.model import RunbookRun
from judgify.response.ports import RunHost
from judgify.response.runbook.diagnose import Diagnosis, Senses
from judgify.response.runbook.floor import Floor, Wish
from judgify.response.runbook.situation import Surveyor
from judgify.response.runbook.work import Work
from judgify.response.timeline import RunbookFinished

log = get_logger("judgify.response.runbook")

ENDED: Final = frozenset({"done", "failed", "stopped"})


class BookRunner:
    """Implements `ports.Runner`.

    Diagnose steps run side by side when the run begins; recovery steps one after the other, in the guide's order. What
    a step will do is durable before it is done, under an operation id that makes a repeat harmless: a run that was cut
    off anywhere goes on from its saved state.
    """

    def __init__(self, senses: Senses) -> None:
        """Work with these senses; one runner for the whole engine, since only one unit is acted on at a time."""
        self._senses = senses
        self._diagnosis = Diagnosis(senses)
        self._floor = Floor(senses.guide)
        self._surveyor = Surveyor(senses, self._floor)

    def plan(self, service: str) -> str | None:
        """Give the id of the runbook for a service, or None when the guide has none."""
        entry = self._senses.guide.services.get(service)
        return None if entry is None or entry.runbook not in self._senses.guide.runbooks else entry.runbook

    async def advance(self, run: RunbookRun, host: RunHost) -> RunbookRun:
        """Go on until the run ends or has to wait; give it with its new state, `due_at` and `waiting_for`."""
        if run.state in ENDED:
            return run
        book = self._senses.guide.runbooks.get(run.runbook)
        if book is None:
            ended = run.model_copy(update={"state": "failed", "outcome": f"the guide has no runbook {run.runbook!r}"})
            await host.record(ended, RunbookFinished(run_id=run.id, outcome="failed", reason=ended.outcome))
            return ended
        work = self._work(run, host, book)
        wants_to_act = run.step is None and not run.dry_run
        if wants_to_act and run.waiting_for is None:
            self._floor.wish(Wish(run.id, run.incident_id, run.service))
        try:
            after = await work.go()
        except Conflict as error:
            self._floor.forget(run.id)
            if error.type_slug != "run-stopped":
                raise
            return run.model_copy(update={"state": "stopped", "outcome": error.detail})
        except BaseException:
            self._floor.forget(run.id)
            raise
        if after.state in ENDED or after.waiting_for is not None:
            self._floor.forget(run.id)
        return after

    def rehearse(self, runbook: Runbook) -> list[Mapping[str, Any]]:
        """Show every recovery step of a runbook as it would be asked for; nothing is read or done."""
        return [Work.shown(step, self._senses.guide) for step in runbook.recover]

    def _work(self, run: RunbookRun, host: RunHost, book: Runbook) -> Work:
        return Work(
            run.model_copy(update={"state": "running", "due_at": host.clock.now() + timedelta(seconds=1)}),
            host,
            book,
            senses=self._senses,
            diagnosis=self._diagnosis,
            surveyor=self._surveyor,
        )
