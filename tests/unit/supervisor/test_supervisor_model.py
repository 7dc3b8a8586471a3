from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.kit.errors import Conflict, Invalid
from judgify.kit.supervisor_types import UnitSpec
from judgify.supervisor import model
from judgify.supervisor.model import Process, UnitRecord

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def spec(name: str = "judgment", release: str = "1.0", **more: object) -> UnitSpec:
    return UnitSpec.model_validate({"name": name, "command": ["run", release], "release": release, **more})


def unit(**more: object) -> UnitRecord:
    return model.define(spec(**more), NOW, "test", "first")  # type: ignore[arg-type]


def process(index: int = 0, *, ended: bool = False, started: datetime = NOW) -> Process:
    return Process(
        index=index,
        pid=100 + index,
        identity="boot:1",
        revision=1,
        started_at=started,
        exited_at=NOW + timedelta(seconds=5) if ended else None,
        log="x.log",
    )


def release(record: UnitRecord, name: str, *, healthy: bool) -> None:
    model.redefine(record, spec(release=name), NOW, "test", f"release {name}")
    if healthy:
        model.mark_healthy(record, record.current, NOW)


def test_a_restart_then_a_rollback_yields_the_older_release() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    release(record, "2.0", healthy=True)
    model.add_revision(record, NOW, "test", "restart")
    before, after = model.roll_back(record, NOW, "test", "bad release")
    assert (before.release, after.release, after.number) == ("2.0", "1.0", 4)
    assert after.command == ("run", "1.0")


def test_a_rollback_skips_releases_that_were_never_healthy() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    release(record, "2.0", healthy=False)
    release(record, "3.0", healthy=False)
    _, after = model.roll_back(record, NOW, "test", "bad release")
    assert after.release == "1.0"


def test_a_rollback_takes_the_newest_healthy_revision_of_another_release() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    release(record, "2.0", healthy=True)
    release(record, "3.0", healthy=True)
    assert model.roll_back(record, NOW, "test", "x")[1].release == "2.0"
    # And again from there: never back to the release that was left for its fault.
    assert model.roll_back(record, NOW, "test", "x")[1].release == "1.0"
    with pytest.raises(Conflict):
        model.roll_back(record, NOW, "test", "x")
    # Defined anew it is a release like any other.
    release(record, "3.0", healthy=True)
    release(record, "4.0", healthy=True)
    assert model.roll_back(record, NOW, "test", "x")[1].release == "3.0"


def test_a_rollback_is_marked_as_one_and_a_release_is_not() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    release(record, "2.0", healthy=True)
    model.roll_back(record, NOW, "test", "x")
    model.add_revision(record, NOW, "test", "restart")
    assert [known.rollback for known in record.revisions] == [False, False, True, False]
    assert [known.withdrawn_at for known in record.revisions] == [None, NOW, None, None]


def test_a_rollback_without_a_healthy_ancestor_is_refused_and_changes_nothing() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    model.add_revision(record, NOW, "test", "restart")
    with pytest.raises(Conflict, match=r"no release other than 1\.0"):
        model.roll_back(record, NOW, "test", "x")
    assert record.current == 2


def test_emergency_changes_survive_a_rollback() -> None:
    record = unit(env={"A": "1"})
    model.mark_healthy(record, 1, NOW)
    model.redefine(record, spec(release="2.0", env={"A": "2"}), NOW, "test", "new")
    model.change_env(record, {"ENABLE_LLM_ENGINE": "false"}, [])
    model.roll_back(record, NOW, "test", "x")
    assert model.environment(record) == {"A": "1", "ENABLE_LLM_ENGINE": "false"}


def test_defining_the_same_again_makes_no_revision() -> None:
    record = unit()
    assert model.redefine(record, spec(), NOW, "test", "same") is False
    assert model.redefine(record, spec(stop_timeout_s=3), NOW, "test", "not part of a revision") is False
    assert record.spec.stop_timeout_s == 3
    assert model.redefine(record, spec(release="2.0"), NOW, "test", "new") is True
    assert [known.number for known in record.revisions] == [1, 2]


def test_a_unit_cannot_be_redefined_under_another_name() -> None:
    with pytest.raises(Invalid, match="cannot redefine"):
        model.redefine(unit(), spec(name="other"), NOW, "test", "x")


def test_only_the_first_time_a_revision_is_healthy_is_noted() -> None:
    record = unit()
    assert model.mark_healthy(record, 1, NOW) is True
    assert model.mark_healthy(record, 1, NOW + timedelta(hours=1)) is False
    assert model.mark_healthy(record, 99, NOW) is False
    assert record.revision.healthy_at == NOW


def test_pruning_keeps_the_current_revision_and_the_way_back() -> None:
    record = unit()
    model.mark_healthy(record, 1, NOW)
    release(record, "2.0", healthy=True)
    for _ in range(2 * model.KEEP_REVISIONS):
        model.add_revision(record, NOW, "test", "restart")
    assert len(record.revisions) == model.KEEP_REVISIONS + 1
    assert model.roll_back(record, NOW, "test", "x")[1].release == "1.0"


