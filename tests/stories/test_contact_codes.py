"""A contact's address counts once its person has read a code there; the code is nowhere but in the message."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.response_world import MINSU, World, default_guide

from judgify.kit.errors import Conflict, Invalid, NotFound, TooMany
from judgify.notify import Message
from judgify.response.guide_policy import GuidePolicy
from judgify.response.pager.ticketed import coded
from judgify.response.verification import VALID, VERIFY, Codes, Verification, methods, verified

pytestmark = pytest.mark.guide("G22")
CODES = Codes("a secret of tests")


class Scene(World):
    """A world whose contacts have addresses of their own."""

    async def up(self) -> "Scene":
        known = default_guide()
        channels = dict(known.channels)
        for name in ("email-person", "sms", "email-ops-team"):
            channels[name] = channels[name].model_copy(update={"enabled": True})
        persons = dict(known.contacts.persons)
        persons["cto"] = persons["cto"].model_copy(update={"phone": "010-1111-2222", "email": "cto@ours.kr"})
        contacts = known.contacts.model_copy(update={"persons": persons})
        self.guide = replace(known, channels=channels, contacts=contacts)
        self.policy = GuidePolicy(self.guide)
        await super().up()
        self.codes = Verification(self.core.desk, CODES, self.guide)
        return self

    async def read(self, person: str, channel: str) -> str:
        """What the person reads in the newest message."""
        await self.tick()
        page = [one for one in self.pager.sent if (one.person, one.channel, one.row) == (person, channel, VERIFY)][-1]
        text = coded(Message(kind="notice", subject="", body="", dedup_key="k"), page, CODES).short
        return text.split("확인 코드 ")[1][:6]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await Scene(tmp_path).up()
    yield made
    await made.down()


async def test_a_code_that_was_read_verifies_the_address_and_no_other(scene: Scene) -> None:
    until = await scene.codes.send("cto", "sms", MINSU)
    assert until == scene.clock.now() + VALID
    code = await scene.read("cto", "sms")
    assert (await scene.codes.check("cto", "sms", f" {code[:3]} {code[3:]}", MINSU)).verified_at == scene.clock.now()
    listed = {(one.person, one.channel): one.verified_at is not None for one in await scene.codes.methods()}
    assert listed["cto", "sms"]
    assert not listed["cto", "email-person"]
    assert ("cto", "email-ops-team") not in listed
    assert await scene.core.desk.ask(lambda tx: verified(tx, scene.guide, "cto")) == {"sms"}
    # A code is used once, and another number is another address.
    with pytest.raises(Conflict):
        await scene.codes.check("cto", "sms", code, MINSU)
    persons = dict(scene.guide.contacts.persons)
    persons["cto"] = persons["cto"].model_copy(update={"phone": "010-9999-0000"})
    moved = replace(scene.guide, contacts=scene.guide.contacts.model_copy(update={"persons": persons}))
    assert await scene.core.desk.ask(lambda tx: verified(tx, moved, "cto")) == frozenset()
    found = await scene.core.desk.ask(lambda tx: methods(tx, moved))
    assert all(one.verified_at is None for one in found)


async def test_wrong_old_and_too_many_codes_verify_nothing(scene: Scene) -> None:
    await scene.codes.send("cto", "email-person", MINSU)
    with pytest.raises(TooMany):
        await scene.codes.send("cto", "email-person", MINSU)
    code = await scene.read("cto", "email-person")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        with pytest.raises(Invalid):
            await scene.codes.check("cto", "email-person", wrong, MINSU)
    with pytest.raises(Conflict):
        await scene.codes.check("cto", "email-person", code, MINSU)
    await scene.clock.advance(31)
    await scene.codes.send("cto", "email-person", MINSU)
    late = await scene.read("cto", "email-person")
    assert late != code
    await scene.clock.advance(VALID.total_seconds())
    with pytest.raises(Conflict):
        await scene.codes.check("cto", "email-person", late, MINSU)
    assert await scene.core.desk.ask(lambda tx: verified(tx, scene.guide, "cto")) == frozenset()


@pytest.mark.parametrize(
    ("person", "channel", "error"),
    [
        ("nobody", "sms", NotFound), ("cto", "nothing", NotFound), ("cto", "console", Invalid),
        ("cto", "email-ops-team", Invalid), ("cto", "pagerduty", Invalid), ("ceo", "sms", Invalid),
    ],
)  # fmt: skip
async def test_what_has_no_address_of_its_own_cannot_be_verified(
    scene: Scene, person: str, channel: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await scene.codes.send(person, channel, MINSU)


async def test_the_code_is_in_no_store_and_no_log(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    await scene.codes.send("cto", "sms", MINSU)
    code = await scene.read("cto", "sms")
    await scene.codes.check("cto", "sms", code, MINSU)
    await scene.clock.advance(timedelta(minutes=1).total_seconds())
    kept = await scene.core.desk.ask(
        lambda tx: [*tx.all_kept("method"), *tx.all_kept("method-code"), *tx.pages(), *tx.entries(None)]
    )
    assert code not in "\n".join(one.model_dump_json() for one in kept) + "".join(capfd.readouterr())
