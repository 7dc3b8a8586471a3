"""What every store of the response engine guarantees; one suite, run on SQLite and on memory."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from judgify.kit.errors import Unavailable
from judgify.kit.ids import new_id
from judgify.response import fold
from judgify.response import timeline as t
from judgify.response.account import LoginLink, Session, User
from judgify.response.model import (
    ENGINE,
    ActionItem,
    Actor,
    Approval,
    AutomationState,
    Drill,
    IncidentKey,
    Operation,
    Page,
    RenderedOperation,
    Rollout,
    RunbookRun,
    Signal,
)
from judgify.response.outbox import LEASE
from judgify.response.ports import Store, Tx
from judgify.response.stores.sqlite import SqliteStore
from judgify.response.subscriber import Subscriber

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MINSU = Actor(kind="person", name="minsu")


def signal(**fields: Any) -> Signal:
    values = {
        "service": "judgment",
        "signal": "service_down",
        "source": "probe",
        "observed_at": NOW,
        "received_at": NOW,
    }
    return Signal.model_validate({"id": new_id("sig"), **values, **fields})


def opening(incident_id: str, **fields: Any) -> t.IncidentOpened:
    key = IncidentKey(root="judgment", failure_class="service", drill=fields.pop("drill", None))
    values = {
        "title": "판단 서비스",
        "severity": "P1",
        "rule": "r",
        "reason": "r",
        "signal": signal(),
        "started_at": NOW,
    }
    return t.IncidentOpened.model_validate({"id": incident_id, "key": key, **values, **fields})


def page(**fields: Any) -> Page:
    values = {"incident_id": None, "kind": "page", "person": "p", "role": "r", "channel": "c", "row": "0"}
    return Page.model_validate({"id": new_id("pg"), "due_at": NOW, "created_at": NOW, **values, **fields})


async def test_what_was_appended_is_read_back_and_the_kept_fold_is_the_fold_of_the_entries(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.append("INC-2026-0001", ENGINE, NOW, [opening("INC-2026-0001")])
        tx.append("INC-2026-0001", MINSU, NOW + timedelta(seconds=1), [t.NoteAdded(text="<b>hostile</b> 한글 ")])

    await store.write(work)
    entries = await store.read(lambda tx: tx.entries("INC-2026-0001"))
    assert [entry.seq for entry in entries] == [1, 2]
    assert entries[1].number > entries[0].number
    incident = await store.read(lambda tx: tx.incident("INC-2026-0001"))
    assert incident == fold.fold(entries)
    assert incident is not None
    assert incident.notes[0].text == "<b>hostile</b> 한글 "
    assert await store.read(lambda tx: tx.entries("INC-2026-0001", after=1)) == entries[1:]
    assert await store.read(lambda tx: tx.incident("INC-2026-0009")) is None


async def test_what_raises_leaves_nothing_behind(store: Store) -> None:
    def work(tx: Tx) -> None:
        number = tx.next_number(2026)
        tx.append(f"INC-2026-{number:04d}", ENGINE, NOW, [opening(f"INC-2026-{number:04d}")])
        tx.save_page(page())
        tx.record_signal(signal(), "INC-2026-0001")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await store.read(lambda tx: tx.incidents()) == []
    assert await store.read(lambda tx: tx.pages()) == []
    assert await store.read(lambda tx: tx.signals("INC-2026-0001")) == []
    assert await store.read(lambda tx: tx.last_number()) == 0
    # The number was not taken either: numbers have no gaps.
    assert await store.write(lambda tx: tx.next_number(2026)) == 1


async def test_numbers_have_no_gaps_under_concurrency_and_begin_anew_each_year(store: Store) -> None:
    numbers = await asyncio.gather(*(store.write(lambda tx: tx.next_number(2026)) for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))
    assert await store.write(lambda tx: tx.next_number(2027)) == 1


async def test_the_engine_has_a_timeline_of_its_own(store: Store) -> None:
    event = t.NoteAdded(text="started")
    incident, entries = await store.write(lambda tx: tx.append(None, ENGINE, NOW, [event]))
    assert incident is None
    assert entries[0].incident_id is None
    await store.write(lambda tx: tx.append("INC-2026-0001", ENGINE, NOW, [opening("INC-2026-0001")]))
    assert [entry.event for entry in await store.read(lambda tx: tx.entries(None))] == [event]
    after = await store.read(lambda tx: tx.entries_after(entries[0].number))
    assert [entry.incident_id for entry in after] == ["INC-2026-0001"]
    assert await store.read(lambda tx: tx.last_number()) == after[-1].number


async def test_lists_are_filtered_and_newest_first(store: Store) -> None:
    def work(tx: Tx) -> None:
        for index in range(1, 4):
            incident_id = f"INC-2026-000{index}"
            started = NOW + timedelta(minutes=index)
            drill = "d" if index == 2 else None
            tx.append(incident_id, ENGINE, started, [opening(incident_id, started_at=started, drill=drill)])
        tx.append("INC-2026-0003", ENGINE, NOW, [t.IncidentResolved(reason="over")])

    await store.write(work)
    listed = await store.read(lambda tx: tx.incidents())
    assert [incident.id for incident in listed] == ["INC-2026-0003", "INC-2026-0002", "INC-2026-0001"]
    resolved = await store.read(lambda tx: tx.incidents(states=("resolved",)))
    assert [incident.id for incident in resolved] == ["INC-2026-0003"]
    assert await store.read(lambda tx: tx.incidents(severities=("P0",))) == []
    assert [i.id for i in await store.read(lambda tx: tx.incidents(drill="d"))] == ["INC-2026-0002"]
    assert [i.id for i in await store.read(lambda tx: tx.incidents(limit=1, offset=1))] == ["INC-2026-0002"]


async def test_repeats_of_a_signal_are_counted(store: Store) -> None:
    first = await store.write(lambda tx: tx.record_signal(signal(), "INC-2026-0001"))
    later = NOW + timedelta(seconds=9)
    second = await store.write(lambda tx: tx.record_signal(signal(received_at=later), "INC-2026-0001"))
    assert (first.count, second.count) == (1, 2)
    assert (second.first_at, second.last_at) == (NOW, later)
    await store.write(lambda tx: tx.record_signal(signal(signal="not_ready"), "INC-2026-0001"))
    await store.write(lambda tx: tx.record_signal(signal(), None, "rollout"))
    rows = await store.read(lambda tx: tx.signals("INC-2026-0001"))
    assert sorted((row.signal.signal, row.count) for row in rows) == [("not_ready", 1), ("service_down", 2)]


async def test_a_signal_s_id_is_stored_once(store: Store) -> None:
    kept = signal()
    await store.write(lambda tx: tx.record_signal(kept, "INC-2026-0001"))
    with pytest.raises(Unavailable):
        await store.write(lambda tx: tx.record_signal(kept, "INC-2026-0002"))


async def test_a_due_page_is_claimed_once_and_a_claim_that_ran_out_is_a_possible_repeat(store: Store) -> None:
    owed = page()
    await store.write(lambda tx: tx.save_page(owed))
    await store.write(lambda tx: tx.save_page(page(due_at=NOW + timedelta(hours=1))))
    assert [p.id for p in await store.read(lambda tx: tx.due_pages(NOW))] == [owed.id]
    lease = NOW + timedelta(seconds=20)
    claims = await asyncio.gather(*(store.write(lambda tx: tx.claim_page(owed.id, NOW, lease)) for _ in range(5)))
    taken = [claim for claim in claims if claim is not None]
    assert [(claim.token, claim.attempt, claim.possibly_repeat) for claim in taken] == [(1, 1, False)]
    assert await store.read(lambda tx: tx.next_page_due()) == lease
    assert await store.read(lambda tx: tx.due_pages(NOW)) == []
    again = await store.write(lambda tx: tx.claim_page(owed.id, lease, lease + timedelta(seconds=20)))
    assert again is not None
    assert (again.token, again.attempt, again.possibly_repeat) == (2, 2, True)
    await store.write(lambda tx: tx.save_page(again.model_copy(update={"state": "sent"})))
    assert await store.write(lambda tx: tx.claim_page(owed.id, NOW, lease)) is None
    assert await store.write(lambda tx: tx.claim_page("pg_none", NOW, lease)) is None
    assert await store.read(lambda tx: tx.next_page_due()) == NOW + timedelta(hours=1)


async def test_a_channel_can_be_left_out_of_what_is_due(store: Store) -> None:
    one, two = page(channel="sms"), page(channel="mail", due_at=NOW + timedelta(seconds=1))
    await store.write(lambda tx: tx.save_pages([one, two]))
    later = NOW + timedelta(seconds=2)
    assert await store.read(lambda tx: tx.due_pages(later)) == [one, two]
    assert await store.write(lambda tx: tx.owed_pages(later, 1)) == [one]
    assert await store.write(lambda tx: tx.owed_pages(later, without=("sms", "none"))) == [two]
    assert await store.read(lambda tx: tx.next_page_due()) == NOW
    assert await store.read(lambda tx: tx.next_page_due(without=["sms"])) == two.due_at
    assert await store.read(lambda tx: tx.next_page_due(without=["sms", "mail"])) is None
    assert await store.write(lambda tx: tx.claim_page(two.id, later, later + LEASE)) is not None
    assert await store.read(lambda tx: tx.next_page_due(without=["sms"])) == later + LEASE
    assert await store.write(lambda tx: tx.owed_pages(later)) == [one]


async def test_what_an_engine_had_claimed_is_owed_at_once_when_it_starts_again(store: Store) -> None:
    held, due, later = page(), page(), page(due_at=NOW + timedelta(hours=1))
    await store.write(lambda tx: tx.save_pages([held, due, later]))
    assert await store.read(lambda tx: tx.count_due(NOW)) == 2
    await store.write(lambda tx: tx.claim_page(held.id, NOW, NOW + LEASE))
    assert await store.read(lambda tx: tx.count_due(NOW)) == 1
    assert await store.write(lambda tx: tx.release_claims(NOW)) == 1
    assert await store.write(lambda tx: tx.release_claims(NOW)) == 0
    assert await store.read(lambda tx: tx.count_due(NOW)) == 2
    again = await store.write(lambda tx: tx.claim_page(held.id, NOW, NOW + LEASE))
    assert again is not None
    assert (again.token, again.possibly_repeat) == (2, True)


async def test_many_signals_are_stored_as_one_is(store: Store) -> None:
    one, again, other = signal(), signal(received_at=NOW + timedelta(seconds=2)), signal(signal="not_ready")
    rows = await store.write(
        lambda tx: tx.record_signals([(one, "I", None), (again, "I", None), (other, None, "rollout")])
    )
    assert [(row.signal.id, row.count, row.incident_id, row.suppressed) for row in rows] == [
        (one.id, 1, "I", None),
        (one.id, 2, "I", None),
        (other.id, 1, None, "rollout"),
    ]
    assert rows[1].last_at == again.received_at
    assert await store.read(lambda tx: tx.signals("I")) == [rows[1]]


async def test_how_often_signals_came_is_told_for_many_at_once(store: Store) -> None:
    many = [signal(service=f"s{number}") for number in range(600)]
    await store.write(
        lambda tx: tx.record_signals([*((one, "I", None) for one in many), (signal(service="s7"), None, "out")])
    )
    await store.write(lambda tx: tx.record_signal(signal(service="s3"), "I"))
    folds = [one.fold_key for one in many]
    counts = await store.read(lambda tx: tx.signal_counts("I", [*folds, "nothing"]))
    assert counts == {**dict.fromkeys(folds, 1), many[3].fold_key: 2}
    assert await store.read(lambda tx: tx.signal_counts(None, folds)) == {many[7].fold_key: 1}
    assert await store.read(lambda tx: tx.signal_counts("I", [])) == {}


async def test_pages_are_listed_by_due_time(store: Store) -> None:
    late, early = page(incident_id="I", due_at=NOW + timedelta(minutes=5)), page(incident_id="I")
    for item in (late, early, page(incident_id="J")):
        await store.write(lambda tx, item=item: tx.save_page(item))  # type: ignore[misc]
    assert [p.id for p in await store.read(lambda tx: tx.pages("I"))] == [early.id, late.id]
    assert len(await store.read(lambda tx: tx.pages())) == 3
    assert len(await store.read(lambda tx: tx.pages(limit=1))) == 1
    assert await store.read(lambda tx: tx.page(late.id)) == late


async def test_everything_else_is_kept_over_a_restart(  # noqa: PLR0915 - every table, one restart
    reopen: Callable[[], Any],
) -> None:
    rendered = RenderedOperation(
        operation=Operation(kind="restart", unit="judgment", arguments={"n": 1}),
        risk="guarded",
        will={"ko": "재시작", "en": "restart"},
        command="kubectl",
    )
    run = RunbookRun(
        id="run_1",
        incident_id="I",
        runbook="judgment",
        service="judgment",
        asked_by=ENGINE,
        created_at=NOW,
        due_at=NOW,
        memory={"seen": [1, {"a": None}]},
    )
    approval = Approval(
        id="apr_1",
        incident_id="I",
        run_id="run_1",
        step="restart",
        rendered=rendered,
        digest=rendered.digest,
        needed=2,
        asked_by=ENGINE,
        asked_at=NOW,
        lapses_at=NOW + timedelta(minutes=15),
    )
    action = ActionItem(id="act_1", incident_id="I", text="고치기", owner="dev-lead", due=NOW, created_at=NOW)
    drill = Drill(id="d1", scenario="s", services=("judgment",), started_at=NOW, by=MINSU, expires_at=NOW)
    rollout = Rollout(id="ro_1", service="judgment", reason="v2", by=MINSU, starts_at=NOW, ends_at=NOW + timedelta(1))
    held = AutomationState(held=True, reason="점검", by=MINSU, since=NOW)
    user = User(name="minsu", role="admin", created_at=NOW)
    session = Session(digest="d", user="minsu", csrf="c", created_at=NOW, expires_at=NOW)
    subscriber = Subscriber(id="sub_1", kind="email", address="a@example.com", created_at=NOW, asked_at=NOW)
    link = LoginLink(digest="l", user="minsu", created_at=NOW, expires_at=NOW)

    def work(tx: Tx) -> None:
        assert tx.automation() == AutomationState()
        tx.save_run(run)
        tx.save_approval(approval)
        tx.save_action(action)
        tx.save_drill(drill)
        tx.save_rollout(rollout)
        tx.save_automation(held)
        tx.save_user(user)
        tx.save_session(session)
        tx.save_link(link)
        tx.save_subscriber(subscriber)

    store = await reopen()
    await store.write(work)
    store = await reopen()

    def look(tx: Tx) -> None:
        assert tx.run("run_1") == run
        assert tx.runs("I", active=True) == [run]
        assert tx.runs("J") == []
        assert tx.approval("apr_1") == approval
        assert tx.approvals(waiting=True) == [approval]
        assert tx.action("act_1") == action
        assert tx.actions("I", undone=True) == [action]
        assert tx.drill("d1") == drill
        assert tx.drills() == [drill]
        assert tx.rollouts(NOW) == [rollout]
        assert tx.rollouts(NOW + timedelta(days=2)) == []
        assert tx.automation() == held
        assert tx.user("minsu") == user
        assert tx.users() == [user]
        assert tx.session("d") == session
        assert tx.link("l") == link
        assert tx.subscriber("sub_1") == tx.subscriber_of("a@example.com") == subscriber
        assert tx.subscribers() == [subscriber]
        assert tx.subscriber_of("b@example.com") is None
        assert [tx.run("x"), tx.approval("x"), tx.action("x"), tx.drill("x")] == [None] * 4
        assert [tx.user("x"), tx.session("x"), tx.link("x"), tx.page("x")] == [None] * 4

    await store.read(look)

    def settle(tx: Tx) -> None:
        tx.save_run(run.model_copy(update={"state": "done"}))
        tx.save_approval(approval.model_copy(update={"state": "used"}))
        tx.save_action(action.model_copy(update={"done_at": NOW}))
        tx.delete_sessions(user="minsu")
        tx.delete_subscriber("sub_1")

    await store.write(settle)
    assert await store.read(lambda tx: (tx.subscriber("sub_1"), tx.subscribers())) == (None, [])
    assert await store.read(lambda tx: (tx.runs(active=True), tx.approvals(waiting=True))) == ([], [])
    assert await store.read(lambda tx: tx.actions(undone=True)) == []
    assert await store.read(lambda tx: tx.session("d")) is None
    await store.write(lambda tx: tx.save_session(session))
    await store.write(lambda tx: tx.delete_sessions(digest="d"))
    assert await store.read(lambda tx: tx.session("d")) is None


async def test_the_file_is_its_owners_alone_and_survives_being_opened_twice(tmp_path: Path) -> None:
    path = tmp_path / "response" / "response.db"
    store = SqliteStore(path)
    with pytest.raises(Unavailable):
        await store.write(lambda tx: tx.next_number(2026))
    await store.open()
    await store.open()
    await store.write(lambda tx: tx.append(None, ENGINE, NOW, [t.NoteAdded(text="x")]))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    with pytest.raises(Unavailable):
        await store.read(lambda tx: tx.save_user(User(name="x", role="viewer", created_at=NOW)))
    await store.close()
    connection = sqlite3.connect(path)
    for statement in ("UPDATE entry SET type = 'x'", "DELETE FROM entry"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


async def test_a_full_disk_is_a_clear_error_and_nothing_is_half_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "response.db", max_pages=40)
    await store.open()
    written = 0

    def work(tx: Tx) -> None:
        tx.append(None, ENGINE, NOW, [t.NoteAdded(text="x" * 3_000)] * 4)

    async def fill() -> None:
        nonlocal written
        for _ in range(100):
            await store.write(work)
            written += 4

    with pytest.raises(Unavailable) as full:
        await fill()
    assert full.value.type_slug == "store-full"
    assert len(await store.read(lambda tx: tx.entries(None))) == written
    await store.close()


async def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "response.db")
    await store.open()
    await store.close()
    connection = sqlite3.connect(tmp_path / "response.db")
    connection.execute("INSERT INTO schema_version VALUES (9999, 'from the future')")
    connection.commit()
    connection.close()
    newer = SqliteStore(tmp_path / "response.db")
    with pytest.raises(Unavailable, match="newer"):
        await newer.open()
    await newer.close()
