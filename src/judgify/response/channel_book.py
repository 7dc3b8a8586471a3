"""What is known of the channels now: every try is written into it, and whoever watches is woken when something turns.

In memory only: what must outlive the process (a state, an incident) its watcher keeps in the store.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from judgify.kit.clock import Clock
from judgify.kit.metrics import Metrics
from judgify.response.channel_health import Health, after, bearing, wait_s
from judgify.response.guide.people import ChannelWatch
from judgify.response.model import Page

MOST_STUCK: Final = 1_000
"""Pages that wait to be re-routed; in a storm of more the escalation's own rows take over."""
_ROUND_TRIPS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class ChannelFigures:
    """The figures of the channels on /metrics; labels are names of the guide and words of closed sets."""

    def __init__(self, metrics: Metrics) -> None:
        """Declare them."""
        self.tries = metrics.counter(
            "judgify_response_channel_tries_total",
            "Tries of channels, pages and canaries, by what came of them.",
            ("channel", "what", "reason"),
        )
        self.up = metrics.gauge("judgify_response_channel_up", "Whether a channel meets its objective.", ("channel",))
        self.round_trip = metrics.histogram(
            "judgify_response_canary_round_trip_seconds",
            "From sending a canary page to the other side's receipt.",
            ("channel",),
            buckets=_ROUND_TRIPS,
        )
        self.canary_at = metrics.gauge(
            "judgify_response_canary_timestamp_seconds", "When the newest canary page arrived.", ("channel",)
        )


class Book:
    """The health of every channel that leaves this machine."""

    def __init__(
        self, channels: Iterable[str], watch: ChannelWatch, clock: Clock, figures: ChannelFigures | None = None
    ) -> None:
        """Begin with all of them well."""
        self.watch = watch
        self.woken = asyncio.Event()
        """Set when a channel turned, or a page is stuck."""
        self._clock = clock
        self._figures = figures
        self._known = {name: Health(channel=name) for name in channels}
        self._turned: list[tuple[Health, Health]] = []
        self._stuck: dict[str, Page] = {}
        for name in self._known:
            self._show(name)

    def health(self, channel: str) -> Health | None:
        """Give what is known of a channel, or None for one that stays on this machine."""
        return self._known.get(channel)

    def all(self) -> list[Health]:
        """Give what is known of all channels, in the guide's order."""
        return list(self._known.values())

    def restore(self, health: Health) -> None:
        """Take up what an earlier process knew of a channel."""
        if health.channel in self._known:
            self._known[health.channel] = health
            self._show(health.channel)

    def wait_s(self, channel: str) -> float:
        """Give how long a channel that refuses is still left alone; 0 when it may be tried."""
        known = self._known.get(channel)
        return 0.0 if known is None else wait_s(known, self._clock.now())

    def tried(self, channel: str, what: str, reason: str, detail: str) -> Health | None:
        """Take one try (`what` is `page` or `canary`); gives the channel's health after it."""
        if self._figures is not None:
            self._figures.tries.labels(channel, what, reason).inc()
        before = self._known.get(channel)
        if before is None:
            return None
        now = after(before, reason, detail, self._clock.now(), self.watch)
        self._known[channel] = now
        if now.state != before.state:
            self._turned.append((before, now))
            self._show(channel)
            self.woken.set()
        return now

    def carried(self, channel: str, reason: str, detail: str, took_s: float) -> None:
        """Take a canary: a try like any other, and its round trip."""
        known = self.tried(channel, "canary", reason, detail)
        if known is None:
            return
        update: dict[str, object] = {"canary_at": self._clock.now()}
        if bearing(reason) == "good":
            update["canary_s"] = took_s
            if self._figures is not None:
                self._figures.round_trip.labels(channel).observe(took_s)
                self._figures.canary_at.labels(channel).set(self._clock.now().timestamp())
        self._known[channel] = known.model_copy(update=update)

    def stuck(self, page: Page) -> None:
        """Say that a page does not get out through its channel, so that it goes another way."""
        if len(self._stuck) < MOST_STUCK:
            self._stuck[page.id] = page
            self.woken.set()

    def take_turned(self) -> list[tuple[Health, Health]]:
        """Take (before, after) of every turn since the last time."""
        taken, self._turned = self._turned, []
        return taken

    def take_stuck(self) -> list[Page]:
        """Take the pages that are stuck."""
        taken, self._stuck = list(self._stuck.values()), {}
        return taken

    def _show(self, channel: str) -> None:
        if self._figures is not None:
            self._figures.up.labels(channel).set(1.0 if self._known[channel].well else 0.0)
