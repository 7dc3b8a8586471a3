"""Guessing passwords costs more with every guess; the owner of the account gets in all the same."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from tests.support.gateway import Running, gateway
from tests.support.upstream import echo, upstream

from judgify.core.gateway import lockout
from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.lockout import FREE
from judgify.kit.clock import SystemClock
from judgify.kit.errors import TooMany

pytestmark = pytest.mark.guide("S00")
PASSWORD = "correct horse battery"
ATTACKER, OWNER = "198.51.100.7", "203.0.113.9"


def cheap(running: Running) -> None:
    """Hash with little work: these tests are about counting, and the real cost is a second on a busy machine."""
    running.gateway._passwords._hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


def unique(letter: str, folder: Path) -> str:
    """Give a user name of this test's own: Redis is shared."""
    return letter + folder.name.replace("_", "")[-20:].lower()


async def sign_in(running: Running, name: str, password: str, address: str) -> Any:
    return await running.client.post(
        "/api/v2/auth/login", json={"username": name, "password": password}, headers={"x-forwarded-for": address}
    )


async def add(running: Running, name: str, role: str = "viewer") -> None:
    body = {"username": name, "password": PASSWORD, "role": role}
    made = await running.client.post("/api/v2/auth/users", json=body, headers=running.cli)
    assert made.status_code == 201, made.text


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_who_hammers_an_account_does_not_lock_its_owner_out(
    tmp_path: Path, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    monkeypatch.setattr(lockout, "FIRST_S", 100)
    name = unique("u", tmp_path)
    async with gateway(
        tmp_path, {}, database=postgres_url, redis=redis_url if shared else None,
        trusted_proxies="127.0.0.1", login_rate=1000, login_burst=1000,
    ) as running:  # fmt: skip
        cheap(running)
        await add(running, name)
        # All at once, so that each is counted before any password was looked at.
        answers = await asyncio.gather(*(sign_in(running, name, f"wrong {n}", ATTACKER) for n in range(12)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [401] * FREE + [429] * (12 - FREE)
        waits = [int(answer.headers["retry-after"]) for answer in answers if answer.status_code == 429]
        assert all(90 <= wait <= 100 for wait in waits)
        # The right password does not help the attacker's address while it has to wait, and tells it nothing.
        assert (await sign_in(running, name, PASSWORD, ATTACKER)).status_code == 429
        # The owner comes from elsewhere, and other accounts are free.
        assert (await sign_in(running, name, PASSWORD, OWNER)).status_code == 200
        assert (await sign_in(running, "nobody", PASSWORD, ATTACKER)).status_code == 401


async def test_a_right_password_clears_what_was_counted(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    name = unique("v", tmp_path)
    async with gateway(
        tmp_path, {}, database=postgres_url, redis=redis_url,
        trusted_proxies="127.0.0.1", login_rate=1000, login_burst=1000,
    ) as running:  # fmt: skip
        cheap(running)
        await add(running, name)
        for _ in range(3):
            answers = [await sign_in(running, name, "wrong", ATTACKER) for _ in range(FREE - 1)]
            assert {answer.status_code for answer in answers} == {401}
            assert (await sign_in(running, name, PASSWORD, ATTACKER)).status_code == 200


async def test_the_delay_doubles_up_to_a_bound(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "FIRST_S", 100)
    door = RedisDoor(redis_url)
    try:
        counted = lockout.Lockout(door, SystemClock())
        key = f"doubling:{time.monotonic_ns()}"
        for _ in range(FREE - 1):
            await counted.begin(key)
        waits = []
        for _ in range(6):
            await counted.begin(key)
            waits.append(await wait_of(counted, key))
            # The time is over: what an attempt finds after its delay.
            await door.use(lambda client: client.hset(f"judgify:lockout:{key}", "until", 0))
        assert waits == [100, 200, 400, 800, 900, 900]
    finally:
        await door.close()


async def wait_of(counted: lockout.Lockout, key: str) -> int:
    with pytest.raises(TooMany) as refused:
        await counted.begin(key)
    return int(refused.value.fields["retry_after_s"])


async def test_one_address_cannot_use_up_what_an_account_may_be_tried(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(
        tmp_path, {}, database=postgres_url, trusted_proxies="127.0.0.1", login_rate=0.01, login_burst=3
    ) as running:
        cheap(running)
        await add(running, "mina")
        for _ in range(40):
            await sign_in(running, "mina", "wrong", ATTACKER)
        assert (await sign_in(running, "mina", PASSWORD, OWNER)).status_code == 200


async def test_an_unknown_account_takes_as_long_as_a_known_one(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(
        tmp_path, {}, database=postgres_url, trusted_proxies="127.0.0.1", login_rate=1000, login_burst=1000
    ) as running:
        # A quarter of the real work, still most of what an answer takes.
        running.gateway._passwords._hasher = PasswordHasher(time_cost=3, memory_cost=16 * 1024, parallelism=1)
        await add(running, "mina")
        await sign_in(running, "warm", "wrong wrong", OWNER)
        took: dict[str, list[float]] = {"mina": [], "nobody": []}
        for number in range(7):
            for name, seen in took.items():
                started = time.perf_counter()
                answer = await sign_in(running, name, "wrong wrong", f"192.0.2.{number}")
                seen.append(time.perf_counter() - started)
                assert answer.status_code == 401
        # argon2id is most of it; without it an answer takes a twentieth. The least of each is free of the machine.
        known, unknown = min(took["mina"]), min(took["nobody"])
        assert known / 2 < unknown < known * 2


async def test_guessing_in_a_stolen_session_is_delayed_and_the_sign_in_is_not(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "FIRST_S", 100)
    async with gateway(
        tmp_path, {}, database=postgres_url, trusted_proxies="127.0.0.1", login_rate=1000, login_burst=1000
    ) as running:
        cheap(running)
        await add(running, "mina")
        token = (await sign_in(running, "mina", PASSWORD, ATTACKER)).json()["data"]["access_token"]
        body = {"current_password": "wrong", "new_password": "another horse battery"}
        stolen = {"authorization": f"Bearer {token}"}
        codes = [
            (await running.client.post("/api/v2/auth/password", json=body, headers=stolen)).status_code
            for _ in range(FREE + 2)
        ]
        assert codes[:FREE] == [403] * FREE
        assert codes[FREE:] == [429] * 2
        assert (await sign_in(running, "mina", PASSWORD, OWNER)).status_code == 200


async def test_the_fast_lane_forgets_at_once_who_signed_out_or_may_do_less(tmp_path: Path, postgres_url: str) -> None:
    async with (
        upstream(echo) as judgment,
        gateway(
            tmp_path, {"judgment": judgment.port}, database=postgres_url, way="fast",
            trusted_proxies="127.0.0.1", login_rate=1000, login_burst=1000,
        ) as running,
    ):  # fmt: skip
        cheap(running)
        await add(running, "mina", "responder")
        grants = [(await sign_in(running, "mina", PASSWORD, OWNER)).json()["data"] for _ in range(2)]
        heads = [{"authorization": f"Bearer {grant['access_token']}"} for grant in grants]

        async def rides(head: dict[str, str]) -> int:
            for _ in range(50):
                await running.warm("judgment")
                before = running.gateway.lane.passed
                answer = await running.client.post("/api/v2/judgment/execute", json={}, headers=head)
                if answer.status_code != 200 or running.gateway.lane.passed > before:
                    return answer.status_code
            raise AssertionError("nothing went over the fast lane")

        assert [await rides(head) for head in heads] == [200, 200]
        await running.client.post("/api/v2/auth/logout", headers=heads[0])
        assert [await rides(head) for head in heads] == [401, 200]
        changed = await running.client.patch("/api/v2/auth/users/mina", json={"role": "viewer"}, headers=running.cli)
        assert changed.status_code == 200
        assert await rides(heads[1]) == 401

        made = await running.client.post(
            "/api/v2/auth/api-keys", json={"name": "k", "role": "responder"}, headers=running.cli
        )
        key = {"x-api-key": made.json()["data"]["key"]}
        assert await rides(key) == 200
        await running.client.delete(f"/api/v2/auth/api-keys/{made.json()['data']['id']}", headers=running.cli)
        assert await rides(key) == 401
