"""Secrets in configuration are references: `env:NAME` or `file:/path`. The value is read when it is used."""

from collections.abc import Mapping
from pathlib import Path

from judgify.kit.errors import Invalid


def is_reference(text: str) -> bool:
    """Tell whether a text is a reference to a secret."""
    kind, _, name = text.partition(":")
    return kind in {"env", "file"} and bool(name) and not (kind == "file" and not name.startswith("/"))


def resolve(reference: str, environ: Mapping[str, str]) -> str:
    """Read the secret a reference names; `Invalid` names the reference, never a value, when it cannot be read.

    Read at each use, so that a rotated secret needs no restart.
    """
    kind, _, name = reference.partition(":")
    if not is_reference(reference):
        raise Invalid("a secret must be given as env:NAME or file:/path, not as its value")
    if kind == "env":
        value = environ.get(name, "")
        if not value:
            raise Invalid(f"the environment variable {name} is not set")
        return value
    try:
        value = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the secret file {name} cannot be read: {type(error).__name__}") from error
    if not value:
        raise Invalid(f"the secret file {name} is empty")
    return value
