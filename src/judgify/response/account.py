"""Who may sign in to the console: users, sessions, single-use login links. Values only."""

from typing import Literal

from pydantic import AwareDatetime, Field

from judgify.response.model import Value


class User(Value):
    """Somebody who may sign in to the console. The hash is argon2; an account without one signs in by link only."""

    name: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._@-]+$")
    role: Literal["viewer", "responder", "commander", "admin"]
    display: str = ""
    password_hash: str | None = None
    created_at: AwareDatetime
    disabled: bool = False


class Session(Value):
    """A console session. Only the SHA-256 of the cookie is stored; `csrf` is the token that forms must carry."""

    digest: str
    user: str
    csrf: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class LoginLink(Value):
    """A single-use sign-in link, valid for ten minutes. Only the SHA-256 of its token is stored."""

    digest: str
    user: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    used_at: AwareDatetime | None = None
