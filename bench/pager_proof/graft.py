"""Puts something of the harness in the place of something of the product, in an engine that was just forked."""

from typing import Any


def graft(owner: Any, name: str, value: Any) -> None:
    """Replace `owner.name`. A name that the product no longer has is an error: what is replaced must not be missed."""
    getattr(owner, name)
    setattr(owner, name, value)
