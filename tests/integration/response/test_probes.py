"""Probes, scrapes and diagnosis against real servers, well-behaved and not."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.response import GUIDE, RememberingSink
from tests.support.stores import Postgres, Valkey, free_port
from tests.support.supervised import CLOCK, new_home

from judgify.kit.settings import Settings
from judgify.response.impact import Stretch, Targets
from judgify.response.intake.probe import HttpProbe, Look, PostgresProbe, RedisProbe
from judgify.response.intake.prober import Prober, Target
from judgify.response.intake.threshold import ThresholdWatch
from judgify.response.intake.watch import Watch, targets
from judgify.response.metrics.http import get
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.metrics.text import Figures
from judgify.response.metrics.window import Scrape
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.runbook.diagnose import Diagnosis, Senses
from judgify.response.runbook.redis_info import memory_of

Answers = dict[str, bytes]


def http(status: int, body: str, *, extra: str = "") -> bytes:
    length = f"Content-Length: {len(body.encode())}\r\n" if "Transfer" not in extra else ""
    return f"HTTP/1.1 {status} x\r\n{length}{extra}\r\n{body}".encode()


@asynccontextmanager
async def serving(answers: Answers) -> AsyncIterator[str]:
    """A server that answers each path with the bytes it was given; an empty answer hangs up, None never answers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).split()
        path = words[1].decode() if len(words) > 1 else ""
        if path in answers:
            writer.write(answers[path])
            await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def service(health: str = "ok", status: int = 200, parts: str = "{}", ready: int = 200) -> Answers:
    return {
        "/live": http(200, '{"status":"ok"}'),
        "/ready": http(ready, '{"status":"ok"}'),
        "/health": http(status, f'{{"status":"{health}","parts":{parts}}}'),
    }


async def look_at(answers: Answers, *, speaks_for_all: bool = False) -> Look:
    async with serving(answers) as url:
        probe = HttpProbe(url, CLOCK, timeout_s=0.3, speaks_for_all=speaks_for_all)
        return await probe.look()


async def test_a_good_service() -> None:
    look = await look_at(service())
    assert (look.live, look.ready, look.health, look.good, look.detail) == (True, True, "ok", True, "")


async def test_what_is_wrong_is_named() -> None:
    look = await look_at(service("down", 503, '{"database":"down","redis":"ok"}', ready=503))
    assert (look.live, look.ready, look.health, look.good) == (True, False, "down", False)
    assert look.detail == "/ready answered 503; /health: down (database down)"
    assert look.parts == {"database": "down", "redis": "ok"}


async def test_a_degraded_service_is_good_and_the_gateway_need_only_answer() -> None:
    assert (await look_at(service("degraded"))).good is True
    assert (await look_at(service("down", 503))).good is False
    assert (await look_at(service("down", 503), speaks_for_all=True)).good is True


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (b"", "the connection broke"),
        (b"SSH-2.0-OpenSSH\r\n", "not a valid answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", "not a valid answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "the connection broke"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "not a valid answer"),
        (http(500, "boom"), "/live answered 500"),
    ],
)
async def test_a_service_that_answers_nonsense_is_not_alive(live: bytes, said: str) -> None:
    look = await look_at({**service(), "/live": live})
    assert look.live is False
    assert said in look.detail


async def test_a_service_that_accepts_and_never_answers_is_not_alive() -> None:
    look = await look_at({"/ready": http(200, "{}")})
    assert (look.live, look.detail) == (False, "/live: no answer in time")


async def test_health_that_is_no_json_goes_by_its_status() -> None:
    assert (await look_at({**service(), "/health": http(200, "fine")})).health == "ok"
    assert (await look_at({**service(), "/health": http(503, "[]")})).health == "down"
    assert (await look_at({**service(), "/health": http(404, "")})).health is None
    assert "no answer in time" in (await look_at({k: v for k, v in service().items() if k != "/health"})).detail


