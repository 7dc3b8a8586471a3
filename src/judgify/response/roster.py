"""Who fills a role of the matrix at an instant: schedules and stand-ins over contacts.yaml and services.yaml. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from judgify.response.guide.base import SeverityName
from judgify.response.guide.oncall_file import guide_schedules
from judgify.response.guide.schema import Guide
from judgify.response.oncall.schedule import Override, Schedule, winner
from judgify.response.oncall.stand_in import standing_in
from judgify.response.stand_in import StandIn


class Roster:
    """The guide's schedules with the stand-ins of the moment."""

    def __init__(
        self, guide: Guide, stand_ins: Sequence[StandIn] = (), schedules: Mapping[str, Schedule] | None = None
    ) -> None:
        """Lay stand-ins over the guide's schedules; one whose person or target is gone counts for nothing."""
        self._guide = guide
        self._bare = guide_schedules(guide.oncall, guide.calendar) if schedules is None else schedules
        known = [one for one in stand_ins if one.person in guide.contacts.persons and one.ends > one.start]
        laid: dict[str, list[Override]] = {}
        for one in known:
            laid.setdefault(one.target, []).append(one.override)
        self.schedules: dict[str, Schedule] = {
            name: replace(bare, overrides=(*bare.overrides, *laid.get(name, ()))) for name, bare in self._bare.items()
        }
        self._persons = {name: tuple(found) for name, found in laid.items() if name in guide.contacts.persons}

    def beside(self, stand_ins: Sequence[StandIn]) -> "Roster":
        """Give the same guide's roster with other stand-ins."""
        return Roster(self._guide, stand_ins, self._bare)

    def persons(self, role: str, service: str, severity: SeverityName, moment: datetime) -> tuple[str, ...]:
        """Give who fills a role for a service at a moment, each once; nobody: all schedules that fill it have a gap."""
        names = self.filling(role, service)
        if names is None:
            found = [person for person, _ in self._guide.persons_of(role, service)]
        else:
            on_call = (self.schedules[name].on_call(moment, severity).person for name in names)
            found = [person for person in on_call if person is not None]
        standing = {
            person: chosen.person
            for person, overrides in self._persons.items()
            if (chosen := winner(overrides, moment)) is not None
        }
        return tuple(dict.fromkeys(standing_in(person, standing) for person in found))

    def filling(self, role: str, service: str) -> tuple[str, ...] | None:
        """Give the schedules that fill a role for a service, or None where contacts.yaml or services.yaml does."""
        file = self._guide.oncall
        if self._guide.contacts.roles[role].per_service and service in self._guide.services:
            return file.services.get(service)
        return file.roles.get(role)

    def next_change(self, after: datetime) -> datetime | None:
        """Give the next instant at which somebody else may be on call, or None where that never happens."""
        coming = [schedule.next_edge(after) for schedule in self.schedules.values()]
        coming += [edge for found in self._persons.values() for one in found for edge in (one.start, one.end)]
        return min((edge for edge in coming if edge is not None and edge > after), default=None)
