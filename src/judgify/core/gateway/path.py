"""From a request's raw path to its target: which service, which route label; tricks are refused, never mended. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from judgify.core.gateway.config import UPSTREAMS
from judgify.core.gateway.failure import AddressTooLong
from judgify.kit.errors import Malformed, NotFound

MAX_PATH: Final = 4096
PROBES: Final = frozenset({"live", "ready", "health", "metrics"})
AUTH: Final = "auth"
GATEWAY: Final = "gateway"
BATCH: Final = "batch"
"""A path with this segment may take longer."""

FIRST_SEGMENTS: Final[dict[str, frozenset[str]]] = {
    "workflow": frozenset({"health", "workflows"}),
    "judgment": frozenset({"health", "execute", "executions", "engines", "calibration", "aggregate"}),
    "action": frozenset({"health", "actions", "dead", "targets"}),
    "notification": frozenset({"health", "messages", "channels", "templates"}),
    "logging": frozenset({"health", "lines", "aggregate", "patterns", "slow-queries", "tail"}),
    "dashboard": frozenset(
        {
            *("health", "dashboards", "dashboards.html", "judgments", "judgments.html", "judgments.json"),
            *("generate", "ask", "ask.html", "static"),
        }
    ),
    AUTH: frozenset({"login", "refresh", "logout", "me", "password", "sessions", "users", "api-keys"}),
}
"""First segments that metrics may name; any other is counted under `*`, so that the label stays a closed set."""

_UNSAFE_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|%(?:2[eEfF]|5[cC]|25|00|3[bB])")
_PLAIN: Final = re.compile(rb"[\x21-\x7e]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `service` is an upstream, `auth`, or `gateway` for the gateway's own probes."""

    service: str
    segments: tuple[str, ...]
    """Decoded segments after the service's name."""
    route: str
    """The metrics label: never the path itself."""

    @property
    def is_health(self) -> bool:
        """Whether this asks for the state of a service, which needs no credential."""
        return self.segments == ("health",)


@lru_cache(maxsize=4096)
def resolve(raw_path: bytes) -> Target:
    """Find the target of a raw path.

    Raises `Malformed` for what two programs could read differently (`..`, `.`, `//`, a backslash, encoded dots,
    slashes, percent signs, semicolons or control characters), `NotFound` for what is not an address of the platform
    or is internal to a service, and `AddressTooLong`.
    """
    if len(raw_path) > MAX_PATH:
        raise AddressTooLong(f"the path has more than {MAX_PATH} bytes")
    segments = _segments(raw_path)
    if len(segments) == 1 and segments[0] in PROBES:
        return Target(GATEWAY, tuple(segments), f"/{segments[0]}")
    if len(segments) < 3 or segments[:2] != ["api", "v2"]:
        raise NotFound("there is nothing at this path; services answer under /api/v2/<service>/")
    service, rest = segments[2], tuple(segments[3:])
    if service == GATEWAY and rest == ("health",):
        return Target(GATEWAY, rest, "/api/v2/gateway/health")
    if (service not in UPSTREAMS and service != AUTH) or "internal" in rest:
        raise NotFound(f"there is nothing at this path; services are {', '.join((AUTH, *UPSTREAMS))}")
    return Target(service, rest, _label(service, rest))


def _label(service: str, rest: tuple[str, ...]) -> str:
    if not rest:
        return f"/api/v2/{service}"
    return f"/api/v2/{service}/{rest[0] if rest[0] in FIRST_SEGMENTS[service] else '*'}"


def _segments(raw_path: bytes) -> list[str]:
    if not raw_path.startswith(b"/") or not _PLAIN.fullmatch(raw_path):
        raise Malformed("the path must begin with / and hold printable ASCII only; escape the rest")
    if b"//" in raw_path or b"\\" in raw_path or b";" in raw_path or _UNSAFE_ESCAPE.search(raw_path):
        raise Malformed("the path holds a doubled slash, a backslash, a semicolon or an escape that is not accepted")
    trimmed = raw_path[1:-1] if len(raw_path) > 1 and raw_path.endswith(b"/") else raw_path[1:]
    return [_decode(part) for part in trimmed.split(b"/")]


def _decode(part: bytes) -> str:
    if part in {b".", b".."}:
        raise Malformed("the path holds a dot segment")
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the path is not UTF-8 after unescaping") from None
    if _CONTROL.search(text):
        raise Malformed("the path holds a control character")
    return text
