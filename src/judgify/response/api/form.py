"""Bodies of requests. Unknown fields are refused; texts are bounded; nothing is converted silently."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from judgify.response.model import MAX_TEXT, Audience, RootCause, Severity

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Form(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Declare(Form):
    """Declare an incident."""

    service: Short
    signal: Short = "reported"
    text: Text
    severity: Severity | None = None
    life_at_risk: bool = False


class Ack(Form):
    """Acknowledge."""

    via: Annotated[str, Field(max_length=60)] = ""


class NoteForm(Form):
    """A note, or with `corrects` a correction of that entry."""

    text: Text
    corrects: Annotated[int, Field(ge=1)] | None = None


class Assign(Form):
    """Give the incident to a person."""

    person: Short


class Tick(Form):
    """Tick an item of the checklist by hand."""

    item: Short
    detail: Annotated[str, Field(max_length=500)] = ""


class SeverityForm(Form):
    """Override the severity."""

    severity: Severity
    reason: Text


class Reason(Form):
    """Why."""

    reason: Text


class MaybeReason(Form):
    """Why, if one says so."""

    reason: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class RootCauseForm(RootCause):
    """The root cause and the fixes."""


class Announce(Form):
    """Send an announcement; without texts the drafted ones are taken."""

    audience: Audience
    text: dict[Literal["ko", "en"], Text] | None = None
    once: Annotated[str, Field(max_length=80)] = ""
    """A key of the caller's: what carries the same key is sent once."""


class ActionForm(Form):
    """An action item."""

    incident_id: Short | None = None
    text: Text
    owner: Short
    due: AwareDatetime
    horizon: Literal["week", "month", "quarter"] = "month"


class RunForm(Form):
    """Put a runbook, or one of its steps, to work."""

    incident_id: Short | None = None
    step: Short | None = None
    service: Short | None = None
    dry_run: bool = False


class TestPage(Form):
    """A test page to a contact."""

    person: Short


class DrillForm(Form):
    """Register a drill."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")]
    scenario: Short
    services: Annotated[tuple[Short, ...], Field(min_length=1, max_length=20)]


class DrillReport(Form):
    """What a drill found."""

    report: dict[str, Any]


class RolloutForm(Form):
    """Announce a planned rollout."""

    service: Short
    reason: Text
    seconds: Annotated[float, Field(gt=0, le=14_400)] = 600


class UserForm(Form):
    """Make or change a user."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,80}$")]
    role: Literal["viewer", "responder", "commander", "admin"]
    password: Annotated[str, Field(min_length=12, max_length=200)] | None = None
    disabled: bool = False


class LinkForm(Form):
    """Ask for a sign-in link."""

    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,80}$")] | None = None


class SignInForm(Form):
    """Sign in by name and password, or by a link's token."""

    name: Annotated[str, Field(max_length=80)] = ""
    password: Annotated[str, Field(max_length=200)] = ""
    token: Annotated[str, Field(max_length=200)] = ""
