"""What became of the requests of the fast lane: noted as they end, counted and logged together a moment later."""

import asyncio
import json
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from judgify.core.gateway.access import FLUSH_S, AccessLog, shown_path
from judgify.core.gateway.metric import GatewayMetrics

if TYPE_CHECKING:
    from judgify.core.gateway.express import Ride

_FULL: Final = 1_000
_LINE: Final = (
    '{"timestamp":"%s.%06dZ","level":"%s","logger":"judgify.access","service":"gateway","message":"request",'
    '"request_id":"%s",%s"status":%d,"duration_ms":%.2f,"client":"%s","subject":%s%s%s}'
)


class Ledger:
    """Writes what was noted within `FLUSH_S`, before metrics are shown, and when the gateway stops."""

    def __init__(self, access: AccessLog, metrics: GatewayMetrics) -> None:
        """Write to the access log and the metrics that the common way uses."""
        self._access = access
        self._metrics = metrics
        self._ended: list[tuple[Ride, datetime, float]] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, ride: "Ride", now: datetime, seconds: float) -> None:
        """Note how a request ended."""
        self._ended.append((ride, now, seconds))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        elif len(self._ended) >= _FULL:
            self.flush()

    def flush(self) -> None:
        """Count and log what was noted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._ended:
            return
        ended, self._ended = self._ended, []
        lines = []
        taken: dict[tuple[str, str, int], list[float]] = {}
        for ride, now, seconds in ended:
            plan = ride.plan
            # How long a stream of events is followed says nothing about how soon it was answered.
            told = ride.upstream_s if ride.streamed and ride.upstream_s is not None else seconds
            key = (plan.method, plan.target.route, ride.status)
            if key in taken:
                taken[key].append(told)
            else:
                taken[key] = [told]
            lines.append(_line(ride, now, seconds))
        for (method, route, status), times in taken.items():
            self._metrics.observe_many(method, route, status, times)
        self._access.write("\n".join(lines).encode("utf-8", "replace"))


def _line(ride: "Ride", now: datetime, seconds: float) -> str:
    plan, upstream_s, error = ride.plan, ride.upstream_s, ride.error
    return _LINE % (
        _second(now.replace(microsecond=0)),
        now.microsecond,
        "error" if ride.status >= 500 else "info",
        ride.request_id,
        _what(plan.method, plan.path, plan.target.route),
        ride.status,
        seconds * 1000,
        ride.address,
        _text(ride.principal.subject),
        "" if upstream_s is None else ',"upstream_ms":%.2f' % (upstream_s * 1000),
        "" if error is None else f',"error":"{error}"',
    )


@lru_cache(maxsize=64)
def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=2048)
def _what(method: str, path: bytes, route: str) -> str:
    return f'"method":"{method}","path":{json.dumps(shown_path(path), ensure_ascii=False)},"route":"{route}",'


@lru_cache(maxsize=2048)
def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
