"""What `doctor` says of each channel that the guide has switched on: whether people can be reached through it."""

from datetime import datetime, timedelta
from typing import Any, Final

from judgify.cli.checkup import finding
from judgify.kit.clock import parse, show

STALE: Final = 3
"""Periods of a canary after which its silence is told."""
_FIGURES: Final = (
    "state", "reason", "since", "tries", "delivered_percent", "objective_percent", "last_try_at", "last_good_at",
    "canary_every_s", "canary_at", "canary_s",
)  # fmt: skip


def channels(told: Any, methods: Any, now: datetime) -> list[dict[str, Any]]:
    """Judge every channel that is on and reaches beyond this machine, by what the engine says of them.

    `told` is the answer of `/channels`, `methods` that of `/oncall/methods`; nothing without the former. Each finding
    carries the figures, too, for programs.
    """
    rows = told.get("channels", []) if isinstance(told, dict) else []
    return [_of(row, _unverified(row["channel"], methods), now) for row in rows if _counts(row)]


def unknown() -> dict[str, str]:
    """Say that nobody knows how the channels are, since the engine does not answer."""
    words = "the response engine does not answer, so nobody knows how the channels are"
    return finding("channel", "warning", words, "judgify up, or judgify logs response")


def _counts(row: dict[str, Any]) -> bool:
    return bool(row["enabled"]) and row["state"] != "local"


def _of(row: dict[str, Any], unverified: list[str], now: datetime) -> dict[str, Any]:
    level, words, mend = _judged(row, unverified, now)
    figures = {name: row[name] for name in _FIGURES}
    return {
        **finding("channel", level, f"{row['channel']}: {words}", mend),
        "channel": row["channel"],
        **figures,
        "unverified": unverified,
    }


def _judged(row: dict[str, Any], unverified: list[str], now: datetime) -> tuple[str, str, str]:
    test = f"judgify channel test {row['channel']}"
    if row["state"] == "off":
        mend = "judgify guide check --production, then judgify logs response"
        return "error", "switched on, but it could not be opened: something that it needs is missing", mend
    said = [_delivered(row), _canary(row)]
    if unverified:
        named = ", ".join(unverified[:3]) + (", …" if len(unverified) > len(unverified[:3]) else "")
        said.append(f"{len(unverified)} addresses of contacts never verified ({named})")
    words = "; ".join(one for one in said if one)
    if row["state"] in {"failing", "refusing"}:
        what = "delivers less than its objective" if row["state"] == "failing" else "refuses"
        since = f" since {show(parse(row['since']))}" if row["since"] else ""
        detail = f" ({row['detail']})" if row.get("detail") else ""
        return "error", f"{what}{since}: {row['reason']}{detail}; {words}", test
    if not row["tries"] and row["last_try_at"] is None:
        return "warning", f"nothing was ever sent through it; {words}", test
    if _stale(row, now):
        return "warning", f"its canary is overdue; {words}", test
    if unverified:
        return "warning", words, f"judgify oncall verify {unverified[0]} {row['channel']}"
    return "ok", words, ""


def _delivered(row: dict[str, Any]) -> str:
    last = f"last delivered {show(parse(row['last_good_at']))}" if row["last_good_at"] else "never delivered"
    if row["delivered_percent"] is None:
        return last
    objective = f", objective {row['objective_percent']:g} %" if row["objective_percent"] is not None else ""
    return f"{last}, {row['delivered_percent']:g} % of {row['tries']} tries{objective}"


def _canary(row: dict[str, Any]) -> str:
    if row["canary_every_s"] is None:
        return "no canary (sink)"
    if row["canary_at"] is None:
        return "no canary yet"
    took = "did not arrive" if row["canary_s"] is None else f"round trip {row['canary_s']:.2f} s"
    return f"canary {show(parse(row['canary_at']))}, last {took}"


def _stale(row: dict[str, Any], now: datetime) -> bool:
    if row["canary_every_s"] is None or row["canary_at"] is None:
        return False
    return now - parse(row["canary_at"]) > STALE * timedelta(seconds=row["canary_every_s"])


def _unverified(channel: str, methods: Any) -> list[str]:
    rows = methods if isinstance(methods, list) else []
    return [str(row["person"]) for row in rows if row["channel"] == channel and not row["verified_at"]]
