"""What came of one run, small enough to keep thousands of: also as one line of a file, so that a long series may stop.

Pure: values in, values out.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.pager_proof.checker import ITSELF, Figures, Violation
from bench.pager_proof.record import Record
from bench.pager_proof.schedule import Family, plan


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """One run that is asked for: a seed, one kind of fault whatever the seed says, and what is broken on purpose."""

    seed: int
    family: Family | None = None
    mutant: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run that was carried out and checked."""

    seed: int
    family: Family
    mutant: str
    broken: tuple[Violation, ...]
    messages: int
    accepted: int
    figures: Figures
    took_s: float
    at: str = ""
    """When it ended."""
    commit: str = ""
    """Which state of the engine it was."""
    kept: str = ""
    """The folder of a run that did not hold, for whoever looks into it."""

    @property
    def found(self) -> bool:
        """Tell whether the checker found a promise broken; a run that could not be carried out proves nothing."""
        return any(one.promise != ITSELF for one in self.broken)

    @property
    def again(self) -> str:
        """Give the one command that carries it out again."""
        mutant = f" --mutant {self.mutant}" if self.mutant else ""
        return f"python -m bench.pager_proof --seed {self.seed} --family {self.family}{mutant}"

    def line(self) -> str:
        """Give it as one line of JSON."""
        document = asdict(self)
        document["figures"]["late_s"] = [round(one, 4) for one in self.figures.late_s]
        document["took_s"] = round(self.took_s, 2)
        return json.dumps(document, ensure_ascii=False)


def outcome(job: Job, record: Record, broken: Iterable[Violation], figures: Figures, took_s: float) -> Outcome:
    """Give what is kept of a run."""
    return Outcome(
        seed=job.seed,
        family=job.family or plan(job.seed).family,
        mutant=job.mutant,
        broken=tuple(broken),
        messages=len(record.arrivals),
        accepted=len(record.accepted),
        figures=figures,
        took_s=took_s,
    )


def failed(job: Job, why: str, took_s: float) -> Outcome:
    """Give a run that could not be carried out: it has failed, and is named."""
    return outcome(job, Record(), [Violation(ITSELF, why)], Figures(), took_s)


def read(path: Path) -> list[Outcome]:
    """Read what earlier series have added to a file; a last line that was cut off is not there.

    Raises:
        ValueError: a line is no outcome; the message names the file and the line.
    """
    if not path.exists():
        return []
    found = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            document = json.loads(line)
            document["figures"] = Figures(**document["figures"])
            document["broken"] = tuple(Violation(**one) for one in document["broken"])
            found.append(Outcome(**document))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}, line {number}: no outcome of a run: {error}") from error
    return found
