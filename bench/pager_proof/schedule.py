"""What happens in one run, from its seed alone: alerts, people who acknowledge, faults and their moments. Pure."""

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

Moment = Literal["before", "inside", "after"]
Family = Literal[
    "calm", "write", "send", "kill", "clock", "stall", "full", "sink", "freeze", "twin", "mixed",
    "pg", "pg-away", "pg-stall", "pg-pair",
]  # fmt: skip
FAMILIES: Final[tuple[Family, ...]] = (
    "write", "send", "kill", "clock", "sink", "mixed", "write", "send", "stall", "full", "freeze", "twin",
    "kill", "sink", "clock", "mixed", "calm", "pg", "pg-away", "pg-pair", "pg-stall",
)  # fmt: skip
"""Which fault a seed is about: its number modulo this list."""
TroubleKind = Literal["slow", "mute", "reset-kept", "reset-lost", "refuse"]
TROUBLES: Final[tuple[TroubleKind, ...]] = ("slow", "mute", "reset-kept", "reset-lost", "refuse")
HALF: Final = 0.5
JUMPS_S: Final = (2.0, 45.0, 1_000.0, 7_200.0, 90_000.0, 40_000_000.0)


@dataclass(frozen=True, slots=True)
class Crash:
    """kill -9 at a place in the engine's work: the `number`-th write, write that plans pages, or send of one life.

    `inside` a write: everything was written and nothing committed. `inside` a send: the receiver has read all of it
    and has not answered.
    """

    what: Literal["write", "plan", "send"]
    number: int
    when: Moment


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is sent in until it is accepted."""

    at: float
    service: str
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Ack:
    """A person acknowledges the incident of an alert, this long after it was accepted."""

    alert: int
    after_s: float


@dataclass(frozen=True, slots=True)
class Spell:
    """Something that lasts: the database does not answer, the disk is full, the engine is frozen."""

    at: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """A receiver misbehaves for a while."""

    sink: str
    kind: TroubleKind
    at: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Jump:
    """Somebody sets the machine's clock."""

    at: float
    by_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run. Times are seconds after the first engine was ready."""

    seed: int
    family: Family
    alerts: tuple[Alert, ...]
    acks: tuple[Ack, ...] = ()
    crashes: tuple[Crash | None, ...] = ()
    """One for each life of the engine, in order."""
    kills: tuple[float, ...] = ()
    down_s: tuple[float, ...] = (0.0,)
    """How long the engine stays away after its first, second … death; the last one goes on."""
    jumps: tuple[Jump, ...] = ()
    stalls: tuple[Spell, ...] = ()
    fulls: tuple[Spell, ...] = ()
    freezes: tuple[Spell, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    twin: Spell | None = None
    """The first engine is frozen for this spell, and a second one takes over at once."""
    postgres: bool = False
    """The store is a PostgreSQL server (else SQLite)."""
    pair: bool = False
    """Two engines work side by side on one database from the beginning; faults hit the first of them."""
    away: tuple[Spell, ...] = ()
    """The database is shut down at once and started again."""
    tmpfs: bool = field(default=True)
    """A full disk is a small file system of its own (else a bound on the database's pages)."""


def plan(seed: int, family: Family | None = None) -> Schedule:
    """Give the schedule of a seed; the same seed gives the same one for ever."""
    dice = Random(seed)  # noqa: S311 - chance that can be repeated is the point; nothing is kept secret by it
    chosen = family or FAMILIES[seed % len(FAMILIES)]
    alerts = tuple(
        Alert(round(dice.uniform(0.0, 0.6), 3), f"proof-{seed}-{index}", dice.choice((1, 1, 1, 3)))
        for index in range(dice.choice((1, 1, 2)))
    )
    acks = tuple(Ack(index, round(dice.uniform(0.0, 1.6), 3)) for index in range(len(alerts)) if dice.random() < HALF)
    base = Schedule(seed=seed, family=chosen, alerts=alerts, acks=acks)
    return _MAKERS[chosen](base, dice)


def _with(base: Schedule, **more: object) -> Schedule:
    values = {name: getattr(base, name) for name in base.__slots__}
    return Schedule(**{**values, **more})


def _downs(dice: Random) -> tuple[float, ...]:
    return tuple(round(dice.choice((0.0, 0.0, dice.uniform(0.05, 0.7))), 3) for _ in range(4))


def _crash(dice: Random, what: Literal["write", "send"]) -> Crash:
    moments: tuple[Moment, ...] = ("before", "inside", "after")
    if what == "write" and dice.random() < HALF:
        return Crash("plan", dice.choice((1, 1, 2)), dice.choice(moments[1:]))
    return Crash(what, dice.randint(1, 26 if what == "write" else 14), dice.choice(moments))


def _calm(base: Schedule, _: Random) -> Schedule:
    return base


def _write(base: Schedule, dice: Random) -> Schedule:
    crashes = tuple(_crash(dice, "write") for _ in range(dice.choice((1, 2, 3))))
    return _with(base, crashes=crashes, down_s=_downs(dice))


def _send(base: Schedule, dice: Random) -> Schedule:
    crashes = tuple(_crash(dice, "send") for _ in range(dice.choice((1, 2, 3))))
    return _with(base, crashes=crashes, down_s=_downs(dice))


def _kill(base: Schedule, dice: Random) -> Schedule:
    kills = tuple(sorted(round(dice.uniform(0.05, 2.6), 3) for _ in range(dice.choice((1, 2, 3)))))
    return _with(base, kills=kills, down_s=_downs(dice))


def _clock(base: Schedule, dice: Random) -> Schedule:
    jumps = tuple(
        Jump(round(dice.uniform(0.1, 1.8), 3), dice.choice(JUMPS_S) * dice.choice((1, 1, -1)))
        for _ in range(dice.choice((1, 1, 2)))
    )
    killed = dice.random() < HALF
    kills = (round(dice.uniform(0.3, 2.2), 3),) if killed else ()
    return _with(base, jumps=tuple(sorted(jumps, key=lambda jump: jump.at)), kills=kills, down_s=_downs(dice))


def _spells(dice: Random, longest_s: float) -> tuple[Spell, ...]:
    return (Spell(round(dice.uniform(0.0, 1.5), 3), round(dice.uniform(0.2, longest_s), 3)),)


def _stall(base: Schedule, dice: Random) -> Schedule:
    return _with(base, stalls=_spells(dice, 1.5))


def _full(base: Schedule, dice: Random) -> Schedule:
    tmpfs = dice.random() < HALF
    kills = (round(dice.uniform(0.3, 2.2), 3),) if dice.random() < 0.3 else ()
    return _with(base, fulls=_spells(dice, 1.5), tmpfs=tmpfs, kills=kills)


def _sink(base: Schedule, dice: Random) -> Schedule:
    troubles = tuple(_trouble(dice) for _ in range(dice.choice((1, 2, 3))))
    return _with(base, troubles=troubles)


def _trouble(dice: Random) -> Trouble:
    spell = (round(dice.uniform(0.0, 1.2), 3), round(dice.uniform(0.3, 1.8), 3))
    return Trouble(dice.choice(("mail", "http")), dice.choice(TROUBLES), *spell)


def _freeze(base: Schedule, dice: Random) -> Schedule:
    return _with(base, freezes=_spells(dice, 2.0))


def _twin(base: Schedule, dice: Random) -> Schedule:
    slow = tuple(Trouble(sink, dice.choice(("slow", "mute")), 0.0, 4.0) for sink in ("mail", "http"))
    spell = Spell(round(dice.uniform(0.05, 0.9), 3), round(dice.uniform(0.3, 1.5), 3))
    return _with(base, twin=spell, troubles=slow if dice.random() < HALF else ())


def _mixed(base: Schedule, dice: Random) -> Schedule:
    base = _clock(base, dice) if dice.random() < 0.4 else base
    base = dice.choice((_write, _send, _kill))(base, dice)
    return dice.choice((_sink, _stall, _freeze, _calm))(base, dice)


def _pg(base: Schedule, dice: Random) -> Schedule:
    return _with(dice.choice((_write, _send, _kill, _sink, _clock, _calm))(base, dice), postgres=True)


def _pg_away(base: Schedule, dice: Random) -> Schedule:
    return _with(base, postgres=True, away=_spells(dice, 1.2))


def _pg_stall(base: Schedule, dice: Random) -> Schedule:
    return _with(base, postgres=True, stalls=_spells(dice, 1.5))


def _pg_pair(base: Schedule, dice: Random) -> Schedule:
    base = dice.choice((_freeze_long, _freeze_long, _kill, _send, _pg_away))(base, dice)
    return _with(base, postgres=True, pair=True)


def _freeze_long(base: Schedule, dice: Random) -> Schedule:
    return _with(base, freezes=(Spell(round(dice.uniform(0.2, 1.6), 3), round(dice.uniform(0.5, 5.0), 3)),))


_MAKERS: Final = {
    "calm": _calm, "write": _write, "send": _send, "kill": _kill, "clock": _clock, "stall": _stall, "full": _full,
    "sink": _sink, "freeze": _freeze, "twin": _twin, "mixed": _mixed,
    "pg": _pg, "pg-away": _pg_away, "pg-stall": _pg_stall, "pg-pair": _pg_pair,
}  # fmt: skip
