"""Stories of the first 15 minutes (guide chapter 3): receipts, team, scope, checklist clocks, customers."""

import re

import pytest
from tests.support.response_world import CLI, JIWON, MINSU, World

from judgify.kit.errors import Denied, Invalid, NotFound, TooMany
from judgify.response import operation_entry, receipt
from judgify.response import timeline as t
from judgify.response.model import ENGINE, Delivery, Page
from judgify.response.subscriber import address_of

REFUSED = Delivery(outcome="refused", detail="no such box", reason="rejected")


async def events_of(world: World, incident_id: str | None, kind: type) -> list[object]:
    entries = await world.core.desk.ask(lambda tx: tx.entries(incident_id))
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


@pytest.mark.guide("G08", "G11")
async def test_receipt_is_confirmed_only_when_every_channel_and_person_has_one(world: World) -> None:
    def but_one(page: Page) -> Delivery:
        refused = page.person == "devops-lead" and page.channel == "mailbox"
        return REFUSED if refused else Delivery(outcome="sent", detail="receipt 7")

    world.pager.answer = but_one
    incident_id = await world.fails("gateway")
    await world.tick()
    incident = await world.incident(incident_id)
    found = receipt.receipts(incident, await world.pages(incident_id), world.clock.now())
    assert [(one.person, one.channel, one.answer) for one in receipt.missing(found)] == [
        ("devops-lead", "mailbox", "refused")
    ]
    assert all(one.at is not None and one.detail == "receipt 7" for one in found if one.answer == "sent")
    assert "receipt_confirmed" not in incident.checklist
    shown = receipt.view(found)
    assert shown["missing"] == ["devops-lead (mailbox): refused"]
    assert not shown["complete"]
    # A person who takes it has received it: that is a tick by hand.
    taken = await world.core.engine.acknowledge(incident_id or "", MINSU)
    assert taken.checklist["receipt_confirmed"].how == "person"


@pytest.mark.guide("G08", "G11")
async def test_with_all_receipts_the_engine_ticks_by_itself(world: World) -> None:
    incident_id = await world.fails("gateway")
    await world.tick()
    incident = await world.incident(incident_id)
    mark = incident.checklist["receipt_confirmed"]
    assert (mark.how, mark.actor) == ("machine", ENGINE)
    assert (mark.at - incident.started_at).total_seconds() < 60
    assert {"console", "mailbox"} <= set(mark.detail.split(", "))
    assert incident.checklist["management_reported"].how == "machine"
    assert incident.checklist["announced"].how == "machine"


@pytest.mark.guide("G03", "G08")
async def test_p0_and_p1_convene_the_team_and_p2_names_one_owner(world: World) -> None:
    team = ("ops-lead", "devops-lead", "infra-engineer")
    first = await world.incident(await world.fails("gateway"))
    assert (first.severity, first.team, first.responder) == ("P0", team, "ops-lead")
    owner = await world.incident(await world.fails("redis"))
    assert (owner.severity, owner.team) == ("P2", ())
    assert owner.responder
    assert owner.checklist["responder_named"].how == "machine"
    worse = await world.core.engine.severity(owner.id, "P1", "고객 영향", MINSU)
    assert worse.team == team
    moved = await world.core.engine.assign(owner.id, "dev-lead", JIWON)
    assert moved.responder == "dev-lead"


@pytest.mark.guide("G09")
async def test_what_cannot_be_measured_is_said_and_ticks_nothing(world: World) -> None:
    incident_id = await world.fails("gateway")
    await world.tick()
    incident = await world.incident(incident_id)
    assert incident.scope is not None
    assert incident.scope.missing == ("figures: nothing was measured",)
    assert incident.scope.now == {}
    assert "scope_attached" in incident.checklist
    assert "impact_attached" not in incident.checklist
    # It is looked at again while the clock runs, but the same gap is not told again.
    await world.passing(60)
    assert len(await events_of(world, incident_id, t.ScopeCaptured)) == 1
    again = await world.core.scribe.refresh(incident_id or "", MINSU)
    assert again.scope is not None
    assert again.scope.at > incident.scope.at
    assert len(await events_of(world, incident_id, t.ScopeCaptured)) == 2


@pytest.mark.guide("G11")
async def test_a_step_out_of_time_is_told_once_and_to_those_who_were_paged(world: World) -> None:
    world.pager.answer = lambda page: Delivery(outcome="sent") if page.payload else REFUSED
    incident_id = await world.fails("redis")
    await world.passing(30)
    assert (await world.incident(incident_id)).overdue == ()
    await world.passing(60)
    assert (await world.incident(incident_id)).overdue == ("receive",)
    await world.passing(15 * 60)
    late = [event.step for event in await events_of(world, incident_id, t.ChecklistOverdue)]  # type: ignore[attr-defined]
    assert len(late) == len(set(late))
    assert {"receive", "scope"} <= set(late)
    told = [page for page in world.pager.sent if page.payload.get("checklist") == "receive"]
    assert told
    assert {page.kind for page in told} == {"notice"}
    assert len({(page.person, page.channel) for page in told}) == len(told)


