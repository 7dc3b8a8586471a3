from datetime import UTC, datetime, timedelta

import pytest

from judgify.kit.errors import Invalid
from judgify.kit.metrics import Metrics
from judgify.response.metrics.text import MAX_PAGE, Figures, read
from judgify.response.metrics.window import Scrape, Window, quantile_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def counted(*values: float, every_s: float = 5.0, name: str = "requests") -> Window:
    window = Window()
    for index, value in enumerate(values):
        window.add("gateway", Scrape(at(index * every_s), Figures({name: value})))
    return window


def test_a_page_of_our_own_services_is_read() -> None:
    metrics = Metrics("gateway")
    judged = metrics.counter("judgment_executions_total", "x", ("method", "result"))
    metrics.gauge("judgify_active_users", "x").set(7)
    metrics.gauge("api_request_queue_depth", "x").set(float("nan"))
    metrics.observe_http("POST", "/api/v2/judgment/*", 200, 0.2)
    metrics.observe_http("POST", "/api/v2/judgment/*", 502, 0.2)
    metrics.observe_http("GET", "/api/v2/judgment/health", 503, 9.0)
    metrics.observe_http("GET", "/metrics", 200, 9.0)
    figures = read(metrics.render().decode())
    assert figures.counters["requests"] == 2
    assert figures.counters["errors"] == 1
    assert figures.counters["unfinished"] == 1
    assert figures.counters["judgments"] == 0  # declared, though nothing was counted yet
    assert "dashboards" not in figures.counters  # nobody measures it
    assert dict(figures.gauges) == {"active_users": 7}
    assert list(figures.buckets)[-1] == (float("inf"), 2.0)
    judged.labels("rule", "error").inc(3)
    again = read(metrics.render().decode())
    assert (again.counters["judgments"], again.counters["judgments_failed"]) == (3, 3)


@pytest.mark.parametrize("page", ["<html>no</html>", "a{b} 1 2 3 4", "x" * (MAX_PAGE + 1), 'a 1\nb{c="d" 2'])
def test_what_is_no_metrics_page_is_refused(page: str) -> None:
    with pytest.raises(Invalid):
        read(page)


def test_increase_and_rate() -> None:
    window = counted(10, 20, 40)
    assert window.increase("gateway", "requests", at(0), at(10)) == 30
    assert window.rate("gateway", "requests", at(0), at(10)) == 3
    assert window.rate("gateway", "requests", at(10), at(10)) is None


def test_a_restart_of_the_counter_is_no_loss() -> None:
    assert counted(100, 120, 5, 15).increase("gateway", "requests", at(0), at(15)) == 20 + 5 + 10


def test_nothing_measured_is_none() -> None:
    window = counted(10)
    assert window.increase("gateway", "requests", at(0), at(60)) is None
    assert window.increase("gateway", "judgments", at(0), at(60)) is None
    assert window.increase("nobody", "requests", at(0), at(60)) is None
    assert window.quantile("gateway", 0.95, at(0), at(60)) is None
    assert window.gauge("gateway", "active_users", at(0), at(60)) is None
    assert window.latest("gateway", "active_users", at(0)) is None
    assert Window().since() is None


def test_the_reading_before_the_stretch_is_its_beginning_if_it_is_near() -> None:
    window = counted(10, 20, 30)
    assert window.increase("gateway", "requests", at(7), at(12)) == 10
    late = Window()
    late.add("gateway", Scrape(at(0), Figures({"requests": 1})))
    late.add("gateway", Scrape(at(60), Figures({"requests": 100})))
    assert late.increase("gateway", "requests", at(59), at(61)) is None


def test_a_failed_scrape_is_unanswered_and_not_quiet() -> None:
    window = counted(10, 20)
    window.add("gateway", Scrape(at(10), None))
    window.add("gateway", Scrape(at(15), Figures({"requests": 50})))
    assert window.answered("gateway", at(0), at(15)) == (3, 4)
    assert window.increase("gateway", "requests", at(0), at(15)) == 40
    assert window.answered("nobody", at(0), at(15)) == (0, 0)


def test_the_window_is_bounded_and_in_order() -> None:
    window = Window(keep=timedelta(seconds=60))
    for second in range(200):
        window.add("gateway", Scrape(at(second), Figures({"requests": second})))
    window.add("gateway", Scrape(at(10), Figures({"requests": 1})))
    assert window.since() == at(139)
    assert window.services == ("gateway",)
    assert window.answered("gateway", at(0), at(300)) == (61, 61)


def test_what_is_older_than_the_window_goes() -> None:
    window = Window(keep=timedelta(seconds=60))
    for second in (0, 50, 100):
        window.add("gateway", Scrape(at(second), Figures({"requests": second})))
    assert window.since() == at(50)


def test_gauges() -> None:
    window = Window()
    for second, users in ((0, 3.0), (5, 9.0), (10, 4.0)):
        window.add("gateway", Scrape(at(second), Figures({}, {"active_users": users})))
    assert window.gauge("gateway", "active_users", at(0), at(10)) == 9
    assert window.latest("gateway", "active_users", at(12)) == 4
    assert window.latest("gateway", "active_users", at(60)) is None


def test_a_series_for_a_chart() -> None:
    window = counted(0, 50, 100, 150)
    assert window.series("gateway", "requests", at(15), timedelta(seconds=5), 3) == [10, 10, 10]


def histogram(*counts: float) -> Figures:
    bounds = (0.1, 0.5, float("inf"))
    return Figures({}, {}, tuple(zip(bounds, counts, strict=True)))


def test_quantile_from_the_growth_of_buckets() -> None:
    window = Window()
    for second, figures in ((0, histogram(5, 5, 5)), (5, Figures({})), (10, histogram(5, 15, 15))):
        window.add("gateway", Scrape(at(second), figures))
    assert window.quantile("gateway", 0.5, at(0), at(10)) == pytest.approx(0.3)


def test_quantile_over_a_restart() -> None:
    window = Window()
    for second, figures in ((0, histogram(100, 100, 100)), (5, histogram(0, 10, 10))):
        window.add("gateway", Scrape(at(second), figures))
    assert window.quantile("gateway", 0.95, at(0), at(5)) == pytest.approx(0.48)


def test_quantiles_at_the_edges() -> None:
    assert quantile_of({}, 0.95) is None
    assert quantile_of({0.1: 0, float("inf"): 0}, 0.95) is None
    assert quantile_of({0.1: 1, float("inf"): 100}, 0.95) == 0.1
    assert quantile_of({0.1: 0, 0.5: 0, float("inf"): 5}, 0.0) == 0.1
