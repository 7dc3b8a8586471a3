"""The bodies that the gateway's own routes read: unknown fields are refused, and every text has a bound."""

from typing import Annotated, Literal, TypeVar

import msgspec

from judgify.core.gateway.call import Call
from judgify.kit.errors import Invalid, Malformed

Role = Literal["viewer", "responder", "commander", "admin"]
Username = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._@-]{1,63}\Z")]
Password = Annotated[str, msgspec.Meta(max_length=1024)]
T = TypeVar("T")


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """Body of login."""

    username: Annotated[str, msgspec.Meta(max_length=256)]
    password: Password


class Refresh(msgspec.Struct, forbid_unknown_fields=True):
    """Body of refresh."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=256)]


class ChangePassword(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change of one's own password."""

    current_password: Password
    new_password: Password


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a new account."""

    username: Username
    password: Password
    role: Role


class ChangeUser(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change of an account; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a new API key."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: Role = "viewer"
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


async def read(call: Call, kind: type[T]) -> T:
    """Read a request's body as one of these; `Malformed`, `Invalid` or `TooLarge` when it is not."""
    body = await call.read_body()
    if b"\\u0000" in body:
        # PostgreSQL cannot hold it, and no name or password needs it.
        raise Invalid("the body holds a NUL character")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        # msgspec's sentence names the field and the expected type, never the value.
        raise Invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("the body is not valid JSON") from None