def test_the_five_states() -> None:
    record = unit()
    assert model.state(record, NOW) == "stopped"
    record.desired = "running"
    assert model.state(record, NOW) == "failed"
    assert model.state(record, NOW, preparing=True) == "starting"
    record.processes = [process()]
    assert model.state(record, NOW) == "starting"
    assert model.state(record, NOW + timedelta(seconds=31)) == "running"
    model.mark_healthy(record, 1, NOW)
    assert model.state(record, NOW) == "running"
    record.processes = [process(ended=True)]
    assert model.state(record, NOW) == "exited"
    record.failure = "could not be spawned"
    assert model.state(record, NOW) == "failed"
    assert model.state(record, NOW, preparing=True) == "starting"
    record.desired = "stopped"
    assert model.state(record, NOW) == "stopped"


def test_since_when() -> None:
    record = unit()
    assert model.since(record) is None
    record.processes = [process(ended=True), process(1, ended=True)]
    assert model.since(record) == NOW + timedelta(seconds=5)
    record.processes = [process(ended=True), process(1, started=NOW + timedelta(seconds=9))]
    assert model.since(record) == NOW + timedelta(seconds=9)


def test_a_changed_variable_can_be_undone_by_its_own_answer() -> None:
    record = unit(env={"A": "1", "B": "2"})
    undo = model.change_env(record, {"A": "10", "C": "3"}, ["B"])
    assert model.environment(record) == {"A": "10", "C": "3"}
    assert undo == {"set": {"A": "1", "B": "2"}, "unset": ["C"]}
    model.change_env(record, {"A": "1", "B": "2"}, ["C"])
    assert model.environment(record) == {"A": "1", "B": "2"}
    assert (record.env_set, record.env_unset) == ({}, [])


@pytest.mark.parametrize(("to_set", "to_unset"), [({}, []), ({"A": "1"}, ["A"])])
def test_a_senseless_change_of_variables_is_refused(to_set: dict[str, str], to_unset: list[str]) -> None:
    with pytest.raises(Invalid):
        model.change_env(unit(), to_set, to_unset)


names = st.sampled_from(["A", "B", "C", "D"])


@given(
    shipped=st.dictionaries(names, st.sampled_from("xyz")),
    changes=st.lists(
        st.tuples(st.dictionaries(names, st.sampled_from("xyz")), st.lists(names, unique=True)), max_size=4
    ),
)
def test_any_change_of_variables_followed_by_its_undo_is_as_before(
    shipped: dict[str, str], changes: list[tuple[dict[str, str], list[str]]]
) -> None:
    record = unit(env=shipped)
    for to_set, to_unset in changes:
        only_set = {name: value for name, value in to_set.items() if name not in to_unset}
        if not only_set and not to_unset:
            continue
        before = model.environment(record)
        undo = model.change_env(record, only_set, to_unset)
        after = model.environment(record)
        assert after == {k: v for k, v in {**before, **only_set}.items() if k not in to_unset}
        if undo["set"] or undo["unset"]:
            model.change_env(record, undo["set"], undo["unset"])  # type: ignore[arg-type]
        assert model.environment(record) == before
        model.change_env(record, only_set, to_unset)


def test_units_start_after_what_they_depend_on() -> None:
    units = [
        spec("gateway", depends_on=["postgres", "redis"]),
        spec("postgres"),
        spec("redis", depends_on=["not-ours"]),
        spec("dashboard", depends_on=["gateway"]),
    ]
    assert model.order(units) == [["postgres", "redis"], ["gateway"], ["dashboard"]]


def test_a_circle_of_dependencies_is_named() -> None:
    with pytest.raises(Invalid, match="circle: a, b"):
        model.order([spec("a", depends_on=["b"]), spec("b", depends_on=["a"])])


def test_a_crash_loop_is_slowed_but_never_ended() -> None:
    pauses = [model.pause_before_restart(quick) for quick in range(20)]
    assert pauses[0] == pauses[1] == 0.1
    assert pauses[1] + 0.5 < 2  # back within two seconds of the first exit
    assert pauses == sorted(pauses)
    assert pauses[-1] == 15.0


def test_a_record_survives_the_disk() -> None:
    record = unit(env={"A": "1"})
    record.processes = [process()]
    model.mark_healthy(record, 1, NOW)
    again = UnitRecord.model_validate_json(record.model_dump_json())
    assert again == record
    assert [one.pid for one in again.living] == [100]


@pytest.mark.parametrize(
    ("prepare", "value", "expected"),
    [
        ("postgres", "true", ("-c", "default_transaction_read_only=on")),
        ("postgres", "false", ()),
        ("postgres", None, ()),
        ("redis", "true", ()),
    ],
)
def test_the_read_only_variable_reaches_postgresql_alone(
    prepare: str, value: str | None, expected: tuple[str, ...]
) -> None:
    env = {} if value is None else {"POSTGRES_READ_ONLY": value}
    assert model.store_arguments(spec(prepare=prepare), env) == expected
