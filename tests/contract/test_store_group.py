"""Commands that wait together share one commit, on every store; what one of them does wrong is its own affair."""

import asyncio
from datetime import UTC, datetime

from judgify.kit.errors import Conflict, Unavailable
from judgify.kit.ids import new_id
from judgify.response import timeline as t
from judgify.response.model import ENGINE, Signal
from judgify.response.ports import Store, Tx

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


def _note(tx: Tx, text: str) -> int:
    return tx.append(None, ENGINE, NOW, [t.NoteAdded(text=text)])[1][0].number


async def _together(store: Store, *works: object) -> list[object]:
    """Give what each command gave or raised, having let them wait for one another."""
    return await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)  # type: ignore[arg-type]


async def test_of_many_commands_that_wait_a_bad_one_fails_alone(store: Store) -> None:
    def bad(tx: Tx) -> int:
        _note(tx, "bad")
        raise Conflict("no")

    works = [bad if index % 7 == 3 else (lambda tx, i=index: _note(tx, f"{i}")) for index in range(60)]
    found = await _together(store, *works)
    for index, result in enumerate(found):
        assert isinstance(result, Conflict if index % 7 == 3 else int), result
    told = [entry.event.text for entry in await store.read(lambda tx: tx.entries(None))]  # type: ignore[union-attr]
    assert told == [f"{index}" for index in range(60) if index % 7 != 3]


async def test_what_the_database_refuses_of_one_command_is_refused_to_it_alone(store: Store) -> None:
    signal = Signal(
        id=new_id("sig"), service="s", signal="service_down", source="probe", observed_at=NOW, received_at=NOW
    )

    def twice(tx: Tx) -> None:
        _note(tx, "undone")
        tx.record_signal(signal, "A")

    await store.write(lambda tx: tx.record_signal(signal, "B"))
    found = await _together(store, lambda tx: _note(tx, "one"), twice, lambda tx: _note(tx, "two"))
    assert [type(result) for result in found] == [int, Unavailable, int]
    told = [entry.event.text for entry in await store.read(lambda tx: tx.entries(None))]  # type: ignore[union-attr]
    assert told == ["one", "two"]


async def test_commands_of_one_group_see_what_those_before_them_did(store: Store) -> None:
    assert await _together(store, *[lambda tx: tx.next_number(2026)] * 40) == list(range(1, 41))


async def test_a_command_whose_sender_has_gone_still_happens_and_holds_up_nobody(store: Store) -> None:
    gone = asyncio.ensure_future(store.write(lambda tx: _note(tx, "gone")))
    stays = asyncio.ensure_future(store.write(lambda tx: _note(tx, "stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, stays, return_exceptions=True)
    assert await store.read(lambda tx: tx.last_number()) == stays.result()
    assert len(await store.read(lambda tx: tx.entries(None))) <= 2
    assert await store.write(lambda tx: tx.next_number(2026)) == 1
