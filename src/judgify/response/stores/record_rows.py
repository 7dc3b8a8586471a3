"""What is kept as one record each: runs, approvals, people, drills. One form for all, on every store of SQL."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from judgify.kit.clock import iso
from judgify.response.account import LoginLink, Session, User
from judgify.response.kept import Kept
from judgify.response.model import ActionItem, Approval, AutomationState, Drill, Rollout, RunbookRun, Value
from judgify.response.subscriber import Subscriber

V = TypeVar("V", bound=Value)
Row = Sequence[Any]
_PUT: Final = (
    "INSERT INTO record (kind, id, owner, live, sort, body) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, live = excluded.live,"
    " sort = excluded.sort, body = excluded.body"
)
TOGETHER: Final = 250
"""Keys that one statement asks for."""


class Sql(ABC):
    """The few things that a database must offer, so that every statement is written once.

    Statements use the placeholders `$1`, `$2` …, and only what SQLite and PostgreSQL both understand.
    """

    @abstractmethod
    def _run(self, statement: str, *values: Any) -> int:
        """Execute a statement and give the number of rows that it changed."""

    @abstractmethod
    def _all(self, statement: str, *values: Any) -> Sequence[Row]:
        """Give all rows."""

    @abstractmethod
    def _each(self, statement: str, values: Sequence[Row]) -> Sequence[Row]:
        """Execute a statement once for each set of values, in order, and give the rows that they returned."""

    @abstractmethod
    def _many(self, statement: str, values: Sequence[Row]) -> None:
        """Execute a statement once for each set of values, in order."""

    def _one(self, statement: str, *values: Any) -> Row | None:
        """Give the first row, or None."""
        rows = self._all(statement, *values)
        return rows[0] if rows else None


class RecordRows(Sql):
    """The part of `ports.Tx` that is kept in the table `record`."""

    def save_run(self, run: RunbookRun) -> None:
        """Insert or replace a run."""
        live = run.state in {"queued", "running", "waiting"}
        self._put("run", run.id, run, owner=run.incident_id, live=live, sort=iso(run.created_at))

    def run(self, run_id: str) -> RunbookRun | None:
        """Give a run, or None."""
        return self._get("run", run_id, RunbookRun)

    def runs(self, incident_id: str | None = None, *, active: bool = False) -> list[RunbookRun]:
        """Give runs by creation."""
        return self._list("run", RunbookRun, owner=incident_id, live=active)

    def save_approval(self, approval: Approval) -> None:
        """Insert or replace an approval."""
        live = approval.state in {"waiting", "granted"}
        sort = iso(approval.asked_at)
        self._put("approval", approval.id, approval, owner=approval.incident_id, live=live, sort=sort)

    def approval(self, approval_id: str) -> Approval | None:
        """Give an approval, or None."""
        return self._get("approval", approval_id, Approval)

    def approvals(self, *, waiting: bool = False) -> list[Approval]:
        """Give approvals by the time they were asked for."""
        return self._list("approval", Approval, live=waiting)

    def save_action(self, action: ActionItem) -> None:
        """Insert or replace an action item."""
        live = action.done_at is None
        self._put("action", action.id, action, owner=action.incident_id, live=live, sort=iso(action.due))

    def action(self, action_id: str) -> ActionItem | None:
        """Give an action item, or None."""
        return self._get("action", action_id, ActionItem)

    def actions(self, incident_id: str | None = None, *, undone: bool = False) -> list[ActionItem]:
        """Give action items by due date."""
        return self._list("action", ActionItem, owner=incident_id, live=undone)

    def save_drill(self, drill: Drill) -> None:
        """Insert or replace a drill."""
        self._put("drill", drill.id, drill, live=drill.finished_at is None, sort=iso(drill.started_at))

    def drill(self, drill_id: str) -> Drill | None:
        """Give a drill, or None."""
        return self._get("drill", drill_id, Drill)

    def drills(self, *, limit: int = 100) -> list[Drill]:
        """Give drills, newest first."""
        return self._list("drill", Drill)[::-1][:limit]

    def save_rollout(self, rollout: Rollout) -> None:
        """Insert or replace a planned rollout; its place is its end."""
        self._put("rollout", rollout.id, rollout, live=True, sort=iso(rollout.ends_at))

    def rollouts(self, now: datetime) -> list[Rollout]:
        """Give rollouts that have not ended."""
        return [rollout for rollout in self._list("rollout", Rollout) if rollout.ends_at > now]

    def automation(self) -> AutomationState:
        """Give the hold switch."""
        return self._get("automation", "hold", AutomationState) or AutomationState()

    def save_automation(self, state: AutomationState) -> None:
        """Set the hold switch."""
        self._put("automation", "hold", state)

    def save_user(self, user: User) -> None:
        """Insert or replace a user."""
        self._put("user", user.name, user, sort=user.name)

    def user(self, name: str) -> User | None:
        """Give a user, or None."""
        return self._get("user", name, User)

    def users(self) -> list[User]:
        """Give all users by name."""
        return self._list("user", User)

    def save_session(self, session: Session) -> None:
        """Insert or replace a session."""
        self._put("session", session.digest, session, owner=session.user, sort=iso(session.expires_at))

    def session(self, digest: str) -> Session | None:
        """Give a session, or None."""
        return self._get("session", digest, Session)

    def delete_sessions(self, *, digest: str | None = None, user: str | None = None) -> None:
        """End one session, or all of a user."""
        if digest is not None:
            self._drop("session", digest)
        if user is not None:
            self._run("DELETE FROM record WHERE kind = 'session' AND owner = $1", user)

    def save_link(self, link: LoginLink) -> None:
        """Insert or replace a login link."""
        self._put("link", link.digest, link, owner=link.user, sort=iso(link.expires_at))

    def link(self, digest: str) -> LoginLink | None:
        """Give a login link, or None."""
        return self._get("link", digest, LoginLink)

    def save_subscriber(self, subscriber: Subscriber) -> None:
        """Insert or replace a subscriber."""
        sort = iso(subscriber.created_at)
        self._put("subscriber", subscriber.id, subscriber, owner=subscriber.address, sort=sort)

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """Give a subscriber, or None."""
        return self._get("subscriber", subscriber_id, Subscriber)

    def subscriber_of(self, address: str) -> Subscriber | None:
        """Give the subscriber with an address, or None."""
        return next(iter(self._list("subscriber", Subscriber, owner=address)), None)

    def subscribers(self) -> list[Subscriber]:
        """Give all subscribers, the oldest first."""
        return self._list("subscriber", Subscriber)

    def delete_subscriber(self, subscriber_id: str) -> None:
        """Erase a subscriber."""
        self._drop("subscriber", subscriber_id)

    def keep(self, kept: Kept) -> None:
        """Insert or replace what is remembered; its place is the moment from which it may be forgotten."""
        self._run(_PUT, *_kept_row(kept))

    def keep_all(self, rows: Sequence[Kept]) -> None:
        """Keep many."""
        self._many(_PUT, [_kept_row(kept) for kept in rows])

    def kept_of(self, kind: str, keys: Sequence[str]) -> dict[str, Kept]:
        """Give what is remembered under any of these ids."""
        statement = f"SELECT id, body FROM record WHERE kind = $1 AND id IN ({places(2)})"  # noqa: S608 - placeholders
        return {
            row[0]: Kept.model_validate_json(row[1])
            for some in chunks(keys)
            for row in self._all(statement, f"kept:{kind}", *some)
        }

    def kept(self, kind: str, key: str) -> Kept | None:
        """Give what is remembered, or None."""
        return self._get(f"kept:{kind}", key, Kept)

    def all_kept(self, kind: str, *, owner: str | None = None) -> list[Kept]:
        """Give everything remembered of a kind, by id."""
        return sorted(self._list(f"kept:{kind}", Kept, owner=owner), key=lambda one: one.id)

    def drop(self, kind: str, key: str) -> bool:
        """Forget one thing."""
        return self._drop(f"kept:{kind}", key)

    def sweep_kept(self, now: datetime) -> int:
        """Forget what may be forgotten by now."""
        return self._run(
            "DELETE FROM record WHERE kind >= 'kept:' AND kind < 'kept;' AND live = 1 AND sort <= $1", iso(now)
        )

    def _put(
        self, kind: str, key: str, value: Value, *, owner: str | None = None, live: bool = False, sort: str = ""
    ) -> None:
        self._run(
            _PUT,
            kind,
            key,
            owner or "",
            int(live),
            sort,
            value.model_dump_json(),
        )

    def _get(self, kind: str, key: str, form: type[V]) -> V | None:
        row = self._one("SELECT body FROM record WHERE kind = $1 AND id = $2", kind, key)
        return None if row is None else form.model_validate_json(row[0])

    def _list(self, kind: str, form: type[V], *, owner: str | None = None, live: bool = False) -> list[V]:
        statement, values = "SELECT body FROM record WHERE kind = $1", [kind]
        if owner is not None:
            statement, values = f"{statement} AND owner = $2", [kind, owner]
        if live:
            statement += " AND live = 1"
        return [form.model_validate_json(row[0]) for row in self._all(f"{statement} ORDER BY sort, id", *values)]

    def _drop(self, kind: str, key: str) -> bool:
        return self._run("DELETE FROM record WHERE kind = $1 AND id = $2", kind, key) > 0


def places(first: int) -> str:
    """Give the placeholders of `TOGETHER` values, from a number on."""
    return ", ".join(f"${place}" for place in range(first, first + TOGETHER))


def chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give keys in portions of exactly `TOGETHER`, the last one filled up with repeats: one statement serves all."""
    for start in range(0, len(keys), TOGETHER):
        some = list(keys[start : start + TOGETHER])
        yield [*some, *[some[-1]] * (TOGETHER - len(some))]


def _kept_row(kept: Kept) -> Row:
    sort = "" if kept.until is None else iso(kept.until)
    return (f"kept:{kept.kind}", kept.id, kept.owner, int(kept.until is not None), sort, kept.model_dump_json())
