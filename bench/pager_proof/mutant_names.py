"""The names of the mutants, and which schedules find each out. Imports nothing of the engine."""

from collections.abc import Callable
from itertools import count, islice
from typing import Final

from bench.pager_proof.schedule import Crash, Family, Schedule, plan

MUTANTS: Final = (
    "send-before-commit",
    "forget-the-fence",
    "drop-the-unknown-state",
    "ignore-a-clock-jump",
    "skip-replan-after-acknowledge",
)
FAR_S: Final = 7_200.0


def _dies_while_it_plans(schedule: Schedule) -> bool:
    """The first life ends when the first incident's pages are written and not committed."""
    return schedule.crashes[0] == Crash("plan", 1, "inside")


def _wakes_beside_another(schedule: Schedule) -> bool:
    """The first engine is frozen when its first pages are on their way to receivers that take their time."""
    first = min(alert.at for alert in schedule.alerts)
    slow = [one.kind for one in schedule.troubles] == ["slow", "slow"]
    return schedule.twin is not None and slow and first < schedule.twin.at < first + 0.3 and not schedule.acks


def _loses_without_an_answer(schedule: Schedule) -> bool:
    """A receiver drops what it is sent when the first incident opens."""
    first = schedule.alerts[0].at
    lost = [one for one in schedule.troubles if one.kind == "reset-lost"]
    alone = len(lost) == len(schedule.troubles) == 1
    return alone and lost[0].at < first and first + 0.6 < lost[0].at + lost[0].for_s and not schedule.acks


def _is_set_forward(schedule: Schedule) -> bool:
    """The clock is set far forward, and nothing else happens, between an incident's opening and its last row."""
    first = schedule.alerts[0].at
    return (
        len(schedule.jumps) == 1
        and schedule.jumps[0].by_s >= FAR_S
        and first + 0.2 < schedule.jumps[0].at < first + 1.4
        and not schedule.kills
        and not schedule.acks
    )


def _is_acknowledged_soon(schedule: Schedule) -> bool:
    """The first incident is acknowledged long before its last row is due."""
    return any(ack.alert == 0 and ack.after_s < 0.5 for ack in schedule.acks)


SEARCH: Final[dict[str, tuple[Family, Callable[[Schedule], bool]]]] = dict(
    zip(
        MUTANTS,
        (
            ("write", _dies_while_it_plans),
            ("twin", _wakes_beside_another),
            ("sink", _loses_without_an_answer),
            ("clock", _is_set_forward),
            ("calm", _is_acknowledged_soon),
        ),
        strict=True,
    )
)
"""The kind of fault that finds a mutant out, and what of it."""
TRIES: Final = 10


def tries(mutant: str, number: int = TRIES) -> list[int]:
    """Give the first seeds whose schedules find this mutant out; the first that does ends the search."""
    family, fit = SEARCH[mutant]
    return list(islice((seed for seed in count() if fit(plan(seed, family))), number))
