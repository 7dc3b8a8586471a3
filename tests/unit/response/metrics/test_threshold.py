"""Figures above their thresholds: what an outage that is over left behind is no new signal; what calmed is told so."""

from datetime import UTC, datetime

from tests.support.guides import shipped

from judgify.kit.clock import FakeClock
from judgify.response.intake.threshold import ThresholdWatch
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.metrics.text import Figures
from judgify.response.metrics.window import Scrape

START = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


class Scene:
    """Ten requests a second on the gateway, scraped every five seconds, some of them failing."""

    def __init__(self) -> None:
        self.clock = FakeClock(START)
        self.metrics = ScrapedMetrics({"gateway": "http://127.0.0.1:1"}, self.clock)
        self.returned: datetime | None = None
        rules = [rule.model_copy(update={"services": ("gateway",)}) for rule in shipped().intake.metrics]
        errors = [rule for rule in rules if rule.signal == "error_rate"]
        self.watch = ThresholdWatch(errors, self.metrics, lambda _: self.returned)
        self.requests = 0.0
        self.errors = 0.0

    async def passing(self, seconds: float, failing: float = 0.0, rate: float = 10.0) -> list[str]:
        """Let time pass; give what was told, `+` for crossed and `-` for calmed."""
        told: list[str] = []
        for _ in range(int(seconds // 5)):
            await self.clock.advance(5)
            self.requests += 5 * rate
            self.errors += 5 * rate * failing
            now = self.clock.now()
            figures = Figures({"requests": self.requests, "errors": self.errors})
            self.metrics.scrapes.add("gateway", Scrape(now, figures))
            told += [f"+{crossing.rule.signal}" for crossing in self.watch.look(now)]
            told += [f"-{name}" for _, name in self.watch.calmed(now)]
        return told


async def test_an_outage_that_is_over_leaves_no_echo() -> None:
    scene = Scene()
    assert await scene.passing(600) == ["-error_rate"]  # what an earlier engine may have told is in order, once
    assert "+error_rate" in await scene.passing(180, failing=0.9)
    scene.returned = scene.clock.now()
    assert await scene.passing(600) == ["-error_rate"]


async def test_errors_that_go_on_after_a_return_are_a_signal_again() -> None:
    scene = Scene()
    await scene.passing(600)
    scene.returned = scene.clock.now()
    assert "+error_rate" in await scene.passing(300, failing=0.9)


async def test_without_a_return_the_figure_calms_when_its_window_does() -> None:
    scene = Scene()
    await scene.passing(600)
    assert "+error_rate" in await scene.passing(180, failing=0.5)
    told = await scene.passing(400)
    assert told[-1] == "-error_rate"
    assert told.count("-error_rate") == 1


async def test_silence_is_calm_only_when_all_of_it_was_watched() -> None:
    scene = Scene()
    assert await scene.passing(200, rate=0) == []
    assert await scene.passing(200, rate=0) == ["-error_rate"]
