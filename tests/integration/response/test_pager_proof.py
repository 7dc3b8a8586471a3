"""The short proof of the pager: seeded schedules of faults on the real engine, and five mutants that must not pass.

It runs as a program of its own, as whoever reads the documentation runs it: nothing that goes wrong in there, and no
measuring of coverage out here, touches the other.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bench.pager_proof.mutant_names import MUTANTS, TRIES
from bench.pager_proof.outcome import Outcome, read
from bench.pager_proof.report import failure, table
from bench.pager_proof.schedule import FAMILIES

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(420)]
ROOT = Path(__file__).resolve().parents[3]
SHORT = 204
AT_ONCE = 16
LIMIT_S = 280
"""The proof's own limit: what is not done by then has failed, and is named."""
CLOSING_S = 60
"""It has so long to begin and to end; after that it is ended."""


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Outcome], str]:
    """Carry the proof out; give all outcomes, and what it said."""
    folder = tmp_path_factory.mktemp("proof")
    outcomes, words = folder / "outcomes", folder / "words"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-m", "bench.pager_proof", "--mutants", "--append", str(outcomes)]
    command += ["--schedules", str(SHORT), "--at-once", str(AT_ONCE), "--limit-s", str(LIMIT_S)]
    environ["PYTHONPATH"] = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    with words.open("wb") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said)
    try:
        process.wait(LIMIT_S + CLOSING_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()  # its engines end with it
            process.wait(20)
    return read(outcomes), words.read_text(errors="replace")


def test_nothing_accepted_is_lost_late_or_repeated_unlabelled_under_faults(proof: tuple[list[Outcome], str]) -> None:
    outcomes, words = proof
    plain = [outcome for outcome in outcomes if not outcome.mutant]
    failed = [failure(outcome) for outcome in plain if outcome.broken]
    assert not failed, "\n".join([*failed, table(plain)])
    assert len(plain) == SHORT, words[-4000:]
    assert {outcome.family for outcome in plain} == set(FAMILIES)
    assert all(outcome.accepted and outcome.messages for outcome in plain)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_engine_is_found_out(mutant: str, proof: tuple[list[Outcome], str]) -> None:
    outcomes, words = proof
    tried = [outcome for outcome in outcomes if outcome.mutant == mutant]
    assert any(outcome.found for outcome in tried), f"{mutant}: {len(tried)} runs, nothing noticed: {words[-4000:]}"
    assert len(tried) <= TRIES
