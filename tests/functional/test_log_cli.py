"""`judgify log …` on a whole installation: the guide's queries as printed, through the gateway."""

import asyncio
import json
import subprocess
import sys
import uuid
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.installation import Installation, until

pytestmark = [pytest.mark.guide("G19", "G25", "S05")]


def send(platform: Installation, message: str, level: str = "ERROR") -> None:
    answer = httpx.post(
        f"{platform.settings.url('gateway')}/api/v2/logging/lines",
        json=[{"level": level, "service": "trial", "message": message}],
        headers={"Authorization": f"Bearer {platform.settings.cli_token}"},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def test_the_guides_query_finds_an_error_of_this_minute(platform: Installation) -> None:
    word = f"시험{uuid.uuid4().hex}"
    send(platform, f"{word} 판단 실패 17건")
    shown = platform.ok("log", "search", "level:ERROR AND @timestamp:[now-15m TO now]", "--service", "trial")
    assert f"KST  ERROR     trial         {word} 판단 실패 17건" in shown
    rows = json.loads(platform.ok("log", "search", f"{word} AND level:>=ERROR", "--json"))
    assert [row["service"] for row in rows] == ["trial"]
    nothing = platform.run("log", "search", f"{word} AND level:DEBUG")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "no line matches\n")
    patterns = json.loads(platform.ok("log", "errors", "--limit", "100", "--json"))["patterns"]
    assert any(one["pattern"].endswith("판단 실패 <n>건") for one in patterns)
    assert "count" in platform.ok("log", "errors")


def test_a_query_that_cannot_be_read_shows_the_character(platform: Installation) -> None:
    done = platform.run("log", "search", "level:ERROR AND 판단~2")
    assert done.returncode == 1
    query, caret, sentence = done.stderr.splitlines()
    assert query == "  level:ERROR AND 판단~2"
    assert caret == " " * 22 + "^"
    assert sentence.startswith("judgify: the query cannot be read at character 19: fuzzy search")
    assert json.loads(platform.run("log", "search", "a~", "--json").stdout)["offset"] == 1
    assert platform.run("log", "tail", "-q", "(a").returncode == 1


def test_a_slow_statement_of_postgresql_is_found_by_duration(platform: Installation) -> None:
    mark = f"slow_{uuid.uuid4().hex[:8]}"

    async def slow() -> None:
        connection = await asyncpg.connect(platform.settings.database_url)
        await connection.execute(f"SELECT pg_sleep(1.1) AS {mark}")
        await connection.close()

    asyncio.run(slow())

    def shipped() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(platform.ok("log", "search", f"duration: AND {mark}", "--json"))
        return found

    rows = until(shipped, 30, "the slow statement")
    assert rows[0]["service"] == "postgres"
    assert rows[0]["fields"]["duration_ms"] >= 1100
    assert f"SELECT pg_sleep(?) AS {mark}" in platform.ok("log", "slow", "--limit", "100")


def test_a_tail_shows_lines_as_they_come(platform: Installation) -> None:
    word = f"tail{uuid.uuid4().hex}"
    command = [sys.executable, "-m", "judgify.cli", "log", "tail", "-q", word, "--json"]
    process = subprocess.Popen(command, env=platform.environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        # The tail tells nothing before its first line: lines are sent until one is seen.
        sender = subprocess.Popen(
            [sys.executable, "-c", _SENDER, platform.settings.url("gateway"), platform.settings.cli_token, word]
        )
        try:
            row = json.loads(process.stdout.readline())
        finally:
            sender.kill()
            sender.wait(10)
        assert row["message"] == f"{word} 7"
    finally:
        process.terminate()
        process.communicate(timeout=10)


_SENDER = """
import sys, time, httpx
base, token, word = sys.argv[1:]
line = {"level": "INFO", "service": "trial", "message": f"{word} 7"}
while True:
    headers = {"Authorization": f"Bearer {token}"}
    httpx.post(f"{base}/api/v2/logging/lines", json=[line], headers=headers, trust_env=False)
    time.sleep(0.5)
"""
