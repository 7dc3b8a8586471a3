"""What people do from within Slack: acknowledge, approve, reject. The same commands as elsewhere, the same rules."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from judgify.kit.errors import Denied, Invalid, JudgifyError
from judgify.kit.log import get_logger
from judgify.notify.reference import resolve
from judgify.notify.slack_blocks import ACTION, cut_escaped, member
from judgify.notify.slack_calls import Said, SlackCalls
from judgify.response.accounts import Accounts
from judgify.response.engine import Engine
from judgify.response.guide.schema import Guide
from judgify.response.model import Actor

log = get_logger("judgify.response.slack")
VIA: Final = "slack"
APPROVERS: Final = frozenset({"commander", "admin"})
DONE_WITHIN_S: Final = 2.0
"""Slack wants its answer within 3 s; what takes longer goes on behind it."""
MAX_BLOCKS: Final = 45


@dataclass(frozen=True, slots=True)
class App:
    """One Slack app of the guide's channels: how to call it, and the references to its secrets."""

    calls: SlackCalls
    token: str
    signing_secret: str | None
    app_token: str | None


@dataclass(frozen=True, slots=True)
class Press:
    """A press of one of our buttons, as Slack tells of it."""

    verb: str
    target: str
    user: str
    room: str
    ts: str
    thread: str
    blocks: tuple[Mapping[str, Any], ...]


