"""What belongs to no single incident: the hold switch, drills, planned rollouts, action items, test pages."""

from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.errors import Conflict, Invalid, NotFound
from judgify.kit.ids import new_id
from judgify.response import journal, paging
from judgify.response import timeline as t
from judgify.response.desk import Desk, Work
from judgify.response.model import ActionItem, Actor, AutomationState, Drill, Rollout
from judgify.response.rule import said

DRILL_MAX: Final = timedelta(hours=1)


class Office:
    """Handlers of commands that belong to no single incident; each one is a single transaction."""

    def __init__(self, desk: Desk) -> None:
        """Work at a desk."""
        self.desk = desk

    async def hold(self, actor: Actor, *, held: bool, reason: str) -> AutomationState:
        """Stop all automation, or release it; told on every unsettled incident."""

        def work(job: Work) -> AutomationState:
            state = AutomationState(held=held, reason=said(reason), by=actor, since=job.now)
            job.tx.save_automation(state)
            job.journal(journal.AutomationSwitched(state=state), actor=actor)
            for incident in job.recent():
                if incident.state != "resolved":
                    job.append(incident.id, journal.AutomationSwitched(state=state), actor=actor)
            for run in job.tx.runs(active=True):
                # Whoever waits is asked again at once, under the new state.
                job.tx.save_run(run.model_copy(update={"due_at": job.now}))
            return state

        return await self.desk.command(work)

    async def register_drill(self, drill_id: str, scenario: str, services: tuple[str, ...], actor: Actor) -> Drill:
        """Register a drill: signals on its services carry its id until it is finished, one hour at most."""

        def work(job: Work) -> Drill:
            if job.tx.drill(drill_id) is not None:
                raise Conflict(f"there is a drill {drill_id!r} already")
            unknown = [name for name in services if job.policy.service(name) is None]
            if unknown or not services:
                raise Invalid(f"not in the guide's catalogue: {', '.join(unknown) or 'no service given'}")
            drill = Drill(
                id=drill_id,
                scenario=scenario,
                services=tuple(job.policy.service(name) or name for name in services),
                started_at=job.now,
                by=actor,
                expires_at=job.now + DRILL_MAX,
            )
            job.tx.save_drill(drill)
            job.journal(journal.DrillRegistered(drill=drill), actor=actor)
            return drill

        return await self.desk.command(work)

    async def finish_drill(self, drill_id: str, report: dict[str, Any], actor: Actor) -> Drill:
        """Finish a drill with its report."""

        def work(job: Work) -> Drill:
            drill = job.tx.drill(drill_id)
            if drill is None:
                raise NotFound(f"there is no drill {drill_id!r}")
            if drill.finished_at is not None:
                raise Conflict(f"the drill {drill_id!r} is finished already")
            done = drill.model_copy(update={"finished_at": job.now, "report": report})
            job.tx.save_drill(done)
            event = journal.DrillFinished(drill_id=drill_id, report=report)
            job.journal(event, actor=actor)
            for incident in job.tx.incidents(drill=drill_id):
                job.append(incident.id, event, actor=actor)
            return done

        return await self.desk.command(work)

    async def announce_rollout(self, service: str, reason: str, seconds: float, actor: Actor) -> Rollout:
        """Announce a planned rollout: signals on the service are kept but open nothing until it ends."""

        def work(job: Work) -> Rollout:
            name = job.policy.service(service)
            if name is None:
                raise Invalid(f"service {service!r} is not in the guide's catalogue")
            rollout = Rollout(
                id=new_id("ro"),
                service=name,
                reason=said(reason),
                by=actor,
                starts_at=job.now,
                ends_at=job.now + timedelta(seconds=seconds),
            )
            job.tx.save_rollout(rollout)
            job.journal(journal.RolloutAnnounced(rollout=rollout), actor=actor)
            return rollout

        return await self.desk.command(work)

    async def add_action(
        self, incident_id: str | None, text: str, owner: str, due: datetime, *, horizon: str, actor: Actor
    ) -> ActionItem:
        """Give an action item to somebody; it is reminded of until it is done."""

        def work(job: Work) -> ActionItem:
            action = ActionItem.model_validate(
                {
                    "id": new_id("act"),
                    "incident_id": incident_id,
                    "text": said(text),
                    "owner": said(owner, 120),
                    "due": due,
                    "horizon": horizon,
                    "created_at": job.now,
                }
            )
            if incident_id is not None:
                job.incident(incident_id)
                job.append(incident_id, t.ActionAdded(action=action), actor=actor)
            job.tx.save_action(action)
            return action

        return await self.desk.command(work)

    async def finish_action(self, action_id: str, actor: Actor) -> ActionItem:
        """Record that an action item is done. Twice is once."""

        def work(job: Work) -> ActionItem:
            action = job.tx.action(action_id)
            if action is None:
                raise NotFound(f"there is no action item {action_id!r}")
            if action.done_at is not None:
                return action
            done = action.model_copy(update={"done_at": job.now, "done_by": actor})
            job.tx.save_action(done)
            if done.incident_id is not None:
                job.append(done.incident_id, t.ActionDone(action_id=action_id), actor=actor)
            return done

        return await self.desk.command(work)

    async def test_page(self, person: str) -> list[str]:
        """Send a test page through every channel of a contact; give the pages' ids."""

        def work(job: Work) -> list[str]:
            payload = {"test": True}
            pages = paging.rows(None, job.policy.test_pages(person, job.now), job.now)
            job.save_pages([page.model_copy(update={"payload": payload}) for page in pages])
            return [page.id for page in pages]

        return await self.desk.command(work)
