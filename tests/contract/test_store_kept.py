"""What every store guarantees of the small things it remembers; one suite, run on every store."""

from datetime import UTC, datetime, timedelta

import pytest

from judgify.kit.errors import Invalid
from judgify.response.kept import Kept
from judgify.response.ports import Store, Tx

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


async def test_what_is_kept_is_found_by_kind_and_id_and_replaced(store: Store) -> None:
    one = Kept(kind="link", id="a", owner="minsu", body={"이름": "민수", "tries": 1})

    def work(tx: Tx) -> None:
        tx.keep(one)
        tx.keep(one.model_copy(update={"id": "b", "owner": "jiwon"}))
        tx.keep(Kept(kind="channel", id="a"))
        tx.keep(one.model_copy(update={"body": {"tries": 2}}))

    await store.write(work)
    assert await store.read(lambda tx: tx.kept("link", "a")) == one.model_copy(update={"body": {"tries": 2}})
    assert await store.read(lambda tx: tx.kept("link", "c")) is None
    assert [kept.id for kept in await store.read(lambda tx: tx.all_kept("link"))] == ["a", "b"]
    assert [kept.id for kept in await store.read(lambda tx: tx.all_kept("link", owner="jiwon"))] == ["b"]
    assert [kept.id for kept in await store.read(lambda tx: tx.all_kept("channel"))] == ["a"]


async def test_what_is_dropped_or_swept_is_gone_and_nothing_else(store: Store) -> None:
    def work(tx: Tx) -> int:
        tx.keep(Kept(kind="link", id="for-ever"))
        tx.keep(Kept(kind="link", id="over", until=NOW))
        tx.keep(Kept(kind="channel", id="later", until=NOW + timedelta(microseconds=1)))
        tx.keep(Kept(kind="link", id="unwanted"))
        tx.drop("link", "unwanted")
        tx.drop("link", "never-was")
        return tx.sweep_kept(NOW)

    assert await store.write(work) == 1
    assert [kept.id for kept in await store.read(lambda tx: tx.all_kept("link"))] == ["for-ever"]
    assert [kept.id for kept in await store.read(lambda tx: tx.all_kept("channel"))] == ["later"]


async def test_what_a_failed_transaction_kept_was_never_kept(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.keep(Kept(kind="link", id="a"))
        raise Invalid("no")

    with pytest.raises(Invalid):
        await store.write(work)
    assert await store.read(lambda tx: tx.kept("link", "a")) is None


async def test_many_things_are_kept_and_looked_up_at_once(store: Store) -> None:
    many = [Kept(kind="thing", id=f"k{number}", body={"n": number}, until=NOW) for number in range(300)]
    await store.write(lambda tx: tx.keep_all([*many, Kept(kind="other", id="k1")]))
    await store.write(lambda tx: tx.keep_all([Kept(kind="thing", id="k1", owner="me")]))
    found = await store.read(lambda tx: tx.kept_of("thing", [*(one.id for one in many), "nothing"]))
    assert (len(found), found["k1"].owner, found["k299"].body) == (300, "me", {"n": 299})
    assert await store.read(lambda tx: tx.kept_of("thing", [])) == {}
    await store.write(lambda tx: tx.keep_all([]))
    assert [await store.write(lambda tx: tx.drop("other", "k1")) for _ in range(2)] == [True, False]
    assert await store.write(lambda tx: tx.sweep_kept(NOW)) == 299