class SlackDesk:
    """Takes presses of buttons. Who pressed is told by the member id of `contacts.yaml`; names prove nothing.

    A contact may acknowledge. To approve or reject, a console account of the contact's own name with the role
    commander is needed too: so that one human with two names can never be two persons.
    """

    def __init__(self, engine: Engine, accounts: Accounts, guide: Guide, environ: Mapping[str, str]) -> None:
        """Act on an engine."""
        self._engine = engine
        self._accounts = accounts
        self._guide = guide
        self._environ = environ
        self._behind: set[asyncio.Task[None]] = set()

    async def take(self, app: App, payload: Any) -> None:
        """Do what an interaction asks for, and return within 2 s; what came of it is told in Slack."""
        press = read_press(payload)
        if press is None:
            return
        task = self._start(self._act(app, press))
        await asyncio.wait({task}, timeout=DONE_WITHIN_S)

    async def finish(self) -> None:
        """Wait for what is still under way."""
        while self._behind:
            await asyncio.wait(set(self._behind))

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name="slack-press")
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    async def _act(self, app: App, press: Press) -> None:
        try:
            told = await self._command(press)
        except JudgifyError as error:
            log.info("slack press refused", user=press.user, verb=press.verb, reason=error.type_slug)
            self._start(self._whisper(app, press, f"⛔ {error.detail}"))
        except Exception:  # boundary: whoever pressed is owed an answer
            log.exception("slack press failed", user=press.user, verb=press.verb)
            self._start(
                self._whisper(app, press, "⚠️ 처리하지 못했습니다. 콘솔을 확인하세요 / it failed; see the console")
            )
        else:
            self._start(told(app, press))

    async def _command(self, press: Press) -> Callable[[App, Press], Coroutine[Any, Any, None]]:
        actor = await self._person(press.user)
        if press.verb == "acknowledge":
            before = await self._engine.desk.incident(press.target)
            incident = await self._engine.acknowledge(press.target, actor, VIA)
            holder = incident.holder
            if before.held and holder is not None and holder.name != actor.name:
                text = f"이미 {holder} 님이 담당하고 있습니다 / {holder} holds {incident.id} already"
                return lambda app, press: self._whisper(app, press, text)
            # The message itself is changed by the outbox, as after any acknowledgement.
            return _nothing
        await self._vote(press, actor)
        return lambda app, press: self._answered(app, press, actor)

    async def _vote(self, press: Press, actor: Actor) -> None:
        await self._may_approve(actor)
        try:
            target = json.loads(press.target)
            approval_id, incident_id, digest = target["approval"], target["incident"], target["digest"]
        except (ValueError, KeyError, TypeError):
            raise Invalid("the button's value cannot be read") from None
        known = await self._engine.desk.ask(lambda tx: tx.approval(str(approval_id)))
        if known is None or known.incident_id != incident_id or known.digest != digest:
            raise Invalid("the button does not belong to an operation that waits for approval")
        await self._engine.vote(known.id, actor, approve=press.verb == "approve", reason="Slack")

    async def _person(self, user: str) -> Actor:
        for key, person in self._guide.contacts.persons.items():
            if member(person.slack) == user:
                account = await self._account(key)
                if account is not None and account.disabled:
                    raise Denied(f"the account {key} is disabled")
                return Actor(kind="person", name=key, detail=f"Slack {user}")
        raise Denied(
            f"Slack 사용자 {user} 는 가이드의 연락처에 없습니다 / "
            f"the Slack member {user} is not in the guide's contacts: "
            f"write `slack: {user}` for the person in contacts.yaml"
        )

    async def _may_approve(self, actor: Actor) -> None:
        account = await self._account(actor.name)
        if account is None or account.role not in APPROVERS:
            raise Denied(
                f"승인하려면 이름이 {actor.name} 이고 역할이 commander 인 콘솔 계정이 필요합니다 / "
                f"to answer this you need a console account named {actor.name} with the role commander"
            )

    async def _account(self, name: str) -> Any:
        return next((user for user in await self._accounts.users() if user.name == name), None)

    async def _answered(self, app: App, press: Press, actor: Actor) -> None:
        person = self._guide.contacts.persons.get(actor.name)
        name = actor.name if person is None else person.shown
        word = {"approve": "✅ 승인 / approved", "reject": "⛔ 거절 / rejected"}[press.verb]
        kept = [dict(block) for block in press.blocks if block.get("type") != "actions"][:MAX_BLOCKS]
        line = {"type": "context", "elements": [{"type": "plain_text", "text": f"{word}: {name}"}]}
        await self._call(
            app, "chat.update", channel=press.room, ts=press.ts, text=f"{word}: {name}", blocks=[*kept, line]
        )

    async def _whisper(self, app: App, press: Press, text: str) -> None:
        thread = {"thread_ts": press.thread} if press.thread else {}
        shown = cut_escaped(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), 2_000)
        await self._call(app, "chat.postEphemeral", channel=press.room, user=press.user, text=shown, **thread)

    async def _call(self, app: App, method: str, **arguments: Any) -> None:
        try:
            token = resolve(app.token, self._environ)
        except Invalid as error:
            log.warning("slack answer not sent", method=method, reason=error.detail)
            return
        said = await app.calls.call(method, token, **arguments)
        if not isinstance(said, Said):
            log.warning("slack answer not sent", method=method, reason=said.reason.value, detail=said.detail)


def read_press(payload: Any) -> Press | None:
    """Read an interaction of Slack (`block_actions`); None for what is no press of a button of ours."""
    try:
        if payload["type"] != "block_actions":
            return None
        action = next(one for one in payload["actions"] if str(one["action_id"]).startswith(ACTION))
        place = payload.get("container") or {}
        message = payload.get("message") or {}
        blocks = message.get("blocks") or []
        return (
            Press(
                verb=str(action["action_id"]).removeprefix(ACTION),
                target=str(action["value"]),
                user=str(payload["user"]["id"]),
                room=str(place.get("channel_id") or (payload.get("channel") or {}).get("id") or ""),
                ts=str(place.get("message_ts") or message.get("ts") or ""),
                thread=str(place.get("thread_ts") or message.get("thread_ts") or ""),
                blocks=tuple(block for block in blocks if isinstance(block, dict)),
            )
            if str(action["action_id"]).removeprefix(ACTION) in {"acknowledge", "approve", "reject"}
            else None
        )
    except (KeyError, TypeError, AttributeError, StopIteration):
        return None


async def _nothing(_: App, __: Press) -> None:
    """Say nothing more: what happened is seen in the message itself."""
