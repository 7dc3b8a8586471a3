"""``judgify account …`` and ``judgify subscriber …``: who may sign in to the console, and who asked for notices."""

import getpass
import sys
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from judgify.cli import connect
from judgify.cli.incident import cells, get, post
from judgify.cli.output import Json, emit, on_terminal, out, printable
from judgify.kit.auth import ROLES
from judgify.kit.errors import Invalid, NotFound

app: Final = typer.Typer(name="account", help="Accounts of the console: who may do what.", no_args_is_help=True)
subscribers: Final = typer.Typer(
    name="subscriber", help="Who asked for incident notices on the status page.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The account's name: letters, digits and . _ @ -")]
Role = Annotated[str, typer.Argument(help="viewer, responder, commander or admin.")]


def register(root: typer.Typer) -> None:
    """Add the groups `account` and `subscriber`."""
    root.add_typer(app)
    root.add_typer(subscribers)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List all accounts."""
    rows = connect.run(get("/users"))
    if as_json:
        emit(rows)
        return
    table = Table("name", "role", "state")
    for row in rows:
        table.add_row(*cells(row["name"], row["role"], "disabled" if row["disabled"] else "active"))
    out.print(table)


@app.command("add")
def add(name: Name, role: Role = "responder", as_json: Json = False) -> None:
    """Make an account and print its first sign-in link (single use, ten minutes)."""
    _known_role(role)
    if any(row["name"] == name for row in connect.run(get("/users"))):
        raise Invalid(f"there is an account {name!r} already; `account role` changes what it may do")
    saved = connect.run(post("/users", {"name": name, "role": role}))
    link = connect.run(post("/login-links", {"user": name})) if on_terminal() and not as_json else None
    _say(saved, as_json=as_json)
    if link is not None:
        _print_link(link)


@app.command("role")
def role_of(name: Name, role: Role, as_json: Json = False) -> None:
    """Change what an account may do; ends its sessions. The last administrator stays one."""
    _known_role(role)
    known = _find(name)
    body = {"name": name, "role": role, "disabled": known["disabled"]}
    _say(connect.run(post("/users", body)), as_json=as_json)


@app.command("disable")
def disable(name: Name, as_json: Json = False) -> None:
    """Let nobody sign in with it any more, and end its sessions."""
    body = {"name": name, "role": _find(name)["role"], "disabled": True}
    _say(connect.run(post("/users", body)), as_json=as_json)


@app.command("enable")
def enable(name: Name, as_json: Json = False) -> None:
    """Let a disabled account sign in again."""
    body = {"name": name, "role": _find(name)["role"], "disabled": False}
    _say(connect.run(post("/users", body)), as_json=as_json)


@app.command("password")
def password(name: Name, as_json: Json = False) -> None:
    """Set a new password, typed twice or read as one line from standard input; ends the account's sessions."""
    known = _find(name)
    given = _typed() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    body = {"name": name, "role": known["role"], "disabled": known["disabled"], "password": given}
    _say(connect.run(post("/users", body)), as_json=as_json)


@app.command("link")
def link(name: Name, as_json: Json = False) -> None:
    """Make a single-use sign-in link, valid for ten minutes; printed once, and kept nowhere."""
    found = connect.run(post("/login-links", {"user": name}))
    if as_json:
        # The address is a secret: a document that is piped into a file must not hold it.
        emit({"user": found["user"], "expires_at": found["expires_at"]})
    else:
        _print_link(found)


@subscribers.command("list")
def subscriber_list(as_json: Json = False) -> None:
    """List subscribers; addresses are shortened."""
    rows = connect.run(get("/subscribers"))
    if as_json:
        emit(rows)
        return
    table = Table("id", "kind", "address", "language", "state", "since")
    for row in rows:
        table.add_row(*cells(*(row[key] for key in ("id", "kind", "address", "lang", "state", "created_at"))))
    out.print(table)


@subscribers.command("erase")
def subscriber_erase(
    subscriber: Annotated[str, typer.Argument(help="sub_…")],
    as_json: Json = False,
) -> None:
    """End a subscription and erase its address."""
    answer = connect.run(post(f"/subscribers/{quote(subscriber, safe='')}/erase"))
    if as_json:
        emit(answer)
    else:
        out.print(Text(printable(f"{answer['erased']} erased")))


def _typed() -> str:
    first = getpass.getpass("New password (at least 12 characters): ")
    if first != getpass.getpass("Once more: "):
        raise Invalid("the two passwords are not the same; nothing was changed")
    return first


def _find(name: str) -> dict[str, Any]:
    for row in connect.run(get("/users")):
        if row["name"] == name:
            return dict(row)
    raise NotFound(f"there is no account {name!r}; `judgify account list` shows all")


def _known_role(role: str) -> None:
    known = [name for name in ROLES if name != "service"]
    if role not in known:
        raise Invalid(f"there is no role {role!r}; known are {', '.join(known)}")


def _print_link(link: dict[str, Any]) -> None:
    out.print(Text(printable(f"sign-in link for {link['user']} (once, until {link['expires_at']}):")))
    out.print(Text(printable(link["url"])), soft_wrap=True)


def _say(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(row)
    else:
        state = "disabled" if row["disabled"] else "active"
        out.print(Text(printable(f"{row['name']}  {row['role']}  {state}")))
