"""Who is told, when and through what: contacts, escalation, channels, business hours, links, notices."""

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from judgify.response.guide.base import (
    Identifier,
    Line,
    Minutes,
    Model,
    Seconds,
    SecretRef,
    SeverityName,
    Text,
    unfilled,
)

PageKind = Literal["page", "report", "notice"]
Address = Annotated[str, Field(pattern=r"^https?://[^\s<>\"']+$", max_length=500)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Person(Model):
    """One line of section 9.3. A placeholder is kept as printed; `guide check --production` refuses it."""

    title: Text
    name: Line
    phone: Line
    email: Line
    slack: Line
    pagerduty: Annotated[str, Field(pattern=r"^P[A-Z0-9]{5,20}$")] | None = None
    """The person's user id in PagerDuty, so that an acknowledgement there is told as this person's."""
    not_in_guide: bool = False

    @property
    def shown(self) -> str:
        """The name, or the title while the name is unfilled."""
        return self.title.ko if unfilled(self.name) else self.name


class Role(Model):
    """Who fills a role of the matrix.

    `per_service`: the owner named in the service catalogue; `persons` then stand in for a service that it lacks.
    """

    label: Text
    persons: tuple[Identifier, ...] = ()
    per_service: bool = False


class ContactsFile(Model):
    """`contacts.yaml` (section 9.3)."""

    hotline: Line
    persons: dict[Identifier, Person]
    roles: dict[Identifier, Role]


class Cell(Model):
    """One cell of the matrix in the guide's own notation.

    `owner` or `response-team + devops` names who is brought in; a leading `+` says that they join those above;
    `cto/ceo` means both; `-` brings in nobody.
    """

    text: str
    joins: bool
    roles: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if not isinstance(value, str):
            msg = 'a cell is text such as "owner + devops", "+ team-lead", "+ cto/ceo" or "-"'
            raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueError, not TypeError
        body = value.strip()
        joins = body.startswith("+")
        if body == "-":
            return {"text": value, "joins": False, "roles": ()}
        names = [name.strip() for part in body.removeprefix("+").split("+") for name in part.split("/")]
        if not all(names):
            msg = f'"{value}" names nobody between its signs; write "-" for nobody'
            raise ValueError(msg)
        return {"text": value, "joins": joins, "roles": tuple(names)}


class MatrixRow(Model):
    """One row of the matrix of section 6.2. `also` adds notices that the matrix does not page for."""

    from_minute: Minutes
    label: Text
    kind: PageKind
    P0: Cell
    P1: Cell
    P2: Cell
    P3: Cell
    also: dict[SeverityName, tuple[Identifier, ...]] = Field(default_factory=dict)

    def cell(self, severity: SeverityName) -> Cell:
        """Give the cell of one severity."""
        cells: dict[SeverityName, Cell] = {"P0": self.P0, "P1": self.P1, "P2": self.P2, "P3": self.P3}
        return cells[severity]


class MatrixExample(Model):
    """A test case of the matrix: a moment after the beginning, and what its cell must be, in the guide's notation."""

    severity: SeverityName
    minute: Minutes
    brings: Line
    told: PageKind = "page"
    also: Line = "-"


class RepeatPolicy(Model):
    """How often an unacknowledged page is repeated, and a failed delivery retried."""

    every_s: Seconds
    times: Annotated[int, Field(ge=0, le=1000)]
    retry_s: Annotated[tuple[Seconds, ...], Field(min_length=1)]


NEGLECTED: Final[Mapping[SeverityName, int]] = {"P0": 30, "P1": 60, "P2": 480, "P3": 2880}
"""Where a guide does not say after how many minutes an acknowledged incident counts as neglected."""


class EscalationFile(Model):
    """`escalation.yaml` (section 6.2)."""

    rows: Annotated[tuple[MatrixRow, ...], Field(min_length=1)]
    examples: tuple[MatrixExample, ...] = ()
    repeat: RepeatPolicy
    neglected_after_minutes: dict[SeverityName, Annotated[int, Field(ge=1, le=60 * 24 * 30)]] = Field(
        default_factory=lambda: dict(NEGLECTED)
    )
    """After so long without an act of a person an acknowledged incident escalates anew; one left out never does."""


class Canary(Model):
    """Where a channel's canary pages go: a sink that wakes nobody, reached through the same server and credentials.

    `to`: the address or number (email, sms). `room`: the room (slack_bot). `secret`: the sink's own webhook (slack,
    teams, discord), address (http) or routing key (pagerduty).
    """

    to: Line | None = None
    room: Annotated[str, Field(pattern=r"^(#[a-z0-9_-]{1,80}|[CG][A-Z0-9]{6,20})$")] | None = None
    secret: SecretRef | None = None
    every_s: Annotated[float, Field(ge=10, le=86_400)] | None = None
    """Seconds between two; None = as `watch` says."""


class ChannelWatch(Model):
    """How channels are watched. A channel that fails its objective is routed around and opens an incident.

    It fails when, of its newest `tries` within `within_s` seconds, less than `objective_percent` were delivered and at
    least `failures` were not; at once when its vendor refuses what will not change by itself (credentials, address).
    """

    canary_every_s: Annotated[float, Field(ge=10, le=86_400)] = 300
    objective_percent: Annotated[float, Field(gt=0, lt=100)] = 99
    tries: Annotated[int, Field(ge=5, le=1_000)] = 50
    within_s: Annotated[float, Field(ge=60, le=86_400)] = 3_600
    failures: Annotated[int, Field(ge=1, le=100)] = 3
    back_after: Annotated[int, Field(ge=1, le=100)] = 2
    """Deliveries in a row after which a channel that failed is used again."""


class ChannelBase(Model):
    """What every channel says of itself. `wakes` = would wake a sleeping person."""

    label: Text
    enabled: bool
    wakes: bool
    severities: Annotated[tuple[SeverityName, ...], Field(min_length=1)]
    kinds: Annotated[tuple[Literal["page", "report", "notice", "announcement"], ...], Field(min_length=1)]
    roles: tuple[Identifier, ...] | None = None
    """Only for persons of these roles; None = for everyone."""
    canary: Canary | None = None


class ConsoleChannel(ChannelBase):
    """The engine's own console."""

    kind: Literal["console"]


class MailboxChannel(ChannelBase):
    """Files in the state folder's `response/mailbox`."""

    kind: Literal["mailbox"]


class EmailChannel(ChannelBase):
    """SMTP. `to` is a fixed address; None = the person's own."""

    kind: Literal["email"]
    to: Line | None = None
    sender: Line | None = None
    smtp_host: Line | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: SecretRef | None = None
    password: SecretRef | None = None


class SlackChannel(ChannelBase):
    """An incoming webhook of one room; its address is a secret."""

    kind: Literal["slack"]
    room: Annotated[str, Field(pattern=r"^#[a-z0-9_-]{1,80}$")]
    webhook: SecretRef


class SlackBotChannel(ChannelBase):
    """A Slack app's bot in one room: one thread per incident, buttons. Give its own of `#name` or the channel's id.

    Buttons need one way back: `signing_secret` for requests to this engine, or `app_token` for Socket Mode.
    """

    kind: Literal["slack_bot"]
    room: Annotated[str, Field(pattern=r"^(#[a-z0-9_-]{1,80}|[CG][A-Z0-9]{6,20})$")]
    token: SecretRef
    signing_secret: SecretRef | None = None
    app_token: SecretRef | None = None
    api_url: Address | None = None


class TeamsChannel(ChannelBase):
    """A Teams workflow ("when a webhook request is received"); its address is a secret."""

    kind: Literal["teams"]
    webhook: SecretRef


class DiscordChannel(ChannelBase):
    """A Discord webhook; its address is a secret."""

    kind: Literal["discord"]
    webhook: SecretRef


class HttpChannel(ChannelBase):
    """A JSON POST to an address of yours."""

    kind: Literal["http"]
    url: SecretRef
    token: SecretRef | None = None


class PagerDutyChannel(ChannelBase):
    """PagerDuty Events v2."""

    kind: Literal["pagerduty"]
    routing_key: SecretRef
    source: Line = "judgify"
    """Names this installation within PagerDuty: two that share a routing key need two names."""
    url: Address | None = None
    webhook_secret: SecretRef | None = None
    """Of the webhook subscription (v3) by which PagerDuty tells that somebody acknowledged there."""


class SmsReply(Model):
    """How the gateway hands over what people answer. `number`, `text` and `id` are paths with dots in its JSON or form.

    The gateway proves itself by `token`, sent in `header` (in Authorization as a bearer token).
    """

    token: SecretRef
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = "Authorization"
    number: Line = "from"
    text: Line = "text"
    id: Line | None = None
    """Path of the answer's own number, by which a second telling of the same answer is known."""


class SmsChannel(ChannelBase):
    """A text message to the person's phone through an HTTP provider; `docs/reference/channels.md` has its fields."""

    kind: Literal["sms"]
    url: SecretRef
    token: SecretRef | None = None
    sender: Line | None = None
    encoding: Literal["json", "form"] = "json"
    fields: dict[str, Any] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    secret_headers: dict[str, SecretRef] = Field(default_factory=dict)
    secret_fields: dict[str, SecretRef] = Field(default_factory=dict)
    ok_field: Line | None = None
    ok_values: tuple[str, ...] = ()
    receipt_field: Line | None = None
    reply: SmsReply | None = None
    """How answers come back; with it each page by SMS carries a code by which it can be acknowledged."""


Channel = Annotated[
    ConsoleChannel
    | MailboxChannel
    | EmailChannel
    | SlackChannel
    | SlackBotChannel
    | TeamsChannel
    | DiscordChannel
    | HttpChannel
    | PagerDutyChannel
    | SmsChannel,
    Field(discriminator="kind"),
]


class ChannelsFile(Model):
    """`channels.yaml` (section 2.1)."""

    watch: ChannelWatch = Field(default_factory=ChannelWatch)
    channels: dict[Identifier, Channel]


class Holiday(Model):
    """One public holiday."""

    date: date
    name: Line


class Hours(Model):
    """A weekly window in local time; `start` before `end`."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    start: time
    end: time


class CalendarFile(Model):
    """`calendar.yaml`: business hours, public holidays, maintenance window."""

    zone: Line
    business_hours: Hours
    maintenance_window: Hours
    holidays: dict[Annotated[str, Field(pattern=r"^20\d\d$")], tuple[Holiday, ...]]


class Link(Model):
    """One address of section 9.2."""

    label: Text
    url: Annotated[str, Field(pattern=r"^https?://[^\s<>\"']+$", max_length=500)]


class LinksFile(Model):
    """`links.yaml` (sections 9.1, 9.2)."""

    links: dict[Identifier, Link]


class NoticesFile(Model):
    """`notices.yaml`: wording that leads every notice where it applies."""

    life_at_risk: Text
    possible_repeat: Text
    drill: Text
    automation_held: Text
    unknown_signal: Text