@pytest.mark.guide("G10")
async def test_customers_hear_once_and_only_after_a_person_said_so(world: World) -> None:
    subscriptions = world.core.engine.subscriptions
    await subscriptions.subscribe("email", "Kim@Example.com", "ko", "192.0.2.1")
    await subscriptions.subscribe("sms", "010-1234-5678", "en", "192.0.2.2")
    await subscriptions.subscribe("email", "late@example.com", "ko", "192.0.2.3")
    await world.tick()
    asked = {page.address: page for page in world.pager.sent if page.row == "subscription"}
    assert set(asked) == {"kim@example.com", "+821012345678", "late@example.com"}
    for address in ("kim@example.com", "+821012345678"):
        found = re.search(r"token=(\S+)", asked[address].payload["text"])
        assert found
        await subscriptions.confirm(found[1])
        await subscriptions.confirm(found[1])

    incident_id = await world.fails("gateway") or ""
    await world.tick()
    assert [page for page in world.pager.sent if page.row == "customers"] == []
    texts = {"ko": "장애 안내", "en": "Incident"}
    with pytest.raises(Denied):
        await world.core.engine.announce(incident_id, "customers", texts, ENGINE)
    for _ in range(2):
        await world.core.engine.announce(incident_id, "customers", texts, MINSU, once="key")
    await world.core.engine.announce(incident_id, "customers", {"ko": "다른 글", "en": "x"}, MINSU, once="key")
    await world.core.engine.announce(incident_id, "customers", texts, JIWON, once="another")
    await world.tick()
    sent = [page for page in world.pager.sent if page.row == "customers"]
    assert {page.address for page in sent} == {"kim@example.com", "+821012345678"}
    assert len(sent) == 2
    english = next(page for page in sent if page.address.startswith("+82"))
    assert english.payload["text"].startswith("Incident\n")
    incident = await world.incident(incident_id)
    assert [(a.audience, a.sent_by) for a in incident.announcements if a.audience == "customers"] == [
        ("customers", MINSU)
    ]
    assert incident.checklist["customers_informed"].actor == MINSU
    # The outcome of each is kept, the address is not; the timeline names nobody.
    kept = [page for page in await world.pages(incident_id) if page.row == "customers"]
    assert {(page.outcome, page.address, "text" in page.payload) for page in kept} == {("sent", "", False)}
    delivered = await events_of(world, incident_id, t.PageDelivered)
    assert not any("subscriber" in str(event) or "example.com" in str(event) for event in delivered)

    out = re.search(r"unsubscribe\?token=(\S+)", english.payload["text"])
    assert out
    await subscriptions.unsubscribe(out[1])
    assert [one.kind for one in await subscriptions.listed() if one.confirmed_at] == ["email"]
    await subscriptions.unsubscribe(out[1])  # twice is once
    left = (await subscriptions.listed())[0]
    with pytest.raises(NotFound):
        await subscriptions.unsubscribe(f"{left.id}.{'0' * 40}")
    assert left in await subscriptions.listed()


@pytest.mark.guide("G10")
async def test_subscribing_tells_nothing_wakes_nobody_twice_and_is_forgotten_when_unconfirmed(world: World) -> None:
    subscriptions = world.core.engine.subscriptions
    for _ in range(2):
        await subscriptions.subscribe("email", "kim@example.com", "ko", "192.0.2.1")
    await world.tick()
    assert len([page for page in world.pager.sent if page.row == "subscription"]) == 1
    for address in ("a@example.com", "b@example.com", "c@example.com"):
        await subscriptions.subscribe("email", address, "ko", "192.0.2.1")
    with pytest.raises(TooMany):
        await subscriptions.subscribe("email", "d@example.com", "ko", "192.0.2.1")
    await subscriptions.subscribe("email", "d@example.com", "ko", "192.0.2.9")
    one = (await subscriptions.listed())[0]
    with pytest.raises(NotFound):
        await subscriptions.confirm(f"{one.id}.{'0' * 40}")
    with pytest.raises(NotFound):
        # A link of one purpose opens nothing of another.
        await subscriptions.confirm(subscriptions.token("end", one))
    await subscriptions.remove(one.id)
    with pytest.raises(NotFound):
        await subscriptions.remove(one.id)
    late = (await subscriptions.listed())[0]
    await world.clock.advance(25 * 3600)
    with pytest.raises(NotFound):
        await subscriptions.confirm(subscriptions.token("confirm", late))
    await world.tick()
    assert await subscriptions.listed() == []


@pytest.mark.parametrize("text", ["", "kim", "kim@", "a@b", "kim@example.com\nBcc: x@example.com", "kim @example.com"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        address_of("email", text)


def test_telephone_numbers_have_one_form() -> None:
    assert address_of("sms", "010 1234-5678") == address_of("sms", "+82 10-1234-5678") == "+821012345678"
    with pytest.raises(Invalid):
        address_of("sms", "119")


@pytest.mark.guide("G12")
async def test_only_an_emergency_action_runs_without_an_incident(world: World) -> None:
    run = {"incident_id": None, "dry_run": False}
    with pytest.raises(Invalid):
        await world.core.engine.run_runbook("gateway", "gateway", CLI, step="restart", **run)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        await world.core.engine.run_runbook("emergency", "gateway", CLI, step=None, **run)  # type: ignore[arg-type]
    made = await world.core.engine.run_runbook("emergency", "gateway", CLI, step="restart-gateway", **run)  # type: ignore[arg-type]
    await world.tick()
    done = await world.core.desk.ask(lambda tx: tx.run(made.id))
    assert done is not None
    assert done.state == "done"
    # It is told on the engine's own timeline, with who asked for it.
    own = await world.core.desk.ask(lambda tx: tx.entries(None))
    assert [entry.actor for entry in own if isinstance(entry.event, operation_entry.OperationStarted)] == [CLI]