async def test_a_chunked_answer_is_put_together() -> None:
    chunks = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    async with serving({"/x": http(200, chunks, extra="Transfer-Encoding: chunked\r\n")}) as url:
        assert (await get(f"{url}/x", timeout_s=1)).text() == "abcdefg"
        with pytest.raises(ValueError, match="larger"):
            await get(f"{url}/x", timeout_s=1, limit=5)


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    async with serving({"/x": b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}'}) as url:
        assert dict((await get(f"{url}/x", timeout_s=1)).document()) == {"a": 1}


async def test_postgresql_is_asked_and_a_frozen_one_is_down() -> None:
    folder = new_home()
    server = Postgres(folder / "server").create()
    try:
        url = server.make_database("probe")
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        probe = PostgresProbe(url, "127.0.0.1", port, CLOCK, timeout_s=0.5)
        assert (await probe.look()).good is True
        looks = await asyncio.gather(*(probe.look() for _ in range(5)))
        assert {look.health for look in looks} == {"ok"}
        server.freeze()
        try:
            look = await probe.look()
        finally:
            server.thaw()
        assert (look.live, look.detail) == (False, "handshake: no answer in time")
        wrong = PostgresProbe(url.replace("/probe", "/nothing"), "127.0.0.1", port, CLOCK, timeout_s=0.5)
        look = await wrong.look()
        assert (look.live, look.good, look.health) == (True, False, "down")
        await probe.close()
        await wrong.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    gone = await PostgresProbe(url, "127.0.0.1", port, CLOCK, timeout_s=0.5).look()
    assert (gone.live, gone.detail) == (False, "handshake: connection refused")


@asynccontextmanager
async def talking(reply: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await reader.read(1024)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_postgresql_that_is_starting_says_so() -> None:
    refusal = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
    async with talking(lambda _: b"E" + (len(refusal) + 4).to_bytes(4, "big") + refusal) as port:
        look = await PostgresProbe("postgresql://x@127.0.0.1/x", "127.0.0.1", port, CLOCK, timeout_s=0.5).look()
    assert (look.live, look.detail) == (False, "handshake: refused with SQLSTATE 57P03")


async def test_redis_is_pinged(valkey_server: Valkey) -> None:
    port = int(valkey_server.url.rsplit(":", 1)[1].split("/")[0])
    look = await RedisProbe("127.0.0.1", port, CLOCK).look()
    assert (look.live, look.good) == (True, True)
    memory = await memory_of(valkey_server.url)
    assert memory.used > 0
    dead = await RedisProbe("127.0.0.1", free_port(), CLOCK, timeout_s=0.3).look()
    assert (dead.live, dead.detail) == (False, "PING: connection refused")


@pytest.mark.parametrize(
    ("answer", "live", "detail"),
    [
        (b"-LOADING Redis is loading\r\n", True, "PING answered -LOADING Redis is loading"),
        (b"-NOAUTH Authentication required.\r\n", True, ""),
        (b"", False, "PING: the connection broke"),
    ],
)
async def test_what_redis_may_say_instead(answer: bytes, live: object, detail: str) -> None:
    async with talking(lambda _: answer) as port:
        look = await RedisProbe("127.0.0.1", port, CLOCK, timeout_s=0.5).look()
        assert (look.live, look.detail) == (live, detail)
        with pytest.raises((ValueError, EOFError, OSError)):
            await memory_of(f"redis://:secret@127.0.0.1:{port}/0")


class Frozen:
    """A probe of ours that was late itself."""

    async def look(self) -> Look:
        return Look(None, detail="late")

    async def close(self) -> None:
        pass


class Broken(Frozen):
    async def look(self) -> Look:
        raise RuntimeError


async def _nothing(*_: object) -> None:
    pass


@pytest.mark.parametrize("probe", [Frozen(), Broken()])
async def test_a_prober_that_is_late_doubts_itself_and_says_nothing_of_the_service(probe: Frozen) -> None:
    told: list[object] = []

    async def tell(*news: object) -> None:
        told.append(news)

    async with Prober({"x": Target("x", probe)}, CLOCK, on_turn=tell, on_look=tell) as prober:
        assert prober.suspect is False
        for _ in range(5):
            await prober.step("x")
        assert (prober.suspect, prober.condition("x"), told) == (True, "unknown", [])
        assert prober.last("x") is None


async def test_a_fault_of_whoever_is_told_does_not_stop_the_looking() -> None:
    async def fault(*_: object) -> None:
        raise RuntimeError

    class Good(Frozen):
        async def look(self) -> Look:
            return Look(live=True, ready=True, health="ok", good=True)

    async with Prober({"x": Target("x", Good())}, CLOCK, on_turn=fault, on_look=fault) as prober:
        await prober.step("x")
        assert prober.condition("x") == "good"
        prober.nudge("y")
        assert prober.outages("y") == ()
        assert prober.good_at("y") is None


METRICS = """# TYPE http_requests_total counter
http_requests_total{job="g",method="GET",route="/api",status="200"} %d
http_requests_total{job="g",method="GET",route="/api",status="500"} %d
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1000
"""


async def test_figures_are_scraped_and_compared() -> None:
    answers = {"/metrics": http(200, METRICS % (100, 0))}
    async with serving(answers) as url:
        metrics = ScrapedMetrics({"gateway": url, "dashboard": url + "/nothing"}, CLOCK)
        began = CLOCK.now()
        await metrics.scrape("gateway")
        answers["/metrics"] = http(200, METRICS % (120, 10))
        await metrics.scrape("gateway")
        answers["/metrics"] = http(200, "nonsense{")
        assert (await metrics.scrape("gateway")).figures is None
        live = metrics.now()
        assert live.error_percentage == pytest.approx(100 / 3)
        assert live.memory_bytes == 1000
        assert live.judgments_per_minute is None
        impact = metrics.impact(Stretch(began, CLOCK.now()), Targets(), availability=50.0)
        assert impact.line("api_calls").during == 30
        assert impact.line("sla_availability_percentage").during == 50.0
        assert impact.line("judgments").during is None


async def test_a_threshold_is_crossed_only_when_it_lasts() -> None:
    metrics = ScrapedMetrics({"gateway": "http://127.0.0.1:1"}, CLOCK)
    now = CLOCK.now()
    buckets = ((1.0, 0.0), (10.0, 0.0), (float("inf"), 0.0))
    metrics.scrapes.add(
        "gateway", Scrape(now - timedelta(seconds=10), Figures({"requests": 0, "errors": 0}, {}, buckets))
    )
    slow = ((1.0, 0.0), (10.0, 100.0), (float("inf"), 100.0))
    metrics.scrapes.add("gateway", Scrape(now, Figures({"requests": 100, "errors": 10}, {}, slow)))
    rules = [rule.model_copy(update={"for_s": 5, "services": ("gateway",)}) for rule in GUIDE.intake.metrics]
    watch = ThresholdWatch(rules, metrics)
    assert watch.look(now) == []
    found = {crossing.rule.signal: crossing.value for crossing in watch.look(now + timedelta(seconds=6))}
    assert found["error_rate"] == pytest.approx(0.1)
    assert found["p95_seconds"] > 3
    assert watch.look(now + timedelta(hours=1)) == []


async def test_every_diagnose_step_of_the_guide_gives_a_finding(
    tmp_path: Path, redis_url: str, postgres_url: str
) -> None:
    orchestrator = MemoryOrchestrator(CLOCK)
    for entry in GUIDE.services.values():
        orchestrator.define(entry.unit)
    orchestrator.say("judgment", "ERROR something password=hunter2secret")
    environ = {"JUDGIFY_HOME": str(tmp_path), "REDIS_URL": redis_url, "DATABASE_URL": postgres_url}
    settings = Settings.from_env({**environ, "JUDGIFY_PORT_BASE": str(free_port())})
    prober = Prober(targets(GUIDE, settings, CLOCK), CLOCK, on_turn=_nothing, on_look=_nothing)
    metrics = ScrapedMetrics({}, CLOCK)
    senses = Senses(
        guide=GUIDE, settings=settings, clock=CLOCK, orchestrator=orchestrator, prober=prober, metrics=metrics
    )
    async with prober:
        for book in GUIDE.runbooks.values():
            findings = await Diagnosis(senses).run(book.diagnose, book.service)
            assert [finding.step for finding in findings] == [step.id for step in book.diagnose]
            assert not [finding for finding in findings if finding.failed]
            assert "hunter2secret" not in "".join(finding.text for finding in findings)
        orchestrator.dead = True
        failed = await Diagnosis(senses).run(GUIDE.runbooks["judgment"].diagnose[:1], "judgment")
        assert (failed[0].failed, failed[0].facts) == (True, {})


async def test_crossed_thresholds_reach_the_sink_and_a_failing_sense_is_taken_up_again(tmp_path: Path) -> None:
    sink = RememberingSink()
    settings = Settings.from_env(
        {"JUDGIFY_HOME": str(tmp_path), "DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_ENABLED": "false"}
    )
    watch = Watch(
        GUIDE,
        settings,
        CLOCK,
        orchestrator=MemoryOrchestrator(CLOCK),
        metrics=ScrapedMetrics({}, CLOCK),
        sink=sink,
    )
    calls: list[int] = []
    again = asyncio.Event()

    async def sense() -> None:
        calls.append(1)
        if len(calls) > 1:
            again.set()
        raise RuntimeError

    kept: Awaitable[None] = watch._kept_up("test", sense)
    task = asyncio.ensure_future(kept)
    await asyncio.wait_for(again.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(calls) >= 2
