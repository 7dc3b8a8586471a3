"""``judgify incident …``: incidents over the response engine's HTTP interface.

The command line's token is nobody in particular: what is done with it is recorded as ``cli (OS user NAME)``. It
acknowledges, and gives a single approval; it is never one of the two persons that a dangerous step needs. Whoever has
a personal token sets ``JUDGIFY_TOKEN``.
"""

import getpass
import os
import sys
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.output import Json, emit, out, printable
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock, parse
from judgify.kit.clock import show as show_time
from judgify.kit.errors import Invalid

app: Final = typer.Typer(name="incident", help="Incidents: look, acknowledge, decide, close.", no_args_is_help=True)
PREFIX: Final = "/api/v2/response"
Id = Annotated[str, typer.Argument(help="INC-YYYY-NNNN.")]
ApprovalId = Annotated[str | None, typer.Argument(help="apr_…")]
_AT_ONCE: Final = 1_000
_COLOUR: Final = {"P0": "red", "P1": "dark_orange", "P2": "yellow", "P3": "green"}


def register(root: typer.Typer) -> None:
    """Add the group `incident`."""
    from judgify.cli.minutes import add_to  # noqa: PLC0415 - it needs this module's own clients

    add_to(app)
    root.add_typer(app)


async def get(path: str, **params: Any) -> Any:
    """GET from the engine."""
    async with _client() as client:
        return await client.get(f"{PREFIX}{path}", **params)


async def post(path: str, body: dict[str, Any] | None = None) -> Any:
    """POST to the engine, telling it who sits at the keyboard."""
    async with _client() as client:
        given = {name: value for name, value in (body or {}).items() if value is not None}
        return await client.post(f"{PREFIX}{path}", given, headers={"X-Judgify-OS-User": _os_user()})


def _client() -> ServiceClient:
    known = connect.settings()
    token = os.environ.get("JUDGIFY_TOKEN")
    if token:
        return ServiceClient(known.url("response"), clock=SystemClock(), token=token, timeout_s=60)
    return connect.engine(known, timeout_s=60)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def cells(*values: Any) -> list[Text]:
    """Give a table's row; text from outside can neither steer the terminal nor be read as markup."""
    return [Text(printable("" if value is None else str(value))) for value in values]


