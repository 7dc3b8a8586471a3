"""The short proof of the pager: seeded schedules of faults on the real engine, and five mutants that must not pass."""

import asyncio
from collections import Counter

import pytest
from bench.pager_proof.mutant_names import MUTANTS
from bench.pager_proof.report import failure, table
from bench.pager_proof.schedule import FAMILIES, Family
from bench.pager_proof.series import carry_out

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SHORT = 204
AT_ONCE = 10
DETECTED: dict[str, tuple[Family, tuple[int, ...]]] = {
    "send-before-commit": ("write", (1, 4, 5, 9, 13, 17)),
    "forget-the-fence": ("twin", (1, 2, 5, 6, 10, 13)),
    "drop-the-unknown-state": ("sink", (0, 1, 8, 14)),
    "ignore-a-clock-jump": ("clock", (2, 4, 3, 5)),
    "skip-replan-after-acknowledge": ("calm", (4, 1, 3, 6)),
}
"""Which seeds of which faults find each mutant out; the first that does ends the search."""


def test_nothing_accepted_is_lost_late_or_repeated_unlabelled_under_faults() -> None:
    results = asyncio.run(carry_out(range(SHORT), at_once=AT_ONCE))
    failed = [failure(result) for result in results if result.violations]
    assert not failed, "\n".join([*failed, table(results)])
    assert len(results) == SHORT
    assert set(Counter(result.schedule.family for result in results)) == set(FAMILIES)
    assert all(result.record.accepted and result.record.arrivals for result in results)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_engine_is_found_out(mutant: str) -> None:
    family, seeds = DETECTED[mutant]
    results = asyncio.run(
        carry_out(seeds, family=family, mutant=mutant, at_once=4, until=lambda result: bool(result.violations))
    )
    broken = [violation for result in results for violation in result.violations]
    assert broken, f"{mutant}: {len(results)} runs and nothing was noticed"
    assert all(violation.promise != "the run itself" for violation in broken), broken
