"""Which channels there are: the console, a local mailbox, and what the operator set up in a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from judgify.kit.errors import Invalid
from judgify.kit.log import get_logger
from judgify.notify import Channel, Toolkit, build_channels

CONFIG_FILE: Final = "channels.json"
"""In the service's folder: `{"channels": {NAME: {"type": …}}, "default": [NAME, …]}`; read when the service starts."""
_BUILT_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    "mailbox": {"type": "mailbox", "folder": "mailbox"},
    "console": {"type": "console"},
}
log = get_logger("judgify.notification")


@dataclass(frozen=True, slots=True)
class ChannelSet:
    """The channels by name, those a message without channels goes to, and what is wrong with the configuration."""

    channels: Mapping[str, Channel]
    default: tuple[str, ...]
    mistake: str | None = None

    def resolve(self, names: Sequence[str], kinds: Sequence[str]) -> tuple[str, ...]:
        """Give the channels that a message goes to, each once; `Invalid` for a name or kind that is not configured."""
        known = ", ".join(sorted(self.channels))
        for name in names:
            if name not in self.channels:
                raise Invalid(f"channels: there is no channel {name!r}; configured are {known}", path="channels")
        wanted = list(names)
        for kind in kinds:
            fitting = [
                name for name, one in self.channels.items() if one.type == kind or one.type.startswith(f"{kind}_")
            ]
            if not fitting:
                raise Invalid(
                    f"via: no channel of type {kind} is set up in {CONFIG_FILE}; there are {known}", path="via"
                )
            wanted += fitting
        return tuple(dict.fromkeys(wanted)) or self.default


def load_channels(kit: Toolkit, days: int = 365) -> ChannelSet:
    """Build the built-in channels, the mailbox keeping its files for `days`, and the configured ones.

    With a mistake in the file only the built-in ones are there: messages still arrive somewhere, and health says
    `degraded` until the file is mended.
    """
    built_in = {**_BUILT_IN, "mailbox": {**_BUILT_IN["mailbox"], "days": days}}
    try:
        return _configured(kit, built_in)
    except Invalid as error:
        log.error("channel configuration not usable", file=CONFIG_FILE, reason=error.detail)  # noqa: TRY400 - the reason says it
        return ChannelSet(build_channels(built_in, kit), tuple(_BUILT_IN), error.detail)


def _configured(kit: Toolkit, built_in: Mapping[str, Mapping[str, Any]]) -> ChannelSet:
    configured, default = _read(kit.folder / CONFIG_FILE)
    channels = build_channels({**built_in, **configured}, kit)
    missing = sorted(set(default) - set(channels))
    if missing:
        raise Invalid(f"default names the channel {missing[0]!r}, which is not configured")
    return ChannelSet(channels, default or tuple(_BUILT_IN))


def _read(path: Path) -> tuple[dict[str, Mapping[str, Any]], tuple[str, ...]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ()
    except (OSError, ValueError) as error:
        raise Invalid(f"{path.name} cannot be read as JSON: {type(error).__name__}") from error
    if not isinstance(document, dict) or not set(document) <= {"channels", "default"}:
        raise Invalid(f"{path.name} must be an object with channels and default")
    channels, default = document.get("channels", {}), document.get("default", [])
    if not isinstance(channels, dict) or not all(isinstance(one, dict) for one in channels.values()):
        raise Invalid(f"{path.name}: channels must map names to settings")
    if not isinstance(default, list) or not all(isinstance(one, str) for one in default):
        raise Invalid(f"{path.name}: default must be a list of names")
    return channels, tuple(default)