@app.command("list")
def listing(
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="Only of this severity; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List incidents, newest first."""
    rows = connect.run(get("/incidents", state=state, severity=severity, limit=limit))
    if as_json:
        emit(rows)
        return
    if not rows:
        out.print("no incidents")
        return
    table = Table("id", "severity", "state", "title", "started", "lasted", "responder")
    for row in rows:
        lasted = _span(row["duration_s"])
        line = cells(row["id"], row["severity"], row["state"], row["title"], row["shown_at"], lasted, row["responder"])
        line[1].stylize(_COLOUR.get(row["severity"], ""))
        table.add_row(*line)
    out.print(table)


@app.command("show")
def show(
    incident_id: Id,
    lang: Annotated[str, typer.Option(help="ko or en: the language of the timeline.")] = "ko",
    as_json: Json = False,
) -> None:
    """Show an incident: what it is, what waits for approval, and its timeline, one sentence for each entry."""
    if lang not in {"ko", "en"}:
        raise Invalid("--lang is ko or en")
    path = f"/incidents/{quote(incident_id, safe='')}"
    incident = connect.run(get(path, lang=lang))
    timeline = connect.run(_timeline(f"{path}/timeline", lang))
    if as_json:
        emit({**incident, "timeline": timeline})
        return
    _print(incident, lang)
    table = Table("#", "at", "who", "what")
    for entry in timeline:
        table.add_row(*cells(entry["seq"], entry["shown_at"], entry["actor"], entry["text"] or entry["type"]))
    out.print(table)


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


async def _timeline(path: str, lang: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        more = await get(path, lang=lang, limit=_AT_ONCE, after=found[-1]["seq"] if found else 0)
        found += more
        if len(more) < _AT_ONCE:
            return found


def _print(incident: dict[str, Any], lang: str = "ko") -> None:
    if incident.get("life_at_risk"):
        out.print(Text("112 / 119", style="bold white on red"))
    head = Text(printable(f"{incident['id']}  {incident['severity']}  {incident['state']}  {incident['title']}"))
    head.stylize("bold")
    out.print(head)
    facts = {
        "why": f"{incident['severity_reason']} (rule {incident['severity_rule']}, by {incident['severity_by']})",
        "services": ", ".join(incident["services"]),
        "started": incident["shown_at"],
        "acknowledged": _answered(incident),
        "restored": show_time(parse(incident["restored_at"])) if incident["restored_at"] else "not yet",
        "responder": incident["responder"],
        "team": ", ".join(incident["team"]) or None,
        "receipts": _receipts(incident["receipts"]),
        "phase": incident["phase"],
    }
    for name, value in facts.items():
        out.print(Text(printable(f"  {name:<13}{value}")))
    for approval in incident["approvals"]:
        if approval["state"] == "waiting":
            _waits(approval, lang)


def _receipts(found: dict[str, Any]) -> str:
    missing = f"; missing: {', '.join(found['missing'])}" if found["missing"] else ""
    return f"{found['confirmed']} of {found['owed']}{missing}"


def _answered(incident: dict[str, Any]) -> str:
    clocks = incident["clocks"]
    by = show_time(parse(clocks["respond_by"]))
    late = ", LATE" if clocks["response_late"] else ""
    if incident["acknowledged_by"] is None:
        return f"by nobody yet (due by {by}{late})"
    return f"{incident['acknowledged_by']}, after {_span(clocks['response_s'])} (due by {by}{late})"


def _waits(approval: dict[str, Any], lang: str) -> None:
    rendered = approval["rendered"]
    given = sum(vote["approve"] for vote in approval["votes"])
    rows = [
        f"  waits for approval ({given} of {approval['needed']} given, {rendered['risk']}): {rendered['will'][lang]}",
        f"    same as    {rendered['command']}",
        f"    approve    judgify incident approve {approval['incident_id']} {approval['id']}",
        f"    lapses     {show_time(parse(approval['lapses_at']))}",
    ]
    for row in rows:
        out.print(Text(printable(row)), soft_wrap=True)


@app.command("declare")
def declare(
    service: Annotated[str, typer.Argument(help="The service, as the guide names it.")],
    text: Annotated[str, typer.Argument(help="What you see.")],
    *,
    signal: Annotated[str, typer.Option(help="The kind of signal, as the guide names it.")] = "reported",
    severity: Annotated[str | None, typer.Option(help="P0, P1, P2 or P3; without it the guide decides.")] = None,
    life_at_risk: Annotated[bool, typer.Option("--life-at-risk", help="112/119 comes first everywhere.")] = False,
    as_json: Json = False,
) -> None:
    """Declare an incident; one that is open for the service is joined."""
    body = {"service": service, "text": text, "signal": signal, "severity": severity, "life_at_risk": life_at_risk}
    _say(connect.run(post("/incidents", body)), as_json=as_json)


@app.command("ack")
def ack(incident_id: Id, as_json: Json = False) -> None:
    """Take it: repeats stop on all channels."""
    before, after = connect.run(_acknowledge(incident_id))
    if before["held_by"] is not None and not as_json:
        # Who comes second is told who was first.
        out.print(Text(printable(f"{incident_id} is held already by {before['held_by']}; nothing changed")))
    _say(after, as_json=as_json)


@app.command("approve")
def approve(incident_id: Id, approval: ApprovalId = None, as_json: Json = False) -> None:
    """Allow exactly one operation. The approval may be left out where only one waits; or give only the approval."""
    _vote(incident_id, approval, "approve", "", as_json=as_json)


@app.command("reject")
def reject(
    incident_id: Id,
    approval: ApprovalId = None,
    *,
    reason: Annotated[str, typer.Option(help="Why not.")] = "",
    as_json: Json = False,
) -> None:
    """Refuse an operation."""
    _vote(incident_id, approval, "reject", reason, as_json=as_json)


@app.command("note")
def note(
    incident_id: Id,
    text: Annotated[str, typer.Argument(help="What to write down.")],
    corrects: Annotated[int | None, typer.Option(min=1, help="The entry that this corrects.")] = None,
    as_json: Json = False,
) -> None:
    """Write something on the timeline."""
    _act(incident_id, "note", {"text": text, "corrects": corrects}, as_json=as_json)


@app.command("assign")
def assign(incident_id: Id, person: Annotated[str, typer.Argument(help="To whom.")], as_json: Json = False) -> None:
    """Give it to a person."""
    _act(incident_id, "assign", {"person": person}, as_json=as_json)


@app.command("severity")
def severity_of(
    incident_id: Id,
    severity: Annotated[str, typer.Argument(help="P0, P1, P2 or P3.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """Override the severity; what is due is planned anew."""
    _act(incident_id, "severity", {"severity": severity, "reason": reason}, as_json=as_json)


@app.command("rootcause")
def root_cause(
    incident_id: Id,
    text: Annotated[str, typer.Argument(help="The root cause.")],
    *,
    fix_now: Annotated[str, typer.Option(help="Fixed at once (7.1).")] = "",
    fix_short: Annotated[str, typer.Option(help="Short-term fix (7.1).")] = "",
    fix_long: Annotated[str, typer.Option(help="Long-term fix (7.1).")] = "",
    as_json: Json = False,
) -> None:
    """Record the root cause and the fixes."""
    body = {"text": text, "fix_now": fix_now, "fix_short": fix_short, "fix_long": fix_long}
    _act(incident_id, "rootcause", body, as_json=as_json)


@app.command("resolve")
def resolve(incident_id: Id, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False) -> None:
    """Say that it is over."""
    _act(incident_id, "resolve", {"reason": reason}, as_json=as_json)


@app.command("reopen")
def reopen(incident_id: Id, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False) -> None:
    """Say that it is not over."""
    _act(incident_id, "reopen", {"reason": reason}, as_json=as_json)


@app.command("close")
def close(incident_id: Id, as_json: Json = False) -> None:
    """Close a resolved incident; says what is missing."""
    _act(incident_id, "close", {}, as_json=as_json)


@app.command("document")
def document(
    incident_id: Id,
    kind: Annotated[str, typer.Option(help="log, announcement or postmortem.")] = "log",
    lang: Annotated[str, typer.Option(help="ko or en.")] = "ko",
    as_json: Json = False,
) -> None:
    """Print a document of the incident as Markdown."""
    if kind not in {"log", "announcement", "postmortem"} or lang not in {"ko", "en"}:
        raise Invalid("--kind is log, announcement or postmortem; --lang is ko or en")
    found = connect.run(_document(incident_id, kind, lang))
    if as_json:
        emit(found)
    else:
        text = "\n".join(printable(line) for line in found["markdown"].splitlines())
        sys.stdout.write(text + "\n")


async def _document(incident_id: str, kind: str, lang: str) -> Any:
    path = f"{PREFIX}/incidents/{quote(incident_id, safe='')}/documents/{kind}"
    async with _client() as client:
        return await client.request("GET", path, params={"lang": lang}, headers={"Accept": "application/json"})


async def _acknowledge(incident_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    path = f"/incidents/{quote(incident_id, safe='')}"
    return await get(path), await post(f"{path}/ack", {"via": "cli"})


def _act(incident_id: str, verb: str, body: dict[str, Any], *, as_json: bool) -> None:
    _say(connect.run(post(f"/incidents/{quote(incident_id, safe='')}/{verb}", body)), as_json=as_json)


def _vote(incident_id: str, approval: str | None, verb: str, reason: str, *, as_json: bool) -> None:
    answer = connect.run(_find_and_vote(incident_id, approval, verb, reason))
    if as_json:
        emit(answer)
    else:
        votes = f"{len(answer['votes'])} of {answer['needed']} answered"
        out.print(Text(printable(f"{answer['id']}: {answer['state']} ({votes})")))


async def _find_and_vote(incident_id: str, approval: str | None, verb: str, reason: str) -> Any:
    waiting = [row for row in await get("/approvals") if incident_id in {row["id"], row["incident_id"]}]
    if approval is None:
        if len(waiting) != 1:
            listed = ", ".join(row["id"] for row in waiting) or "nothing"
            raise Invalid(f"{listed} waits for approval there; name one: incident {verb} {incident_id} apr_…")
        incident_id, approval = waiting[0]["incident_id"], waiting[0]["id"]
    path = f"/incidents/{quote(incident_id, safe='')}/approvals/{quote(approval, safe='')}/{verb}"
    return await post(path, {"reason": reason})


def _say(incident: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(incident)
    else:
        _print(incident)
