"""Signing in, refreshing, sessions, accounts and API keys, with real stores."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.gateway import Running, eventually, gateway
from tests.support.upstream import upstream

from judgify.core.gateway import access_token
from judgify.kit.auth import Principal, mint, service_principal
from judgify.kit.clock import SystemClock

PASSWORD = "correct horse battery"
NEW = "another fine sentence"


async def _add(running: Running, name: str, role: str = "responder") -> None:
    body = {"username": name, "password": PASSWORD, "role": role}
    answer = await running.client.post("/api/v2/auth/users", json=body, headers=running.cli)
    assert answer.status_code == 201, answer.text
    assert "password" not in answer.text.replace("password_at", "")


async def _login(running: Running, name: str, password: str = PASSWORD) -> Any:
    answer = await running.client.post("/api/v2/auth/login", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["data"]


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _status(running: Running, token: str, path: str = "/api/v2/auth/me") -> int:
    return (await running.client.get(path, headers=_with(token))).status_code


async def test_the_way_of_a_person_from_first_account_to_signing_out(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with (
        upstream() as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, database=postgres_url, redis=redis_url) as running,
    ):
        await _add(running, "mina")
        grant = await _login(running, "Mina ")
        assert grant["roles"] == ["responder"]
        assert grant["expires_in"] == 600
        me = (await running.client.get("/api/v2/auth/me", headers=_with(grant["access_token"]))).json()["data"]
        assert me == {
            "subject": "mina", "roles": ["responder"], "kind": "person", "session_id": grant["session_id"],
        }  # fmt: skip
        done = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(grant["access_token"]))
        assert done.status_code == 200
        listed = await running.client.get("/api/v2/auth/sessions", headers=_with(grant["access_token"]))
        assert [(row["id"], row["current"]) for row in listed.json()["data"]] == [(grant["session_id"], True)]
        out = await running.client.post("/api/v2/auth/logout", headers=_with(grant["access_token"]))
        assert out.status_code == 200
        gone = await running.client.get("/api/v2/auth/me", headers=_with(grant["access_token"]))
        assert (gone.status_code, gone.json()["type"]) == (401, "urn:judgify:problem:session-ended")
        again = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": grant["refresh_token"]})
        assert again.status_code == 401
        metrics = (await running.client.get("/metrics")).text
        assert "user_session_duration_count 1.0" in metrics
        assert "judgify_active_users 2.0" in metrics


async def test_refusals_say_the_same_for_a_wrong_password_an_unknown_and_a_locked_account(
    tmp_path: Path, postgres_url: str
) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        await _add(running, "locked")
        await running.client.patch("/api/v2/auth/users/locked", json={"disabled": True}, headers=running.cli)
        details = set()
        for name, word in (("mina", "wrong wrong wrong"), ("nobody", PASSWORD), ("locked", PASSWORD)):
            answer = await running.client.post("/api/v2/auth/login", json={"username": name, "password": word})
            assert answer.status_code == 401
            details.add((answer.json()["detail"], answer.json()["type"]))
        assert len(details) == 1


async def test_a_used_refresh_token_ends_the_whole_family(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url, redis=redis_url) as running:
        await _add(running, "mina")
        first = await _login(running, "mina")
        answer = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": first["refresh_token"]})
        second = answer.json()["data"]
        assert second["refresh_token"] != first["refresh_token"]
        assert await _status(running, second["access_token"]) == 200
        stolen = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": first["refresh_token"]})
        assert (stolen.status_code, stolen.json()["type"]) == (401, "urn:judgify:problem:refresh-reused")
        assert await _status(running, second["access_token"]) == 401
        assert await _status(running, first["access_token"]) == 401
        last = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": second["refresh_token"]})
        assert last.status_code == 401


async def test_two_refreshes_at_once_cannot_both_win(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        grant = await _login(running, "mina")
        body = {"refresh_token": grant["refresh_token"]}
        answers = await asyncio.gather(*(running.client.post("/api/v2/auth/refresh", json=body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_new_password_ends_the_other_sessions(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        here, there = await _login(running, "mina"), await _login(running, "mina")
        change = {"current_password": "no no no no no", "new_password": NEW}
        wrong = await running.client.post("/api/v2/auth/password", json=change, headers=_with(here["access_token"]))
        assert wrong.status_code == 403
        change["current_password"] = PASSWORD
        for weak in ("short", "mina mina mina mina", "aaaaaaaaaaaaaaaa"):
            answer = await running.client.post(
                "/api/v2/auth/password", json={**change, "new_password": weak}, headers=_with(here["access_token"])
            )
            assert (answer.status_code, answer.json()["type"]) == (422, "urn:judgify:problem:weak-password")
        right = await running.client.post("/api/v2/auth/password", json=change, headers=_with(here["access_token"]))
        assert right.json()["data"] == {"changed": True, "sessions_ended": 1}
        assert await _status(running, here["access_token"]) == 200
        assert await _status(running, there["access_token"]) == 401
        await _login(running, "mina", NEW)


async def test_roles_are_asked_for_and_changes_take_effect(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    async with (
        upstream() as judgment,
        upstream() as workflow,
        gateway(
            tmp_path, {"judgment": judgment.port, "workflow": workflow.port}, database=postgres_url, redis=redis_url
        ) as running,
    ):
        await _add(running, "reader", "viewer")
        token = (await _login(running, "reader"))["access_token"]
        assert await _status(running, token, "/api/v2/judgment/executions") == 200
        for method, path in (
            ("POST", "/api/v2/judgment/execute"),
            ("POST", "/api/v2/workflow/workflows"),
            ("GET", "/api/v2/auth/users"),
            ("POST", "/api/v2/auth/users"),
        ):
            answer = await running.client.request(method, path, json={}, headers=_with(token))
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:judgify:problem:denied"), path
        assert [heard.method for heard in judgment.heard] == ["GET"]
        raised = await running.client.patch(
            "/api/v2/auth/users/reader", json={"role": "commander"}, headers=running.cli
        )
        assert raised.json()["data"]["role"] == "commander"
        # The old session spoke for the old role: it is over.
        assert await _status(running, token) == 401
        token = (await _login(running, "reader"))["access_token"]
        made = await running.client.post("/api/v2/workflow/workflows", json={}, headers=_with(token))
        assert made.status_code == 200


async def test_sessions_of_others_can_be_ended_by_an_administrator_only(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        await _add(running, "boss", "admin")
        mina, boss = await _login(running, "mina"), await _login(running, "boss")
        path = "/api/v2/auth/sessions/"
        denied = await running.client.delete(path + boss["session_id"], headers=_with(mina["access_token"]))
        assert denied.status_code == 404
        ended = await running.client.delete(path + mina["session_id"], headers=_with(boss["access_token"]))
        assert ended.status_code == 200
        assert await _status(running, mina["access_token"]) == 401
        self_lock = await running.client.patch(
            "/api/v2/auth/users/boss", json={"disabled": True}, headers=_with(boss["access_token"])
        )
        assert self_lock.status_code == 409
        listed = await running.client.get("/api/v2/auth/users", headers=_with(boss["access_token"]))
        assert [row["username"] for row in listed.json()["data"]] == ["boss", "mina"]
        assert "argon2" not in listed.text


async def test_api_keys_are_shown_once_and_never_do_more_than_their_owner(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with (
        upstream() as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, database=postgres_url, redis=redis_url) as running,
    ):
        await _add(running, "mina")
        token = (await _login(running, "mina"))["access_token"]
        high = await running.client.post(
            "/api/v2/auth/api-keys", json={"name": "n", "role": "admin"}, headers=_with(token)
        )
        assert high.status_code == 403
        made = await running.client.post(
            "/api/v2/auth/api-keys",
            json={"name": "line 3", "role": "responder", "expires_in_days": 30},
            headers=_with(token),
        )
        key, number = made.json()["data"]["key"], made.json()["data"]["id"]
        assert key.startswith("jdg_")
        assert "hash" not in made.json()["data"]
        for headers in (_with(key), {"X-API-Key": key}):
            done = await running.client.post("/api/v2/judgment/execute", json={}, headers=headers)
            assert done.status_code == 200
        assert all(heard.header("x-api-key") is None for heard in judgment.heard)
        listed = (await running.client.get("/api/v2/auth/api-keys", headers=_with(token))).json()["data"]
        assert [row["id"] for row in listed] == [number]
        assert listed[0]["used_at"] is not None
        assert key not in str(listed)
        program = await running.client.get("/api/v2/auth/api-keys", headers=_with(key))
        assert program.status_code == 403
        for wrong in (key[:-1] + ("a" if key[-1] != "a" else "b"), "jdg_x", "jdg_" + "0" * 26 + "_" + "a" * 43):
            assert await _status(running, wrong) == 401
        await running.client.patch("/api/v2/auth/users/mina", json={"role": "viewer"}, headers=running.cli)
        less = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(key))
        assert less.status_code == 403
        over = await running.client.delete(f"/api/v2/auth/api-keys/{number}", headers=running.cli)
        assert over.json()["data"]["revoked_at"] is not None
        assert await _status(running, key) == 401
        missing = await running.client.delete("/api/v2/auth/api-keys/key_none", headers=running.cli)
        assert missing.status_code == 404


async def test_sign_in_attempts_are_limited_and_counted(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url, redis=redis_url, login_rate=0.01, login_burst=3) as running:
        name = tmp_path.name.replace("_", "-")
        body = {"username": name, "password": "x" * 12}
        answers = [await running.client.post("/api/v2/auth/login", json=body) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        metrics = (await running.client.get("/metrics")).text
        assert 'judgify_gateway_logins_total{result="limited"} 2.0' in metrics
        assert 'judgify_gateway_logins_total{result="refused"} 3.0' in metrics
    # Redis keeps the count across a restart of the gateway.
    async with gateway(tmp_path, {}, database=postgres_url, redis=redis_url, login_rate=0.01, login_burst=3) as running:
        answer = await running.client.post("/api/v2/auth/login", json={"username": name, "password": "x" * 12})
        assert answer.status_code == 429


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("login", b"{", 400),
        ("login", b"", 400),
        ("login", b"[]", 422),
        ("login", b'{"username":"a"}', 422),
        ("login", b'{"username":"a","password":"b","x":1}', 422),
        ("login", b'{"username":1,"password":"b"}', 422),
        ("login", b'{"username":"a\\u0000","password":"b"}', 422),
        ("login", b'{"username":"a\xff","password":"b"}', 400),
        ("login", b'{"username":"\' OR 1=1 --","password":"x"}', 401),
        ("login", b'{"username":"a","password":"' + b"x" * 2000 + b'"}', 422),
        ("login", b"[" * 50_000, 422),
        ("login", b'{"username":' + b"[" * 50_000, 422),
        ("login", b"x" * 10_000_000, 413),
        ("refresh", b'{"refresh_token":"nonsense"}', 401),
        ("users", b'{"username":"A B","password":"correct horse battery","role":"viewer"}', 422),
        ("users", b'{"username":"x; DROP TABLE users","password":"correct horse battery","role":"viewer"}', 422),
        ("users", b'{"username":"abc\\n","password":"correct horse battery","role":"viewer"}', 422),
        ("users", b'{"username":"cli","password":"correct horse battery","role":"viewer"}', 422),
        ("users", b'{"username":"abc","password":"correct horse battery","role":"root"}', 422),
        ("users", b'{"username":"abc","password":"short","role":"viewer"}', 422),
        ("api-keys", b'{"name":"","role":"viewer"}', 422),
        ("api-keys", b'{"name":"a","expires_in_days":0}', 422),
    ],
)
async def test_bad_input_is_a_clear_4xx_and_changes_nothing(
    tmp_path: Path, postgres_url: str, path: str, body: bytes, status: int
) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        answer = await running.client.post(f"/api/v2/auth/{path}", content=body, headers=running.cli)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.json()["detail"]) > 10
        connection = await asyncpg.connect(postgres_url)
        for table in ("users", "sessions", "api_keys"):
            assert await connection.fetchval(f"SELECT count(*) FROM gateway.{table}") == 0  # noqa: S608 - our own names
        await connection.close()


async def test_a_name_cannot_be_taken_twice_and_an_empty_change_is_refused(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        body = {"username": "mina", "password": PASSWORD, "role": "admin"}
        assert (await running.client.post("/api/v2/auth/users", json=body, headers=running.cli)).status_code == 409
        empty = await running.client.patch("/api/v2/auth/users/mina", json={}, headers=running.cli)
        assert empty.status_code == 422
        unknown = await running.client.patch("/api/v2/auth/users/nina", json={"disabled": True}, headers=running.cli)
        assert unknown.status_code == 404
        assert (await running.client.post("/api/v2/auth/logout", headers=running.cli)).status_code == 403


async def test_tokens_that_are_forged_expired_or_of_another_kind_are_refused(tmp_path: Path, postgres_url: str) -> None:
    clock = SystemClock()
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        secret = running.settings.jwt_secret
        rest: dict[str, Any] = {"subject": "root", "role": "admin", "session_id": "ses_x", "clock": clock}
        service = running.settings.service_secret
        for token in (
            access_token.issue("another secret that has enough length", ttl_s=600, **rest),
            access_token.issue(secret, ttl_s=-1, **rest),
            access_token.issue(secret, ttl_s=600, **rest),  # signed, but its session was never opened
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.",
            "x" * 5000,
            "é",
            mint(service, Principal("root", frozenset({"admin"})), clock),  # internal tokens of persons stay inside
            mint(service, service_principal("response"), clock, ttl_s=-5),
        ):
            answer = await running.client.get("/api/v2/auth/me", headers={b"Authorization": f"Bearer {token}".encode()})
            assert answer.status_code == 401, token
            assert answer.headers["www-authenticate"] == "Bearer"
            assert token not in answer.text
        good = mint(service, service_principal("response"), clock)
        assert await _status(running, good, "/api/v2/judgment/executions") == 502


async def test_lapsed_sessions_are_ended_and_their_length_is_measured(tmp_path: Path, postgres_url: str) -> None:
    async with gateway(tmp_path, {}, database=postgres_url) as running:
        await _add(running, "mina")
        grant = await _login(running, "mina")
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("UPDATE gateway.sessions SET expires_at = now() - interval '1 hour'")
        late = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": grant["refresh_token"]})
        assert (late.status_code, late.json()["type"]) == (401, "urn:judgify:problem:refresh-expired")
        assert await running.inside(running.gateway.tidy()) == 1
        assert await running.inside(running.gateway.tidy()) == 0
        assert await connection.fetchval("SELECT ended_why FROM gateway.sessions") == "expired"
        await connection.execute("UPDATE gateway.sessions SET ended_at = now() - interval '2 days'")
        await running.inside(running.gateway.tidy())
        assert await connection.fetchval("SELECT count(*) FROM gateway.refresh_tokens") == 0
        await connection.close()


async def test_keys_work_on_a_database_that_only_reads_for_now(tmp_path: Path, postgres_url: str) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}, database=postgres_url) as running:
        made = await running.client.post("/api/v2/auth/api-keys", json={"name": "a"}, headers=running.cli)
        name = postgres_url.rsplit("/", 1)[1]
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
        await connection.close()
        key = made.json()["data"]["key"]

        async def known() -> bool:
            # For a moment after the cut the database may be taken for one that does not answer.
            return await _status(running, key, "/api/v2/judgment/executions") == 200

        await eventually(known, 5)

        async def degraded() -> bool:
            parts = (await running.client.get("/health")).json()["parts"]
            return bool(parts["database"] == "degraded")

        await eventually(degraded, 5)
        made = await running.client.post("/api/v2/auth/api-keys", json={"name": "b"}, headers=running.cli)
        assert made.status_code == 503
