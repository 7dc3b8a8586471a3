"""The supervisor's memory on disk: units, events, answers to operations. Written before a caller is told "done"."""

import json
import os
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from judgify.kit.files import write_atomic
from judgify.kit.log import get_logger
from judgify.kit.supervisor_types import Event, Traffic
from judgify.supervisor.model import UnitRecord

MAX_EVENTS: Final = 5000
"""Events kept; when there are more, the older half goes."""

MAX_OPERATIONS: Final = 500
"""Answers kept for operations that carry an id, so that a repeat gets the first answer."""

_log = get_logger("judgify.supervisor.store")


class DiskState:
    """Files under ``$HOME/supervisor`` and ``$HOME/run``; one supervisor at a time writes them (see ``lock``)."""

    def __init__(self, home: Path) -> None:
        """Make the folders that are missing; they are the owner's alone."""
        self.home = home
        self.folder = home / "supervisor"
        self.units_folder = self.folder / "units"
        self.run = home / "run"
        self._events = self.folder / "events.jsonl"
        self._operations = self.folder / "operations.json"
        for folder in (self.folder, self.units_folder, self.run, home / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def load_units(self) -> dict[str, UnitRecord]:
        """All units by name. A file that cannot be read is set aside as ``.broken`` and reported, never guessed at."""
        units: dict[str, UnitRecord] = {}
        for path in sorted(self.units_folder.glob("*.json")):
            try:
                record = UnitRecord.model_validate_json(path.read_bytes())
            except (ValidationError, OSError) as error:
                path.rename(path.with_suffix(".broken"))
                _log.exception("unit file set aside", path=str(path), error=str(error))
                continue
            units[record.name] = record
        return units

    def save_unit(self, record: UnitRecord) -> None:
        """Put a unit on the disk, whole or not at all."""
        write_atomic(self.units_folder / f"{record.name}.json", record.model_dump_json(indent=1).encode())

    def load_events(self) -> list[Event]:
        """The events kept, oldest first; a line torn by a crash is left out."""
        events: list[Event] = []
        try:
            text = self._events.read_bytes()
        except FileNotFoundError:
            return events
        for line in text.splitlines():
            try:
                events.append(Event.model_validate_json(line))
            except ValidationError:
                _log.warning("torn event line left out")
        if text and not text.endswith(b"\n"):
            self.rewrite_events(events)
        return events

    def append_event(self, event: Event) -> None:
        """Put one more event on the disk."""
        descriptor = os.open(self._events, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, event.model_dump_json().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rewrite_events(self, events: list[Event]) -> None:
        """Keep just these events."""
        write_atomic(self._events, b"".join(event.model_dump_json().encode() + b"\n" for event in events))

    def load_operations(self) -> dict[str, Any]:
        """Answers by operation id."""
        try:
            answers = json.loads(self._operations.read_bytes())
        except (OSError, ValueError):
            return {}
        return answers if isinstance(answers, dict) else {}

    def save_operations(self, answers: dict[str, Any]) -> None:
        """Keep the newest answers."""
        newest = dict(list(answers.items())[-MAX_OPERATIONS:])
        write_atomic(self._operations, json.dumps(newest).encode())

    def load_traffic(self) -> Traffic:
        """The switch as it was left; open when there is no file. An unreadable file counts as open, and is reported."""
        try:
            return Traffic.model_validate_json((self.run / "traffic.json").read_bytes())
        except FileNotFoundError:
            return Traffic()
        except ValidationError:
            _log.exception("traffic switch unreadable, taken as open")
            return Traffic()

    def save_traffic(self, traffic: Traffic) -> None:
        """Set the switch; the gateway watches this file."""
        write_atomic(self.run / "traffic.json", traffic.model_dump_json().encode())
