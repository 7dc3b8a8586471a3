"""Dashboards from words on the real services: asked, run, kept, opened, drawn, streamed, looked at in a browser."""

import json
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.browser import chromium
from tests.support.core_process import CoreProcess, Home
from tests.support.core_service import running, until
from tests.support.stores import Postgres, free_port

from judgify.cli.dashboard_door import Door
from judgify.core.dashboard.app import build
from judgify.core.dashboard.picture import Draughtsman
from judgify.kit.clock import SystemClock
from judgify.kit.errors import Invalid, Unavailable
from judgify.kit.settings import Settings

pytestmark = [pytest.mark.guide("S06", "G27")]
URL = "/api/v2/dashboard"
HOSTILE = "<script>window.forged=1</script>"
DOCUMENT: dict[str, Any] = {
    "name": "온도 점검",
    "input_schema": {"type": "object", "properties": {"온도": {"type": "number"}, "line": {"type": "string"}}},
    "tables": [
        {
            "name": "판정표",
            "hit_policy": "F",
            "inputs": [{"name": "온도", "type": "number"}],
            "outputs": [{"name": "값", "type": "string"}],
            "rules": [
                {"id": "a", "when": {"온도": ">= 90"}, "then": {"값": "불량"}},
                {"id": "b", "when": {"온도": "[20..90)"}, "then": {"값": "양품"}},
            ],
        }
    ],
    "result": {"table": "판정표", "output": "값"},
}
INPUTS = [(95, "A-1"), (99, HOSTILE), (50, "A-1"), (60, "B-2"), (10, "A-1"), ("hot", "B-2")]


@pytest.fixture(scope="module")
def platform(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("dashboards"), postgres_server.make_database("dashboards"))
    names = ("workflow", "judgment", "logging", "action")
    processes = [CoreProcess(home, name) for name in names]
    try:
        for process in processes:
            process.start("/ready")
        with home.client("workflow") as client:
            made = client.post("/api/v2/workflow/workflows", json=DOCUMENT, params={"activate": "true"})
            assert made.status_code == 201, made.text
        with home.client("judgment") as client:
            for value, line in INPUTS:
                body = {"workflow_name": "온도 점검", "input_data": {"온도": value, "line": line}}
                assert client.post("/api/v2/judgment/execute", json=body).status_code in {200, 422}
        with home.client("logging", "service") as client:
            now = SystemClock().now().isoformat()
            lines = [
                {"timestamp": now, "level": level, "service": "judgment", "message": f"불러오기 실패 {number}"}
                for number, level in enumerate(["ERROR", "ERROR", "INFO"])
            ]
            assert client.post("/api/v2/logging/lines", json=lines).status_code == 201
        yield home
    finally:
        for process in processes:
            process.stop()


