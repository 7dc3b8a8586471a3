"""A panel as it is answered and shown: its figures as texts and rows, whether there are any, and its chart. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from judgify.core.dashboard import chart, say
from judgify.core.dashboard.grammar.spec import Lang, PanelSpec
from judgify.core.dashboard.source import Measured, Row
from judgify.kit.clock import SEOUL, show

_NONE: Final = {"ko": "이 기간에는 데이터가 없습니다.", "en": "There is no data in this time."}
_CUT: Final = {"ko": "가장 많은 것만 보입니다. 빠진 묶음: {cut}", "en": "Only the largest are shown; left out: {cut}."}
_HEADS: Final = {
    "time": ("시각", "Time"), "workflow": ("워크플로우", "Workflow"), "verdict": ("판정", "Verdict"),
    "result": ("결과", "Result"), "method": ("방법", "Method"), "service": ("서비스", "Service"),
    "level": ("레벨", "Level"),
    "state": ("상태", "State"), "type": ("종류", "Type"), "pattern": ("패턴", "Pattern"), "count": ("건수", "Count"),
    "ratio": ("비율", "Share"), "ms": ("ms", "ms"), "value": ("값", "Value"), "lines": ("줄 수", "Lines"),
    "last": ("마지막", "Last seen"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """One panel, ready to be answered as data or put on a page."""

    number: int
    spec: PanelSpec
    title: str
    when: str
    status: Literal["ok", "empty", "error"]
    text: str = ""
    """The one number of a KPI or gauge, or the sentence that says why there is nothing to see."""
    change: str = ""
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    chart: dict[str, Any] | None = None
    value: float | None = None
    base: float | None = None

    def data(self) -> dict[str, Any]:
        """Give it as it is answered."""
        return {
            "number": self.number,
            "title": self.title,
            "when": self.when,
            "kind": self.spec.kind,
            "status": self.status,
            "text": self.text,
            "change": self.change,
            "value": self.value,
            "base": self.base,
            "columns": list(self.heads),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
            "chart": self.chart,
            "spec": self.spec.model_dump(mode="json", exclude_defaults=True),
        }


def broken(number: int, spec: PanelSpec, reason: str, lang: Lang) -> View:
    """Give the panel that says why it has no figures; never an empty chart that looks like zero."""
    return View(number, spec, say.title(spec, lang), say.period_text(spec.period, lang), "error", reason)


def view(number: int, spec: PanelSpec, measured: Measured, lang: Lang) -> View:
    """Put a panel's figures into words, rows and a chart."""
    when = say.period_text(spec.period, lang)
    if spec.base is not None:
        other = say.period_text(spec.base, lang)
        when = f"{when} ({other} 대비)" if lang == "ko" else f"{when} (against {other})"
    about = (number, spec, say.title(spec, lang), when)
    if spec.source == "pattern":
        return _patterns(about, measured, lang)
    figures = measured.figures
    if figures is None or (figures.total == 0 and (measured.base is None or measured.base.total == 0)):
        if spec.kind == "kpi" and spec.measure == "count":
            # Nothing counted is a figure: zero, and said to be so.
            return View(*about, "empty", "0", notes=(_NONE[lang],), value=0.0)
        return View(*about, "empty", _NONE[lang])
    unit = _unit(spec)
    place = 0 if lang == "ko" else 1
    notes = (_CUT[lang].format(cut=figures.cut),) if figures.cut else ()
    if spec.base is not None and measured.base is not None:
        return _compared(about, figures.rows[0].value, measured.base.rows[0].value, lang)
    if not spec.by and spec.interval is None:
        value = figures.rows[0].value
        text = number_text(value, unit)
        drawn = chart.gauge(value, text) if spec.kind == "gauge" else chart.number(text)
        heads = (_HEADS[unit][place],)
        return View(*about, "ok", text, heads=heads, rows=((text,),), chart=drawn, value=value)
    heads = (*((_HEADS["time"][place],) if spec.interval else ()), *(_head(spec, one, place) for one in spec.by))
    rows = [_row(spec, row, unit, lang) for row in figures.rows]
    values = [_mark(spec, row, lang) for row in figures.rows]
    charted = None if spec.kind == "table" else chart.chart(spec, values, _axis(spec, place), _HEADS[unit][place])
    return View(*about, "ok", heads=(*heads, _HEADS[unit][place]), rows=tuple(rows), notes=notes, chart=charted)


