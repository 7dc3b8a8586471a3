"""The access log: one JSON line per request, written in batches so that it costs the data path little."""

import asyncio
import sys
from datetime import datetime
from typing import Any, Final

import msgspec

from judgify.core.gateway.call import Call
from judgify.kit.clock import iso
from judgify.kit.secrets import mask

FLUSH_S: Final = 0.2
_FULL: Final = 500
_QUIET: Final = frozenset({"/live", "/ready", "/health", "/metrics", "/api/v2/gateway/health"})


class AccessLog:
    """Collects lines and writes them together, at the latest after `FLUSH_S`; never query strings or headers."""

    def __init__(self, stream: Any = None) -> None:
        """Write to a binary stream; standard output by default."""
        self._stream = stream
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._encode = msgspec.json.Encoder().encode

    def note(self, call: Call, status: int, seconds: float) -> None:
        """Log one request of the common way; successful probes are left out."""
        target = call.target
        self.line(
            call.clock.now(),
            request_id=call.request_id,
            method=call.method,
            path=call.scope.get("raw_path", b""),
            route=target.route if target is not None else "unmatched",
            status=status,
            seconds=seconds,
            client=call.client,
            subject=call.subject,
            upstream_s=call.upstream_s,
            error=call.error,
        )

    def line(
        self,
        now: datetime,
        *,
        request_id: str,
        method: str,
        path: bytes,
        route: str,
        status: int,
        seconds: float,
        client: str,
        subject: str | None,
        upstream_s: float | None,
        error: str | None,
    ) -> None:
        """Log one request; successful probes are left out."""
        if route in _QUIET and status < 500:
            return
        line = {
            "timestamp": iso(now),
            "level": "error" if status >= 500 else "info",
            "logger": "judgify.access",
            "service": "gateway",
            "message": "request",
            "request_id": request_id,
            "method": method,
            "path": shown_path(path),
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 2),
            "client": client,
            "subject": subject,
        }
        if upstream_s is not None:
            line["upstream_ms"] = round(upstream_s * 1000, 2)
        if error is not None:
            line["error"] = error
        self.write(self._encode(line))

    def write(self, lines: bytes) -> None:
        """Take one or more lines as they shall stand, without the last line's end."""
        self._lines.append(lines)
        if len(self._lines) >= _FULL:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write what was collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        data = b"\n".join(self._lines) + b"\n"
        self._lines.clear()
        stream = self._stream if self._stream is not None else sys.stdout.buffer
        stream.write(data)
        stream.flush()


def shown_path(path: bytes) -> str:
    """Give a path fit for the log: short, and without what looks like a secret."""
    text = path[:300].decode("latin-1")
    return mask(text) if "_" in text or "eyJ" in text or "=" in text or ":" in text else text
