"""The inbox: nothing that was accepted is lost, whatever is at fault; what cannot be taken holds up nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Gauge
from structlog.testing import capture_logs
from tests.support.response_world import World

from judgify.kit.errors import Invalid, JudgifyError, Unavailable
from judgify.kit.ids import new_id
from judgify.response import inbox as box
from judgify.response.arrival import ARRIVAL, ASIDE, Arrival, bundle_of, bundled, row_of
from judgify.response.desk import Desk
from judgify.response.inbox import Inbox
from judgify.response.incident import Incident
from judgify.response.intake.form import ALERTS
from judgify.response.kept import Kept
from judgify.response.model import Classification, Page, Signal


@pytest.fixture(autouse=True)
def told() -> Iterator[list[Any]]:
    """What is logged, as values: a rendered traceback takes longer than the test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path).up()
    made.runner.fault = RuntimeError("no runbook here")
    yield made
    await made.down()


def body_of(*names: str) -> bytes:
    return json.dumps([{"labels": {"alertname": name, "job": "judgment"}} for name in names]).encode()


async def put(world: World, *names: str, into: Inbox | None = None) -> None:
    kind, body = world.ways[ALERTS], body_of(*names)
    read = kind.read(body)
    chosen = into or world.core.inbox
    await chosen.put(ALERTS, body, kind.count(read), "", lambda now: kind.signals(read, now, ""))


async def swept(world: World, inbox: Inbox | None = None) -> None:
    """Let an inbox take what waits; its pauses are time that passes."""
    sweeping = asyncio.ensure_future((inbox or world.core.inbox).sweep())
    while not sweeping.done():
        await world.clock.advance(0.25)
    await sweeping


async def kept(world: World, kind: str) -> list[Kept]:
    return await world.core.desk.ask(lambda tx: tx.all_kept(kind))


def gauge(shown: Gauge) -> float:
    return next(iter(shown.collect())).samples[0].value


async def names(world: World) -> dict[str, int]:
    """What every incident has, by the signal's name, with how often it came."""
    incidents: list[Incident] = await world.core.desk.ask(lambda tx: tx.incidents())
    rows = [row for one in incidents for row in await world.core.desk.ask(lambda tx, i=one.id: tx.signals(i))]  # type: ignore[misc]
    return {row.signal.signal: row.count for row in rows}


def poisoned(world: World, monkeypatch: pytest.MonkeyPatch, *bad: str) -> None:
    """A fault of ours: some signals cannot be classified."""
    whole = world.policy.classify

    def classify(signal: Signal) -> Classification:
        if signal.signal in bad:
            raise ZeroDivisionError(signal.signal)
        return whole(signal)

    monkeypatch.setattr(world.policy, "classify", classify)


async def test_what_waits_is_durable_before_it_is_answered_and_taken_in_its_order(world: World) -> None:
    await asyncio.gather(*(put(world, f"n{number}") for number in range(30)))
    assert world.core.inbox.busy
    assert world.core.inbox.waiting == 30
    assert [len(row.body["arrivals"]) for row in await kept(world, ARRIVAL)] == [30]
    assert await names(world) == {}
    await swept(world)
    assert await names(world) == {f"n{number}": 1 for number in range(30)}
    assert (world.core.inbox.waiting, world.core.inbox.busy, await kept(world, ARRIVAL)) == (0, False, [])


async def test_a_poisonous_signal_is_kept_counted_and_told_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(world, monkeypatch, "poison")
    bodies = (("before",), ("poison",), ("after",), ("beside", "poison", "below"))
    await asyncio.gather(*(put(world, *one) for one in bodies))
    await swept(world)
    found = await names(world)
    assert {"before", "after", "beside", "below", "alerts_unreadable"} <= set(found)
    assert "poison" not in found
    (aside,) = await kept(world, ASIDE)
    assert (aside.body["signals"], aside.body["fault"], aside.body["told"]) == (2, "ZeroDivisionError", True)
    assert [line[1] for line in aside.body["arrivals"]] == [
        body_of("poison").decode(),
        body_of("beside", "poison", "below").decode(),
    ]
    assert await kept(world, ARRIVAL) == []
    figures = world.core.figures
    assert [gauge(figures.aside), gauge(figures.waiting)] == [2, 0]
    # A person is paged, and told where to look.
    await world.tick()
    pages: list[Page] = [page for page in world.pager.sent if page.kind == "page"]
    told = {signal.text for page in pages for signal in (await world.incident(page.incident_id)).signals}
    assert f"2 signals were accepted and cannot be taken in; they are kept as {aside.id}" in told


