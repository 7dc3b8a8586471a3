import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judgify.core.gateway import access_token, apikey
from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.identity import Authenticator
from judgify.core.gateway.record import Record, RecordCache
from judgify.kit.auth import Principal, cli_principal, mint, service_principal, verify
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Unauthenticated, Unavailable
from judgify.kit.settings import Settings

START = datetime(2026, 1, 5, tzinfo=UTC)
JWT = "the secret of the access tokens, long enough"
SERVICE = "the secret of the service tokens, long enough"


class _Memory:
    """The credential store, in memory."""

    def __init__(self) -> None:
        self.up = True
        self.sessions: dict[str, Record] = {}
        self.keys: dict[tuple[str, bytes], Record] = {}
        self.asked = 0
        self.entered = asyncio.Event()
        self.wait = asyncio.Event()
        self.wait.set()

    async def session_record(self, session_id: str) -> Record:
        self.asked += 1
        self.entered.set()
        found = self.sessions.get(session_id, Record(active=False))
        await self.wait.wait()
        if not self.up:
            raise Unavailable
        return found

    async def key_record(self, key_id: str, digest: bytes) -> Record:
        if not self.up:
            raise Unavailable
        return self.keys.get((key_id, digest), Record(active=False))


class _House:
    def __init__(self, home: Path) -> None:
        self.clock = FakeClock(START)
        self.store = _Memory()
        self.records = RecordCache(RedisDoor(None), self.clock)
        env = {"JWT_SECRET": JWT, "JUDGIFY_SERVICE_SECRET": SERVICE}
        settings = Settings.from_env(env, home=home)
        self.door = Authenticator(settings, self.records, self.store, self.clock)

    def token(self, session_id: str = "ses_1", role: str = "viewer") -> str:
        return access_token.issue(JWT, subject="mina", role=role, session_id=session_id, clock=self.clock, ttl_s=600)


@pytest.fixture
def house(tmp_path: Path) -> _House:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "cli_token").write_text("the-command-lines-token")
    return _House(tmp_path)


async def test_the_command_lines_token_is_read_anew_each_second(house: _House, tmp_path: Path) -> None:
    assert (await house.door.identify("the-command-lines-token")).principal == cli_principal()
    (tmp_path / "secrets" / "cli_token").write_text("a-new-token")
    await house.door.identify("the-command-lines-token")
    await house.clock.advance(1)
    with pytest.raises(Unauthenticated):
        await house.door.identify("the-command-lines-token")
    assert (await house.door.identify("a-new-token")).principal.kind == "bootstrap"
    (tmp_path / "secrets" / "cli_token").unlink()
    await house.clock.advance(1)
    with pytest.raises(Unauthenticated):
        await house.door.identify("a-new-token")


@pytest.mark.parametrize("token", [None, "", "x" * 5000, "é", "a.b.c", "jdg_", "jdg_short"])
async def test_nonsense_is_nobody(house: _House, token: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await house.door.identify(token)


async def test_a_session_speaks_with_the_role_that_it_has_now(house: _House) -> None:
    house.store.sessions["ses_1"] = Record(active=True, subject="mina", role="commander")
    identity = await house.door.identify(house.token())
    assert identity.principal == Principal("mina", frozenset({"commander"}), "person")
    assert identity.session_id == "ses_1"
    with pytest.raises(Unauthenticated):
        await house.door.identify(house.token("ses_unknown"))


async def test_a_token_known_from_before_expires_on_time(house: _House) -> None:
    house.store.sessions["ses_1"] = Record(active=True, subject="mina", role="viewer")
    token = house.token()
    await house.door.identify(token)
    await house.door.identify(token)
    await house.clock.advance(600)
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            await house.door.identify(token)
        assert caught.value.type_slug == "token-expired"


async def test_in_an_outage_a_signed_token_is_believed_until_it_expires_and_a_key_is_not(house: _House) -> None:
    house.store.up = False
    token = house.token(role="responder")
    identity = await house.door.identify(token)
    assert identity.principal.roles == {"responder"}
    with pytest.raises(Unavailable):
        await house.door.identify(apikey.make().text)
    await house.clock.advance(600)
    with pytest.raises(Unauthenticated):
        await house.door.identify(token)


async def test_a_key_is_known_by_its_whole_text(house: _House) -> None:
    key = apikey.make()
    house.store.keys[key.id, key.hash] = Record(active=True, subject=f"key:{key.id}", role="responder")
    identity = await house.door.identify(key.text)
    assert identity.principal == Principal(f"key:{key.id}", frozenset({"responder"}), "service")
    assert identity.session_id is None
    other = key.text[:-1] + ("A" if key.text[-1] != "A" else "B")
    with pytest.raises(Unauthenticated):
        await house.door.identify(other)


async def test_service_tokens_of_services_pass_and_of_persons_do_not(house: _House) -> None:
    service = mint(SERVICE, service_principal("response"), house.clock)
    assert (await house.door.identify(service)).principal == service_principal("response")
    person = mint(SERVICE, Principal("mina", frozenset({"admin"})), house.clock)
    with pytest.raises(Unauthenticated):
        await house.door.identify(person)


async def test_minted_tokens_are_kept_for_half_a_minute(house: _House) -> None:
    principal = Principal("mina", frozenset({"viewer"}))
    first = house.door.service_token(principal)
    assert verify(SERVICE, first, house.clock) == principal
    await house.clock.advance(29)
    assert house.door.service_token(principal) == first
    await house.clock.advance(2)
    second = house.door.service_token(principal)
    assert second != first
    assert verify(SERVICE, second, house.clock) == principal


async def test_all_who_ask_at_once_share_one_question(house: _House) -> None:
    house.store.sessions["ses_1"] = Record(active=True, subject="mina", role="viewer")
    token = house.token()
    await asyncio.gather(*(house.door.identify(token) for _ in range(20)))
    assert house.store.asked == 1


async def test_an_end_that_comes_while_the_store_is_read_wins(house: _House) -> None:
    house.store.sessions["ses_1"] = Record(active=True, subject="mina", role="viewer")
    house.store.wait.clear()
    asking = asyncio.create_task(house.door.identify(house.token()))
    await house.store.entered.wait()
    await house.records.put("session:ses_1", Record(active=False))
    house.store.wait.set()
    with pytest.raises(Unauthenticated):
        await asking
    with pytest.raises(Unauthenticated):
        await house.door.identify(house.token())