def number_text(value: float | None, unit: str) -> str:
    """Write a figure for people: `1,234`, `97.5 %`, `12.3 ms`; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    if unit in {"count", "lines"}:
        return f"{value:,.0f}"
    text = f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{text} ms" if unit == "ms" else text


def _compared(about: tuple[int, PanelSpec, str, str], value: float | None, base: float | None, lang: Lang) -> View:
    spec = about[1]
    unit = _unit(spec)
    now, then = number_text(value, unit), number_text(base, unit)
    place = 0 if lang == "ko" else 1
    texts = (say.period_text(spec.base, lang) if spec.base else "", say.period_text(spec.period, lang))
    rows = ((texts[0], then), (texts[1], now))
    change = change_text(value, base, unit)
    values = [{"group": texts[0], "value": base}, {"group": texts[1], "value": value}]
    drawn = chart.bars(values, _HEADS[unit][place]) if spec.kind == "bar" else chart.number(now, change)
    heads = (("기간", "Time")[place], _HEADS[unit][place])
    return View(*about, "ok", now, change, heads, rows, chart=drawn, value=value, base=base)


def change_text(value: float | None, base: float | None, unit: str) -> str:
    """Write what changed: `▲ 12.5 % (8 → 9)`; shares in percentage points."""
    pair = f"({number_text(base, unit)} → {number_text(value, unit)})"
    if value is None or base is None or (base == 0 and unit != "ratio"):
        return pair
    moved = (value - base) * 100 if unit == "ratio" else (value - base) / base * 100
    sign = "▲" if moved > 0 else "▼" if moved < 0 else "="
    return f"{sign} {abs(moved):.1f} {'%p' if unit == 'ratio' else '%'} {pair}"


def _patterns(about: tuple[int, PanelSpec, str, str], measured: Measured, lang: Lang) -> View:
    if not measured.patterns:
        return View(*about, "empty", _NONE[lang])
    place = 0 if lang == "ko" else 1
    heads = tuple(_HEADS[name][place] for name in ("pattern", "count", "service", "last"))
    rows = tuple(
        (one.pattern[:300], f"{one.count:,}", ", ".join(one.services), show(one.last_seen) if one.last_seen else "–")
        for one in measured.patterns
    )
    values = [{"group": one.pattern[:60], "value": one.count} for one in measured.patterns]
    drawn = chart.bars(values, heads[1]) if about[1].kind == "bar" else None
    return View(*about, "ok", heads=heads, rows=rows, chart=drawn)


def _unit(spec: PanelSpec) -> str:
    if spec.measure == "count":
        return "lines" if spec.source == "log" else "count"
    if spec.measure.endswith("_rate"):
        return "ratio"
    return "value" if spec.of is not None else "ms"


def _head(spec: PanelSpec, group: str, place: int) -> str:
    return str(spec.field) if group == "input" else _HEADS[group][place]


def _axis(spec: PanelSpec, place: int) -> list[str]:
    return [_head(spec, group, place) for group in spec.by]


def _row(spec: PanelSpec, row: Row, unit: str, lang: Lang) -> tuple[str, ...]:
    time = (_moment(row.bucket, spec),) if spec.interval else ()
    keys = (say.key_text(group, key, lang) for group, key in zip(spec.by, row.keys, strict=True))
    return (*time, *keys, number_text(row.value, unit))


def _mark(spec: PanelSpec, row: Row, lang: Lang) -> dict[str, Any]:
    keys = [say.key_text(group, key, lang) for group, key in zip(spec.by, row.keys, strict=True)]
    mark: dict[str, Any] = {"value": row.value}
    if row.bucket is not None:
        # The zone's wall clock, drawn as it stands: a reader elsewhere sees the same hours.
        mark["time"] = row.bucket.astimezone(SEOUL).strftime("%Y-%m-%dT%H:%M:%SZ")
    return mark | dict(zip(("group", "second"), keys, strict=False))


def _moment(moment: datetime | None, spec: PanelSpec) -> str:
    if moment is None:
        return "–"
    local = moment.astimezone(SEOUL)
    return local.strftime("%Y-%m-%d" if spec.interval in {"1d", "1w"} else "%m-%d %H:%M")
