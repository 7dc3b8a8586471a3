"""Small things that the engine must remember and that are no part of an incident: a used link, a channel's state."""

from typing import Any

from pydantic import AwareDatetime, Field

from judgify.response.model import Value


class Kept(Value):
    """One thing to remember, by kind and id. Never a secret: whoever keeps a token keeps its keyed hash."""

    kind: str = Field(min_length=1, max_length=40, pattern=r"^[a-z-]+$")
    id: str = Field(min_length=1, max_length=200)
    owner: str = Field(default="", max_length=200)
    """Whose it is, such as a person or an incident; lists can be asked for by it."""
    until: AwareDatetime | None = None
    """From when it may be forgotten; None: never."""
    body: dict[str, Any] = Field(default_factory=dict)
