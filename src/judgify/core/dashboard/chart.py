"""Vega-Lite specifications of the charts: closed forms with the figures inside; nothing is ever loaded. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from judgify.core.dashboard.grammar.spec import PanelSpec
from judgify.kit.errors import Invalid

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
FONT: Final = "Pretendard"
FONTS: Final = f"{FONT}, 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', NanumGothic, sans-serif"
WIDTH: Final = 640
HEIGHT: Final = 280
MAX_DEPTH: Final = 24
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#65a30d", "#dc2626", "#475569",
                  "#b45309", "#0d9488", "#9333ea")  # fmt: skip
"""Told apart also with the usual kinds of colour blindness; the table under each chart says the same in words."""
_LOADING: Final = frozenset({"url", "href", "src", "sequence", "loader"})


def chart(spec: PanelSpec, values: list[dict[str, Any]], groups: list[str], value_title: str) -> dict[str, Any]:
    """Give the chart of grouped or timed figures."""
    scale = {"format": ".0%"} if spec.measure.endswith("_rate") else {}
    value: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "title": value_title,
        "axis": {"tickMinStep": 1, **scale},
    }
    if spec.measure != "count":
        value["axis"] = {"gridDash": [2, 2], **scale}
    if spec.interval is not None:
        return _over_time(spec, values, groups, value)
    if spec.kind == "pie":
        colour = {"field": "group", "type": "nominal", "title": groups[0], "sort": None}
        return _whole(
            values,
            {
                "mark": {"type": "arc", "innerRadius": 55, "outerRadius": 110, "padAngle": 0.01, "tooltip": True},
                "encoding": {"theta": {"field": "value", "type": "quantitative", "stack": True}, "color": colour},
            },
        )
    return bars(values, value_title, axis=value["axis"], second=groups[1] if len(groups) > 1 else None)


def bars(
    values: list[dict[str, Any]], title: str, *, axis: Mapping[str, Any] | None = None, second: str | None = None
) -> dict[str, Any]:
    """Give bars that lie: names of groups need room."""
    count = len({str(value.get("group")) for value in values})
    encoding: dict[str, Any] = {
        "y": {"field": "group", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 180}},
        "x": {"field": "value", "type": "quantitative", "title": title, "axis": dict(axis or {"tickMinStep": 1})},
    }
    if second is not None:
        encoding["color"] = {"field": "second", "type": "nominal", "title": second}
    mark = {"type": "bar", "cornerRadiusEnd": 3, "tooltip": True, "color": COLOURS[0]}
    drawn = _whole(values, {"mark": mark, "encoding": encoding})
    return drawn | {"height": min(max(count * 30, 90), 900)}


def gauge(value: float | None, text: str) -> dict[str, Any]:
    """Give a gauge from 0 to 100 %."""
    share = min(max(value or 0.0, 0.0), 1.0)
    start, end = -2.0944, 2.0944
    arc = {"type": "arc", "innerRadius": 78, "outerRadius": 104, "theta": start}
    colour = COLOURS[2] if share >= 0.95 else COLOURS[1] if share >= 0.8 else COLOURS[7]
    return {
        "$schema": SCHEMA,
        "width": 260,
        "height": 190,
        "data": {"values": [{}]},
        "layer": [
            {"mark": {**arc, "theta2": end, "color": "#94a3b8", "opacity": 0.3}},
            {"mark": {**arc, "theta2": start + share * (end - start), "color": colour}},
            {"mark": {"type": "text", "text": text, "fontSize": 30, "fontWeight": "bold"}},
            {"mark": {"type": "text", "text": "0 – 100 %", "fontSize": 12, "dy": 62, "opacity": 0.7}},
        ],
        "config": _config(),
    }


def number(text: str, change: str = "") -> dict[str, Any]:
    """Give one number large, for pictures; pages write it as text."""
    below = [{"mark": {"type": "text", "text": change, "fontSize": 15, "dy": 42}}] if change else []
    return {
        "$schema": SCHEMA,
        "width": 320,
        "height": 140,
        "data": {"values": [{}]},
        "layer": [{"mark": {"type": "text", "text": text, "fontSize": 48, "fontWeight": "bold"}}, *below],
        "config": _config(),
    }


def picture(drawn: Mapping[str, Any], title: str, subtitle: str, *, dark: bool) -> dict[str, Any]:
    """Give a chart as a picture of its own: with its title, and a ground to stand on."""
    config = {**drawn.get("config", {}), **theme(dark=dark)}
    head = {"text": title[:120], "subtitle": subtitle[:120], "anchor": "start", "fontSize": 17, "offset": 14}
    sized = dict(drawn)
    if sized.get("width") == "container":
        sized["width"] = WIDTH
    ground = "#0f172a" if dark else "#ffffff"
    return {**sized, "title": head, "padding": 18, "background": ground, "config": config}


def theme(*, dark: bool) -> dict[str, Any]:
    """Give the colours of text and lines on a light or a dark ground."""
    ink, line = ("#e2e8f0", "#334155") if dark else ("#1e293b", "#e2e8f0")
    return {
        "text": {"color": ink},
        "title": {"color": ink, "subtitleColor": ink, "font": FONT, "subtitleFont": FONT},
        "axis": {"labelColor": ink, "titleColor": ink, "gridColor": line, "domainColor": line, "tickColor": line,
                 "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "orient": "bottom", "labelLimit": 220},
    }  # fmt: skip


def harmless(node: Any, depth: int = 0) -> None:
    """Refuse a specification that could load anything, or is nested without end; `Invalid` names the member."""
    if depth > MAX_DEPTH:
        raise Invalid("the chart is nested too deeply")
    if isinstance(node, Mapping):
        if node.get("type") == "image" or node.get("mark") == "image":
            raise Invalid("a chart holds no pictures")
        for key, value in node.items():
            if key in _LOADING:
                raise Invalid(f"a chart loads nothing: {key!r} is refused")
            harmless(value, depth + 1)
    elif isinstance(node, list):
        for item in node:
            harmless(item, depth + 1)


def _over_time(
    spec: PanelSpec, values: list[dict[str, Any]], groups: list[str], value: dict[str, Any]
) -> dict[str, Any]:
    days = spec.interval in {"1d", "1w"}
    form = "%m-%d" if days else "%H:%M" if spec.period.span().days <= 1 else "%m-%d %H:%M"
    time = {
        "field": "time", "type": "temporal", "title": None, "scale": {"type": "utc"},
        "axis": {"format": form, "labelOverlap": True, "grid": False, "labelFlush": True, "tickCount": 8},
    }  # fmt: skip
    encoding: dict[str, Any] = {"x": time, "y": value}
    if groups:
        encoding["color"] = {"field": "group", "type": "nominal", "title": groups[0], "sort": None}
    if spec.kind == "bar":
        mark: dict[str, Any] = {"type": "bar", "tooltip": True, "width": {"band": 0.8}}
        encoding["x"] = {**time, "timeUnit": _UTC[spec.interval or "1h"]}
        encoding["x"].pop("scale")
    else:
        mark = {"type": "line", "point": len(values) <= 100, "tooltip": True, "strokeWidth": 2.2}
    if not groups:
        mark["color"] = COLOURS[0]
    return _whole(values, {"mark": mark, "encoding": encoding})


_UTC: Final = {
    "1m": "utcyearmonthdatehoursminutes", "5m": "utcyearmonthdatehoursminutes", "10m": "utcyearmonthdatehoursminutes",
    "15m": "utcyearmonthdatehoursminutes", "30m": "utcyearmonthdatehoursminutes", "1h": "utcyearmonthdatehours",
    "1d": "utcyearmonthdate", "1w": "utcyearmonthdate",
}  # fmt: skip


def _whole(values: list[dict[str, Any]], drawn: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": values},
        **drawn,
        "config": _config(),
    }


def _config() -> dict[str, Any]:
    return {"font": FONTS, "view": {"stroke": None}, "range": {"category": list(COLOURS)}, "background": None}
