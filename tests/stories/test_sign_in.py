"""Stories of wrong passwords: guessing becomes slow, and nobody who is called at night is ever locked out by it."""

import asyncio

import pytest
from tests.support.response_world import World

from judgify.kit.errors import TooMany, Unauthenticated

RIGHT, WRONG = "a long enough word", "another long word"


async def guess(world: World, client: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await world.core.accounts.sign_in("minsu", WRONG, client=client)


async def test_waits_grow_for_who_guesses_and_for_nobody_else(world: World) -> None:
    accounts = world.core.accounts
    await accounts.save("minsu", "responder", password=RIGHT)
    await guess(world, "192.0.2.66", 5)
    with pytest.raises(TooMany) as first:
        await accounts.sign_in("minsu", RIGHT, client="192.0.2.66")
    assert first.value.fields["retry_after_s"] == 5
    # From elsewhere the person signs in all the same.
    await accounts.sign_in("minsu", RIGHT, client="192.0.2.1")
    await world.clock.advance(5)
    await guess(world, "192.0.2.66", 1)
    with pytest.raises(TooMany) as second:
        await accounts.sign_in("minsu", RIGHT, client="192.0.2.66")
    assert second.value.fields["retry_after_s"] == 10
    # Nothing is locked for good.
    await world.clock.advance(10)
    await accounts.sign_in("minsu", RIGHT, client="192.0.2.66")
    await guess(world, "192.0.2.66", 4)


async def test_a_guesser_with_many_addresses_does_not_lock_out_a_known_device_or_a_link(world: World) -> None:
    accounts = world.core.accounts
    await accounts.save("minsu", "responder", password=RIGHT)
    for number in range(25):
        await guess(world, f"192.0.2.{number}", 2)
    with pytest.raises(TooMany):
        await accounts.sign_in("minsu", RIGHT, client="198.51.100.1")
    await accounts.sign_in("minsu", RIGHT, client="198.51.100.1", known_device=True)
    token, _ = await accounts.new_link("minsu")
    assert (await accounts.use_link(token))[1].user == "minsu"
    assert accounts.device("key", "minsu") != accounts.device("key", "jiwon") != accounts.device("other", "jiwon")


async def test_guesses_made_at_the_same_moment_are_counted_one_by_one(world: World) -> None:
    accounts = world.core.accounts
    await accounts.save("minsu", "responder", password=RIGHT)
    guesses = [accounts.sign_in("minsu", f"{WRONG} {number}", client="192.0.2.66") for number in range(12)]
    told = await asyncio.gather(*guesses, return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["TooMany"] * 7 + ["Unauthenticated"] * 5
    await accounts.sign_in("minsu", RIGHT, client="192.0.2.1")


async def test_a_flood_of_sign_ins_is_told_to_come_back(world: World) -> None:
    accounts = world.core.accounts
    guesses = [accounts.sign_in(f"nobody{number}", WRONG, client="192.0.2.66") for number in range(20)]
    told = await asyncio.gather(*guesses, return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["TooMany"] * 4 + ["Unauthenticated"] * 16