async def test_what_was_set_aside_is_tried_at_every_start_and_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(world, monkeypatch, "poison")
    await put(world, "poison")
    await swept(world)
    await world.crash()
    await swept(world)
    assert (await names(world))["alerts_unreadable"] == 1
    assert (len(await kept(world, ASIDE)), world.core.inbox.aside, world.core.inbox.waiting) == (1, 1, 0)
    # No look in between takes it up again: its fault would be told of for ever.
    await world.clock.advance(120)
    await swept(world)
    assert (await names(world))["alerts_unreadable"] == 1
    # A later version of ours can.
    monkeypatch.undo()
    await world.crash()
    await swept(world)
    assert (await names(world))["poison"] == 1
    await world.clock.advance(60)
    await swept(world)
    assert (await kept(world, ASIDE), world.core.inbox.aside) == ([], 0)


async def test_when_even_telling_fails_it_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(world, monkeypatch, "poison", "alerts_unreadable")
    await put(world, "poison")
    await put(world, "good")
    await swept(world)
    assert set(await names(world)) == {"good"}
    assert [row.body["told"] for row in await kept(world, ASIDE)] == [False]
    monkeypatch.undo()
    await world.clock.advance(60)
    await swept(world)
    assert (await names(world))["alerts_unreadable"] == 1
    assert [row.body["told"] for row in await kept(world, ASIDE)] == [True]


async def test_a_body_that_cannot_be_read_a_second_time_is_set_aside(world: World) -> None:
    def never(_: datetime) -> Sequence[Signal]:
        raise Invalid("read once, and never again")

    await world.core.inbox.put(ALERTS, b"{}", 3, "", never)
    await put(world, "good")
    await swept(world)
    assert (await names(world))["good"] == 1
    assert [(row.body["signals"], row.body["fault"]) for row in await kept(world, ASIDE)] == [(3, "Invalid")]


async def test_what_a_killed_engine_had_written_down_is_folded_at_the_next_start(world: World) -> None:
    await put(world, "first")
    await put(world, "second", "third")
    await world.crash()
    assert world.core.inbox.waiting == 3
    await swept(world)
    assert await names(world) == {"first": 1, "second": 1, "third": 1}
    assert await kept(world, ARRIVAL) == []


async def test_a_twin_takes_only_what_its_engine_has_left_for_long(world: World) -> None:
    await put(world, "left")
    twin = Inbox(
        world.core.engine, lambda form, text, at, who: world.ways[form].signals(world.ways[form].read(text), at, who)
    )
    await swept(world, twin)
    assert await names(world) == {}
    await world.clock.advance(65)
    await swept(world, twin)
    assert await names(world) == {"left": 1}
    # Whose it was has it in its memory all the same, and counts it no second time, nor what goes with it less.
    await put(world, "next")
    await swept(world)
    assert await names(world) == {"left": 1, "next": 1}
    assert (world.core.inbox.waiting, await kept(world, ARRIVAL)) == (0, [])


async def test_what_a_twin_took_is_not_taken_apart_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(world, monkeypatch, "poison")
    for name in ("left", "poison"):
        await put(world, name)
    (left,) = [row.id for row in await kept(world, ARRIVAL) if "left" in str(row.body)]
    await world.store.write(lambda tx: tx.drop(ARRIVAL, left))
    await swept(world)
    assert set(await names(world)) == {"alerts_unreadable"}
    assert world.core.inbox.waiting == 0


async def test_a_row_of_another_version_is_set_aside_whole(world: World) -> None:
    odd: dict[str, Any] = {"arrivals": [["alerts"]]}
    row = Kept(kind=ARRIVAL, id="arr_odd", owner="another", body=odd)
    await world.store.write(lambda tx: tx.keep(row))
    await put(world, "good")
    await world.crash()
    await swept(world)
    assert {"good", "alerts_unreadable"} <= set(await names(world))
    (aside,) = await kept(world, ASIDE)
    assert aside.body["row"] == odd
    await world.crash()
    assert len(await kept(world, ASIDE)) == 1


async def test_beyond_its_measure_a_sender_is_told_when_to_come_again_and_nothing_accepted_is_lost(
    world: World,
) -> None:
    small = Inbox(world.core.engine, lambda *_: [], most=10)
    await asyncio.gather(*(put(world, f"n{number}", into=small) for number in range(10)))
    for call in (put(world, "too", into=small), put(world, "much", into=small)):
        with pytest.raises(Unavailable) as refused:
            await call
        assert (refused.value.status, refused.value.type_slug) == (503, "intake-full")
        assert refused.value.fields["retry_after_s"] == 5
    assert small.waiting == 10
    await swept(world, small)
    await put(world, "again", into=small)
    await swept(world, small)
    assert set(await names(world)) == {*(f"n{number}" for number in range(10)), "again"}


async def test_bytes_are_bounded_too(world: World) -> None:
    narrow = Inbox(world.core.engine, lambda *_: [], most_bytes=2 * len(body_of("n0")))
    await put(world, "n0", into=narrow)
    await put(world, "n1", into=narrow)
    with pytest.raises(Unavailable):
        await put(world, "n2", into=narrow)


