"""The channels as people ask for them: how each one is, a test of one, and the outward heartbeat."""

from collections.abc import Mapping
from typing import Any, Final

from judgify.kit.clock import iso
from judgify.kit.errors import Conflict, NotFound
from judgify.notify import Channel
from judgify.response.channel_book import Book
from judgify.response.channel_health import Health, share
from judgify.response.channel_watch import Carrier
from judgify.response.guide.base import Lang
from judgify.response.guide.schema import Guide
from judgify.response.heart import Heart

OFF: Final = "off"


class ChannelDesk:
    """Answers what is asked about channels."""

    def __init__(
        self, guide: Guide, channels: Mapping[str, Channel], book: Book, carrier: Carrier, heart: Heart | None
    ) -> None:
        """Know the guide's channels, those that are open, and what is known of them."""
        self._guide = guide
        self._channels = channels
        self._book = book
        self._carrier = carrier
        self._heart = heart

    def listed(self, lang: Lang) -> list[dict[str, Any]]:
        """Give every channel of the guide, in its order; `state` is `off`, `local`, `ok`, `failing` or `refusing`."""
        return [self._row(name, lang) for name in self._guide.channels]

    def heart(self) -> dict[str, Any]:
        """Give how the outward heartbeat is."""
        return {"set": False} if self._heart is None else self._heart.view()

    async def test(self, name: str, lang: Lang) -> dict[str, Any]:
        """Send a canary now, or where a channel has no sink, look whether it could deliver, without sending.

        `NotFound` for another name, `Conflict` for a channel that is off.
        """
        if name not in self._guide.channels:
            raise NotFound(f"{name!r} is not in the channels; known are {', '.join(self._guide.channels)}")
        channel = self._channels.get(name)
        if channel is None:
            raise Conflict(f"the channel {name} is switched off, or lacks what it needs to be open")
        if name in self._carrier.canaries:
            await self._carrier.canary(name)
            health = self._book.health(name)
            newest = None if health is None or not health.tries else health.tries[-1]
            good = newest is not None and newest.good
            told = {"tested": "canary", "good": good, "reason": "" if newest is None else newest.reason}
            detail = "" if good or health is None else health.detail
            return {**self._row(name, lang), **told, "detail": detail}
        found = await channel.check()
        told = {"tested": "check", "good": found.state == "ok", "reason": found.state}
        return {**self._row(name, lang), **told, "detail": found.detail}

    def _row(self, name: str, lang: Lang) -> dict[str, Any]:
        known = self._guide.channels[name]
        health = self._book.health(name)
        state = OFF if name not in self._channels else "local" if health is None else health.state
        every_s = self._carrier.canaries.get(name)
        return {
            "channel": name,
            "kind": known.kind,
            "label": known.label.of(lang),
            "enabled": known.enabled,
            "wakes": known.wakes,
            "severities": list(known.severities),
            "state": state,
            "canary_every_s": every_s,
            "objective_percent": None if health is None or state == OFF else self._guide.watch.objective_percent,
            **(_figures(health) if health is not None and state != OFF else _NOTHING),
        }


_NOTHING: Final[dict[str, Any]] = {
    "since": None,
    "reason": "",
    "detail": "",
    "tries": 0,
    "delivered_percent": None,
    "last_try_at": None,
    "last_good_at": None,
    "canary_at": None,
    "canary_s": None,
}


def _figures(health: Health) -> dict[str, Any]:
    return {
        "since": None if health.since is None else iso(health.since),
        "reason": health.reason,
        "detail": health.detail,
        "tries": len(health.tries),
        "delivered_percent": round(share(health.tries), 2) if health.tries else None,
        "last_try_at": None if health.last_try_at is None else iso(health.last_try_at),
        "last_good_at": None if health.last_good_at is None else iso(health.last_good_at),
        "canary_at": None if health.canary_at is None else iso(health.canary_at),
        "canary_s": health.canary_s,
    }
