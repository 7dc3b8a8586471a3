"""What the routes work with: put together by `bootstrap`, found at `request.app.state.response`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import Request

from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.response.accounts import Accounts
from judgify.response.api.signin import RoutingKeys, no_keys
from judgify.response.channel_desk import ChannelDesk
from judgify.response.desk import Desk
from judgify.response.engine import Engine
from judgify.response.figures import Figures
from judgify.response.guide.schema import Guide
from judgify.response.inbox import Inbox
from judgify.response.intake.form import Form
from judgify.response.model import Actor, Lang
from judgify.response.office import Office
from judgify.response.oncall_desk import OnCallDesk
from judgify.response.policy import Policy
from judgify.response.ports import Documents, Orchestrator
from judgify.response.scribe import Scribe
from judgify.response.verification import Verification
from judgify.response.watchman import Heartbeats

if TYPE_CHECKING:
    from judgify.response.api.acknowledge import AckIntake
    from judgify.response.api.slack import SlackIntake


@dataclass(frozen=True, slots=True)
class Channels:
    """What answers questions about channels, and the codes of contact methods."""

    desk: ChannelDesk
    verification: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response engine, put together."""

    engine: Engine
    office: Office
    accounts: Accounts
    desk: Desk
    policy: Policy
    figures: Figures
    documents: Documents
    orchestrator: Orchestrator
    clock: Clock
    scribe: Scribe
    runbooks: Callable[[Lang], list[dict[str, Any]]]
    """The guide's runbooks as the API shows them."""
    forms: Mapping[str, Form]
    """The forms in which signals come in."""
    inbox: Inbox
    heartbeats: Heartbeats
    console_address: str
    started_at: datetime
    guide: Guide
    oncall: OnCallDesk | None = None
    """On call; None only where the engine was put together without a guide."""
    routing_keys: RoutingKeys = no_keys
    """Keys of senders in intake.yaml, each with its service."""
    slack: "SlackIntake | None" = None
    """Where presses of Slack's buttons come in; None while no channel of the guide has a signing secret."""
    acknowledging: "AckIntake | None" = None
    """Where links of mails, PagerDuty's webhook and answers to text messages come in."""
    channels: Channels | None = None
    """The channels and how they are; None where an engine has none of its own (stories)."""


def response(request: Request) -> Response:
    """Give the parts of the app that serves a request."""
    parts: Response = request.app.state.response
    return parts


def actor(request: Request, who: Principal) -> Actor:
    """Give who acts. Behind the command line's token stands whoever sits at this machine: the OS user is kept."""
    if who.kind == "bootstrap":
        given = request.headers.get("x-judgify-os-user", "")
        plain = "".join(letter for letter in given if letter.isalnum() or letter in "._-")[:60]
        return Actor(kind="cli", name="cli", detail=plain)
    if who.kind == "service":
        return Actor(kind="service", name=who.subject[:120])
    return Actor(kind="person", name=who.subject[:120])


def language(request: Request) -> Lang:
    """Give the language that is asked for: `?lang=`, else Accept-Language, else Korean."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "en" if asked.strip().lower().startswith("en") else "ko"