async def test_what_was_read_is_not_held_beyond_a_measure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "READ_ONCE", 1)
    again: list[bytes] = []

    def read(form: str, text: bytes, at: datetime, sender: str) -> Sequence[Signal]:
        again.append(text)
        return world.ways[form].signals(world.ways[form].read(text), at, sender)

    own = Inbox(world.core.engine, read)
    for name in ("first", "second", "third"):
        await put(world, name, into=own)
    await swept(world, own)
    assert again == [body_of("second"), body_of("third")]
    assert set(await names(world)) == {"first", "second", "third"}


async def test_a_store_that_fails_keeps_nothing_and_every_sender_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: Any) -> None:
        raise Unavailable("the disk is full", slug="store-full", retry_after_s=5)

    async def broken(_: Any) -> None:
        raise OSError("gone")

    for store, told in ((full, "the disk is full"), (broken, "nothing was kept")):
        monkeypatch.setattr(world.store, "write", store)
        answers = await asyncio.gather(*(put(world, f"n{n}") for n in range(3)), return_exceptions=True)
        assert [str(one) for one in answers if isinstance(one, JudgifyError)] == [told] * 3
        monkeypatch.undo()
    assert (world.core.inbox.waiting, world.core.inbox.busy) == (0, False)
    await put(world, "later")
    await swept(world)
    assert set(await names(world)) == {"later"}


async def test_a_store_that_is_away_while_signals_are_taken_loses_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(world, monkeypatch, "poison")
    for name in ("first", "poison", "last"):
        await put(world, name)
    whole, calls = Desk.command, 0

    async def now_and_then(desk: Desk, work: Any, *, quiet: bool = False) -> Any:
        nonlocal calls
        calls += 1
        if calls in {1, 3, 5}:  # together, one by one, and in the midst of it
            raise Unavailable("the store is away")
        return await whole(desk, work, quiet=quiet)

    monkeypatch.setattr(Desk, "command", now_and_then)
    await swept(world)
    found = await names(world)
    assert {"first", "last", "alerts_unreadable"} <= set(found)
    assert (len(await kept(world, ASIDE)), world.core.inbox.waiting) == (1, 0)


async def test_a_sender_that_goes_before_the_answer_leaves_its_signal_behind(world: World) -> None:
    going = asyncio.ensure_future(put(world, "left"))
    await asyncio.sleep(0)
    going.cancel()
    with suppress(asyncio.CancelledError):
        await going
    await put(world, "other")
    await swept(world)
    assert set(await names(world)) == {"left", "other"}


async def test_a_sender_that_cannot_be_answered_keeps_no_other_from_the_answer(
    world: World, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, body = world.ways[ALERTS], body_of("lost")

    def torn(_: JudgifyError | None) -> None:
        raise RuntimeError("the handler is closed")

    def offer() -> None:
        read = kind.read(body)
        world.core.inbox.offer(ALERTS, body, 1, "", lambda now: kind.signals(read, now, ""), settled=torn)

    offer()
    await put(world, "other")
    await swept(world)
    assert set(await names(world)) == {"lost", "other"}

    async def broken(_: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(world.store, "write", broken)
    offer()
    with pytest.raises(Unavailable):
        await put(world, "other")
    assert [line["event"] for line in told].count("a sender could not be answered") == 2


async def test_it_runs_until_it_is_cancelled(world: World) -> None:
    running = asyncio.ensure_future(world.core.inbox.run())
    await put(world, "one")
    while world.core.inbox.waiting:
        await world.clock.advance(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert set(await names(world)) == {"one"}


def test_bundles_hold_what_one_transaction_takes_and_rows_give_them_back() -> None:
    at = datetime.fromisoformat("2026-03-02T12:00:00+00:00")

    def read(form: str, text: bytes, moment: datetime, sender: str) -> Sequence[Signal]:
        assert (form, sender, moment) == ("alerts", "judgment", at)
        return [
            Signal(
                id=new_id("sig"), service=text.decode(), signal="s", source="generic", observed_at=at, received_at=at
            )
        ]

    given = [Arrival("alerts", "서비스".encode(), at, "judgment", count, list) for count in (200, 50, 1, 9_000, 0)]
    bundles = list(bundled(given))
    assert [bundle.count for bundle in bundles] == [250, 1, 9_000, 0]
    row = row_of(bundles[0], "eng")
    back = bundle_of(row, read)
    assert back is not None
    assert (back.id, back.where, back.count, back.size) == (bundles[0].id, ARRIVAL, 250, bundles[0].size)
    assert back.arrivals[0].signals()[0].service == "서비스"
    assert bundle_of(row.model_copy(update={"body": {"arrivals": []}}), read) is None
    assert bundle_of(row.model_copy(update={"body": {}}), read) is None