@asynccontextmanager
async def service(home: Home, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.from_env({**home.environ, **environ})
    async with running(build(settings, SystemClock()), settings.ports.of("dashboard")) as base:
        headers = {"Authorization": f"Bearer {home.token('responder', 'kim')}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as client:

            async def whole() -> bool:
                return bool((await client.get("/health")).json()["status"] != "down")

            await until(whole)
            yield client


async def generate(client: httpx.AsyncClient, request: str, **more: Any) -> Any:
    answer = await client.post(f"{URL}/generate", json={"request": request, **more})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["data"]


async def test_every_source_is_asked_and_its_figures_are_right(platform: Home) -> None:
    async with service(platform) as client:
        await until(lambda: counted(client, 6))
        data = await generate(client, "오늘 온도 점검 판정 결과 원 그래프", save=False)
        assert data["understood"].startswith("이해한 내용: 오늘, 온도 점검")
        assert data["panels"][0]["rows"] == [["해당", "4"], ["판정 불가", "1"], ["해당 없음", "1"]]
        [bars] = (await generate(client, "불량 판정을 라인별로", save=False))["panels"]
        assert sorted(bars["rows"]) == sorted([["A-1", "1"], [HOSTILE, "1"]])
        [rate] = (await generate(client, "온도 점검 성공률 게이지", save=False))["panels"]
        assert (rate["text"], rate["kind"]) == ("83.3 %", "gauge")
        [mean] = (await generate(client, "온도 점검 평균 온도", save=False))["panels"]
        assert mean["text"] == "62.8"
        [line] = (await generate(client, "judgments by workflow per hour today", save=False))["panels"]
        assert sum(int(row[-1]) for row in line["rows"]) >= 6
        [versus] = (await generate(client, "지난주 대비 이번주 판정 건수", save=False))["panels"]
        assert versus["base"] == 0
        assert versus["value"] >= 6
        errors = await generate(client, "판정 서비스 오류 로그 수", answers={"1.subject": "log"}, save=False)
        assert errors["panels"][0]["text"] == "2"
        [patterns] = (await generate(client, "top 5 error patterns", save=False))["panels"]
        assert patterns["rows"][0][1] == "2"
        [states] = (await generate(client, "actions by state", save=False))["panels"]
        assert (states["status"], states["text"]) == ("empty", "There is no data in this time.")
        [none] = (await generate(client, "2020-01-01 판정 건수 일별", save=False))["panels"]
        assert (none["status"], none["rows"]) == ("empty", [])
        [zero] = (await generate(client, "2020-01-01 판정 건수", save=False))["panels"]
        assert (zero["status"], zero["text"]) == ("empty", "0")
        for request in (
            "종류별 액션 시간별 추이",
            "p95 판정 시간 10분별",
            "서비스별 로그 수와 시간별 추이",
            "결과별 판정 표",
        ):
            found = await generate(client, request, save=False)
            assert {panel["status"] for panel in found["panels"]} <= {"ok", "empty"}, found
        metrics = (await client.get("/metrics")).text
    assert 'dashboard_generations_total{dashboard="generated",result="ok"}' in metrics
    assert 'dashboard_generation_time_count{dashboard="generated"}' in metrics


async def counted(client: httpx.AsyncClient, wanted: int) -> bool:
    [panel] = (await generate(client, "오늘 온도 점검 판정 건수", save=False))["panels"]
    return bool((panel["value"] or 0) >= wanted)


async def test_what_is_open_is_asked_and_what_is_unknown_is_named(platform: Home) -> None:
    async with service(platform) as client:
        asked = await generate(client, "판정 시간")
        assert (asked["status"], asked["panels"]) == ("questions", [])
        [question] = asked["questions"]
        answer = {question["id"]: question["choices"][0]["value"]}
        assert (await generate(client, "판정 시간", answers=answer, save=False))["status"] == "ready"
        refused = await client.post(f"{URL}/generate", json={"request": "매출을 보여줘"})
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (422, "urn:judgify:problem:request-not-understood")
        assert problem["unknown"] == ["매출"]
        assert len(problem["examples"]) == 5
        english = await client.post(f"{URL}/generate", json={"request": "please"})
        assert "not clear" in english.json()["detail"]
        for body in (
            {"request": ""},
            {"request": "판" * 10_000},
            {"request": "판정\x00"},
            {"request": "x", "lang": "fr"},
            {},
        ):
            assert (await client.post(f"{URL}/generate", json=body)).status_code == 422
        fine = "2026-01-01부터 2026-06-30까지 1분 단위 판정 건수와 오늘 판정 건수"
        [question] = (await generate(client, fine))["questions"]
        choices = [choice["value"] for choice in question["choices"]]
        assert "1m" not in choices
        ready = await generate(client, fine, answers={question["id"]: choices[0]}, save=False)
        assert [panel["status"] for panel in ready["panels"]] == ["empty", "ok"]


async def test_a_dashboard_is_kept_once_opened_renamed_and_removed_by_its_owner(platform: Home) -> None:
    async with service(platform) as client:
        body = {"request": "오늘 판정 건수", "name": "오늘"}
        first = await client.post(f"{URL}/generate", json=body, headers={"Idempotency-Key": "k1"})
        again = await client.post(f"{URL}/generate", json=body, headers={"Idempotency-Key": "k1"})
        other = await client.post(
            f"{URL}/generate", json={"request": "어제 판정 건수"}, headers={"Idempotency-Key": "k1"}
        )
        assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
        key = first.json()["data"]["dashboard"]["id"]
        assert again.json()["data"]["dashboard"]["id"] == key
        listed = (await client.get(f"{URL}/dashboards", params={"limit": 1})).json()
        assert listed["data"][0]["id"] == "judgments"
        opened = (await client.get(f"{URL}/dashboards/{key}", params={"lang": "en"})).json()["data"]
        assert opened["understood"].startswith("Understood: today")
        stranger = {"Authorization": f"Bearer {platform.token('commander', 'lee')}"}
        assert (await client.delete(f"{URL}/dashboards/{key}", headers=stranger)).status_code == 403
        renamed = await client.patch(f"{URL}/dashboards/{key}", json={"name": HOSTILE})
        assert renamed.json()["data"]["name"] == HOSTILE
        page = await client.get(f"{URL}/dashboards/{key}.html")
        assert HOSTILE not in page.text
        assert "unsafe" not in page.headers["content-security-policy"]
        async with client.stream("GET", f"{URL}/dashboards/{key}/stream") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    assert json.loads(line.removeprefix("data: "))["panels"][0]["number"] == 1
                    break
        admin = {"Authorization": f"Bearer {platform.token('admin', 'lee')}"}
        assert (await client.delete(f"{URL}/dashboards/{key}", headers=admin)).status_code == 200
        for path in (f"dashboards/{key}", f"dashboards/{key}.html", f"dashboards/{key}/panels/1.svg", "static/none"):
            assert (await client.get(f"{URL}/{path}")).status_code == 404, path
        assert (await client.patch(f"{URL}/dashboards/{key}", json={"name": "x"})).status_code == 404


async def test_pictures_hold_hangul_that_is_really_drawn(platform: Home, tmp_path: Path) -> None:
    async with service(platform) as client:
        data = await generate(client, "오늘 워크플로우별 판정 건수, 오늘 판정 건수, 결과별 판정 표")
        panels = f"{URL}/dashboards/{data['dashboard']['id']}/panels"
        svg = await client.get(f"{panels}/1.svg")
        assert svg.headers["content-type"] == "image/svg+xml"
        assert "온도 점검" in svg.text
        png = await client.get(f"{panels}/1.png", params={"theme": "dark"})
        assert png.content.startswith(b"\x89PNG")
        assert (await client.get(f"{panels}/3.png")).json()["type"] == "urn:judgify:problem:no-picture"
        assert (await client.get(f"{panels}/9.png")).status_code == 404
    draughtsman = Draughtsman(None, SystemClock())
    try:
        inked = [ink(await draughtsman.draw(written(text), "png")) for text in ("판정", "한글", "")]
        # Ink where the text is, another shape for another text, none for none: no empty boxes.
        assert inked[0] > 100
        assert inked[1] > 100
        assert inked[2] == 0
        pictures = [await draughtsman.draw(written(text), "png") for text in ("가", "나")]
        assert pictures[0] != pictures[1]
        for loading in ({"data": {"url": "file:///etc/hostname"}}, {"mark": {"type": "image"}}, {"a": deep(40)}):
            with pytest.raises(Invalid):
                await draughtsman.draw({**written("x"), **loading}, "svg")
        with pytest.raises(Invalid, match="KiB"):
            await draughtsman.draw({**written("x"), "description": "x" * 600_000}, "svg")
        with pytest.raises(Unavailable, match="could not be drawn"):
            await draughtsman.draw({"mark": "nonsense"}, "svg")
        assert draughtsman.pid is not None
    finally:
        await draughtsman.close()
    with pytest.raises(Unavailable, match="holds no font"):
        await Draughtsman(tmp_path, SystemClock()).draw(written("x"), "svg")


def written(text: str) -> dict[str, Any]:
    mark = {"type": "text", "text": text, "fontSize": 40, "font": "Pretendard"}
    return {"width": 120, "height": 80, "data": {"values": [{}]}, "mark": mark, "background": "#ffffff",
            "config": {"view": {"stroke": None}}}  # fmt: skip


def deep(levels: int) -> Any:
    return {} if levels == 0 else {"a": deep(levels - 1)}


def ink(png: bytes) -> int:
    """Count the pixels of a PNG (8-bit RGBA) that are not nearly white."""
    place, data, width = 8, b"", 0
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + size]
        width = struct.unpack(">I", body[:4])[0] if kind == b"IHDR" else width
        data += body if kind == b"IDAT" else b""
        place += 12 + size
    raw, stride, dark, before = zlib.decompress(data), width * 4 + 1, 0, bytearray(width * 4)
    for start in range(0, len(raw), stride):
        row = _unfiltered(raw[start], bytearray(raw[start + 1 : start + stride]), before)
        dark += sum(1 for place in range(0, len(row), 4) if row[place] < 200)
        before = row
    return dark


def _unfiltered(kind: int, row: bytearray, above: bytearray) -> bytearray:
    for place in range(len(row)):
        left = row[place - 4] if place >= 4 else 0
        up, corner = above[place], above[place - 4] if place >= 4 else 0
        guess = left + up - corner
        near = min((left, up, corner), key=lambda value: abs(guess - value))
        row[place] = (row[place] + (0, left, up, (left + up) // 2, near)[kind]) & 255
    return row


async def test_a_source_that_fails_is_told_on_its_panel_and_all_of_them_are_no_dashboard(platform: Home) -> None:
    body = b'{"data": {"rows": [{"keys": [1]}], "total": "many"}}'
    async with (
        servers.serving(servers.Web(body=body)) as port,
        service(platform, JUDGIFY_PORT_LOGGING=str(port), JUDGIFY_PORT_ACTION=str(free_port())) as client,
    ):
        data = await generate(client, "오늘 판정 건수, 오늘 로그 수, 상태별 액션", save=False)
        assert [panel["status"] for panel in data["panels"]] == ["ok", "error", "error"]
        assert "logging: the answer cannot be read" in data["panels"][1]["text"]
        assert data["panels"][2]["text"].startswith("action: ")
        alone = await client.post(f"{URL}/generate", json={"request": "오늘 로그 수"})
        assert alone.status_code == 503
        assert alone.json()["type"] == "urn:judgify:problem:dashboard-not-generated"
        page = await client.get(f"{URL}/ask.html", params={"q": "오늘 판정 건수, 오늘 로그 수"})
        assert "이 패널은 만들 수 없습니다" in page.text
    async with service(platform, JUDGIFY_PORT_WORKFLOW=str(free_port())) as client:
        assert (await generate(client, "오늘 판정 건수", save=False))["status"] == "ready"
        away = await client.post(f"{URL}/generate", json={"request": "온도 점검 판정 건수"})
        assert away.status_code == 503
        assert "names of workflows" in away.json()["detail"]


async def test_the_pages_answer_questions_by_links_and_show_problems(platform: Home) -> None:
    async with service(platform) as client:
        page = await client.get(f"{URL}/ask.html", params={"q": "판정 시간", "lang": "ko"})
        assert "a=1.stat%3Ap95" in page.text
        done = await client.get(f"{URL}/ask.html", params={"q": "판정 시간", "a": "1.stat:p95", "lang": "en"})
        assert "Understood:" in done.text
        svg = await client.get(f"{URL}/ask/1.svg", params={"q": "판정 시간", "a": "1.stat:p95"})
        assert svg.status_code == 200
        assert (await client.get(f"{URL}/ask/2.svg", params={"q": "오늘 판정 건수"})).status_code == 404
        lost = await client.get(f"{URL}/ask.html", params={"q": HOSTILE, "lang": "en"})
        assert (lost.status_code, HOSTILE in lost.text) == (422, False)
        assert "보고 싶은 것을" in (await client.get(f"{URL}/ask.html")).text
        assert (await client.get(f"{URL}/ask.html", params={"q": "판정", "a": "x"})).status_code == 422
        assert "판정 현황" in (await client.get(f"{URL}/dashboards.html", params={"lang": "ko"})).text


async def test_a_browser_draws_it_at_both_widths_without_eval_and_shows_it_without_javascript(platform: Home) -> None:
    import asyncio

    async with service(platform) as client:
        request = (
            "오늘 온도 점검 판정 결과를 시간별 선 그래프로, 오늘 결과별 판정 건수 원 그래프, 온도 점검 성공률 게이지"
        )
        data = await generate(client, request)
        token = platform.token("viewer")
        path = f"{URL}/dashboards/{data['dashboard']['id']}.html"
        with Door(str(client.base_url), token, path, 0) as door:
            serving = asyncio.get_running_loop().run_in_executor(None, lambda: door.serve_forever(poll_interval=0.05))
            try:
                await asyncio.to_thread(_look, door, path)
            finally:
                door.shutdown()
                await serving


def _look(door: Door, path: str) -> None:
    with httpx.Client(base_url=f"http://{door.address}", trust_env=False) as plain:
        for refused in (
            plain.get(path),
            plain.get("/enter/wrong"),
            plain.get("/enter/x", headers={"host": "elsewhere:80"}),
            plain.post(f"{URL}/generate", json={"request": "오늘 판정 건수"}),
            plain.get(path, headers={"cookie": f"judgify_dashboard={door.cookie}", "host": "elsewhere"}),
        ):
            assert refused.status_code == 403
        held = {"cookie": f"judgify_dashboard={door.cookie}"}
        assert plain.get("/api/v2/judgment/executions", headers=held).status_code == 404
        own = held | {"origin": f"http://{door.address}"}
        assert plain.post(f"{URL}/generate", json={"request": "x" * 70_000}, headers=own).status_code == 413
        made = plain.post(f"{URL}/generate", json={"request": "오늘 판정 건수", "save": False}, headers=own)
        assert made.status_code == 200
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(door.link)
        page.locator("body[data-drawn=yes]").wait_for(timeout=30_000)
        page.locator("#generated", has_text=":").wait_for(timeout=30_000)
        assert page.locator(".chart canvas").count() == 3
        assert page.evaluate("window.forged") is None
        # Something is really drawn: a canvas of one colour would be an empty chart.
        colours = page.evaluate(
            "[...document.querySelectorAll('.chart canvas')].map(c => new Set(c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data).size)"
        )
        assert all(number > 8 for number in colours), colours
        assert told == []
        for width, height in ((1280, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.reload()
            page.locator("body[data-drawn=yes]").wait_for(timeout=30_000)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        state = context.storage_state()
        quiet = browser.new_context(java_script_enabled=False, storage_state=state).new_page()
        quiet.goto(f"http://{door.address}{path}")
        assert quiet.locator(".chart img").count() == 3
        quiet.click("summary >> nth=1")
        assert "불량" in quiet.inner_text("main")
        used = browser.new_context().new_page()
        assert used.goto(door.link.replace("None", "x")).status == 403
