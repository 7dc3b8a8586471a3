"""What `up` was told about ports and switches, so that commands in another terminal reach the same installation."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from judgify.kit.files import write_atomic
from judgify.kit.settings import default_home

_FILE: Final = "supervisor/environment.json"
_NAMES: Final = frozenset({"JUDGIFY_LISTEN", "JUDGIFY_GUIDE", "JUDGIFY_LOG_LEVEL", "REDIS_ENABLED"})
_PREFIX: Final = "JUDGIFY_PORT_"


def remember(home: Path, environ: Mapping[str, str]) -> None:
    """Write down the variables that say where things listen. Never one that could hold a secret."""
    kept = {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIX)}
    folder = (home / _FILE).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(home / _FILE, json.dumps(kept, indent=1).encode())


def forget(home: Path) -> None:
    """After `down` the next `up` begins with its own variables."""
    (home / _FILE).unlink(missing_ok=True)


def apply() -> None:
    """Take over what is remembered for variables that are not set; what is set wins. Unreadable means nothing."""
    for name, value in _kept(default_home(os.environ)).items():
        os.environ.setdefault(name, value)


def as_started(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the variables with which what runs was started, whatever this command's own say about ports."""
    others = {name: value for name, value in environ.items() if not name.startswith(_PREFIX)}
    return others | _kept(home)


def _kept(home: Path) -> dict[str, str]:
    try:
        kept = json.loads((home / _FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {str(name): str(value) for name, value in kept.items() if name in _NAMES or str(name).startswith(_PREFIX)}
