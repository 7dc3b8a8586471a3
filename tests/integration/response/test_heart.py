"""The heartbeat goes out only while pages can; that it does not arrive is shown, and ends nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.support.response_world import WEDNESDAY

from judgify.kit.clock import FakeClock
from judgify.kit.metrics import Metrics
from judgify.response.heart import STARTING, Heart

pytestmark = pytest.mark.guide("G22")


class Listener:
    """A real HTTP server that counts heartbeats and answers as told."""

    def __init__(self) -> None:
        self.beats: list[str] = []
        self.status = 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.beats.append(f"{self.command} {self.path}")
                self.send_response(outer.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - the server's own names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/beat?ticket=canary-ticket"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@asynccontextmanager
async def beating(heart: Heart) -> AsyncIterator[None]:
    task = asyncio.create_task(heart.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(said: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if said():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came to that")


async def test_a_heartbeat_goes_out_only_while_the_due_row_loop_completes(listener: Listener) -> None:
    clock, metrics = FakeClock(WEDNESDAY), Metrics("response")
    completed: list[datetime | None] = [clock.now()]
    heart = Heart(listener.url, clock, lambda: completed[0], "POST", metrics)
    async with beating(heart):
        await until(lambda: heart.result == "delivered")
        await clock.advance(31)  # the loop has not completed since: nothing is sent
        await until(lambda: heart.result == "withheld")
        assert heart.view()["failing_since"] is not None
        completed[0] = clock.now() + timedelta(seconds=29)
        await clock.advance(30)
        await until(lambda: heart.result == "delivered")
        assert listener.beats == ["POST /beat?ticket=canary-ticket"] * 2
    told = metrics.render().decode()
    assert 'result="withheld"} 1' in told
    assert 'result="delivered"} 2' in told
    assert "canary-ticket" not in told + str(heart.view())


async def test_what_does_not_arrive_is_shown_and_ends_nothing(
    listener: Listener, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = FakeClock(WEDNESDAY)
    heart = Heart(listener.url, clock, clock.now, "GET")
    listener.status = 302  # redirects are not followed
    async with beating(heart):
        await until(lambda: heart.result == "refused")
        assert (listener.beats[0].split()[0], heart.detail) == ("GET", "answered 302")
        listener.status = 200
        await clock.advance(30)
        await until(lambda: heart.result == "delivered")
        assert heart.view()["failing_since"] is None
        heart.url = "http://127.0.0.1:9/closed"
        await clock.advance(30)
        await until(lambda: heart.result == "unreachable")
        assert heart.delivered_at is not None
    assert "canary-ticket" not in "".join(capfd.readouterr())


async def test_an_engine_that_starts_is_waited_for(listener: Listener) -> None:
    clock = FakeClock(WEDNESDAY)
    completed: list[datetime | None] = [None]
    heart = Heart(listener.url, clock, lambda: completed[0])
    async with beating(heart):
        await asyncio.sleep(0.05)
        assert (heart.result, listener.beats) == (None, [])
        completed[0] = clock.now() + timedelta(seconds=2)
        await clock.advance(2)
        await until(lambda: heart.result == "delivered")
    never = Heart(listener.url, clock, lambda: None)
    async with beating(never):
        for _ in range(STARTING):
            await asyncio.sleep(0.01)
            await clock.advance(1)
        await until(lambda: never.result == "withheld")
