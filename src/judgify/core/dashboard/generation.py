"""From a request to a verified dashboard: understood, every panel's question run, its answer checked."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter, Histogram

from judgify.core.dashboard import say
from judgify.core.dashboard.grammar.parse import parse
from judgify.core.dashboard.grammar.spec import Lang, PanelSpec, Question, Understanding
from judgify.core.dashboard.source import PanelRefused, Sources
from judgify.core.dashboard.view import View, broken, view
from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, JudgifyError, Unavailable

FRESH_S: Final = 2.0
"""Views this young are shown again instead of asking anew, however many look."""
CHECK_S: Final = 5.0
"""Seconds between two self-checks, however often health is asked."""
MAX_KEPT: Final = 200
TOTAL_S: Final = 20.0
_CHECKED: Final = "최근 1시간 판정 건수"


class NotUnderstood(Invalid):
    """Nothing in this request is known here; see the examples."""

    slug = "request-not-understood"
    title = "Request not understood"


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of a request: questions, or panels that were run."""

    lang: Lang
    understood: str = ""
    panels: tuple[PanelSpec, ...] = ()
    notes: tuple[str, ...] = ()
    views: tuple[View, ...] = ()
    questions: tuple[Question, ...] = ()


class Generator:
    """Makes dashboards by the grammar alone; no language model is asked."""

    def __init__(self, sources: Sources, time: Histogram, count: Counter, clock: Clock) -> None:
        """Use the sources; add to `dashboard_generation_time` and count by result."""
        self._sources = sources
        self._clock = clock
        self._kept: dict[tuple[tuple[PanelSpec, ...], Lang], tuple[float, tuple[View, ...]]] = {}
        self._running: dict[tuple[tuple[PanelSpec, ...], Lang], asyncio.Lock] = {}
        self._checked: tuple[float, bool] | None = None
        self._time = time
        self._count = count

    async def generate(self, request: str, lang: Lang | None, answers: Mapping[str, str]) -> Generated:
        """Understand a request and run what it asks for.

        Raises:
            NotUnderstood: nothing was understood; the problem has `unknown` and `examples`.
            Unavailable: no panel could be filled (slug `dashboard-not-generated`), or the names of workflows are away.
        """
        started = self._clock.monotonic()
        result = "unavailable"
        try:
            made = await self._generate(request, lang, answers)
        except Invalid:
            result = "not_understood"
            raise
        else:
            result = "questions" if made.questions else "ok"
            return made
        finally:
            self._count.labels("generated", result).inc()
            if result in {"ok", "unavailable"}:
                self._time.labels("generated").observe(self._clock.monotonic() - started)

    async def _generate(self, request: str, lang: Lang | None, answers: Mapping[str, str]) -> Generated:
        chosen: Lang = lang or ("ko" if re.search("[가-힣]", request) else "en")
        found = await self._understand(request, answers)
        if not found.panels and not found.questions:
            raise NotUnderstood(_unknown_text(found.unknown, chosen), unknown=list(found.unknown),
                                examples=list(say.EXAMPLES[chosen]))  # fmt: skip
        if found.questions:
            return Generated(chosen, questions=found.questions)
        views = await self.views(found.panels, chosen)
        return Generated(chosen, say.understood(found.panels, found.notes, chosen), found.panels, found.notes, views)

    async def _understand(self, request: str, answers: Mapping[str, str]) -> Understanding:
        away: JudgifyError | None = None
        try:
            known = await self._sources.catalogue()
        except JudgifyError as error:
            known, away = [], error
        found = parse(request, known, answers)
        strange = found.unknown or any(question.id.startswith("ignore.") for question in found.questions)
        if away is not None and strange:
            raise Unavailable(
                "the names of workflows cannot be looked up now, so this request may be misread: the workflow service "
                f"does not serve ({away.title.lower()})",
                slug="dashboard-not-generated",
            )
        return found

    async def views(self, panels: tuple[PanelSpec, ...], lang: Lang) -> tuple[View, ...]:
        """Run panels, or give what was run a moment ago; `Unavailable` when not one of them could be filled."""
        key = (panels, lang)
        async with self._running.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None or self._clock.monotonic() - kept[0] >= FRESH_S:
                kept = (self._clock.monotonic(), await self._run(panels, lang))
                if len(self._kept) >= MAX_KEPT:
                    self._kept.clear()
                    self._running.clear()
                self._kept[key] = kept
        views = kept[1]
        if views and all(one.status == "error" for one in views):
            reasons = "; ".join(dict.fromkeys(one.text for one in views))
            raise Unavailable(f"the dashboard cannot be generated: {reasons}", slug="dashboard-not-generated")
        return views

    async def open(self, panels: tuple[PanelSpec, ...], lang: Lang) -> tuple[View, ...]:
        """Run a kept dashboard's panels, and measure how long that takes."""
        with self._count.labels("opened", "unavailable").count_exceptions(), self._time.labels("opened").time():
            views = await self.views(panels, lang)
        self._count.labels("opened", "ok").inc()
        return views

    async def works(self) -> bool:
        """Tell whether a dashboard can be generated: really makes a small one, at most every five seconds."""
        now = self._clock.monotonic()
        if self._checked is None or now - self._checked[0] >= CHECK_S:
            views = await self._run(parse(_CHECKED).panels, "ko")
            self._checked = (now, all(one.status != "error" for one in views))
        return self._checked[1]

    async def _run(self, panels: Sequence[PanelSpec], lang: Lang) -> tuple[View, ...]:
        async def one(number: int, spec: PanelSpec) -> View:
            try:
                async with asyncio.timeout(TOTAL_S):
                    return view(number, spec, await self._sources.measure(spec), lang)
            except PanelRefused as error:
                return broken(number, spec, error.detail, lang)
            except TimeoutError:
                return broken(number, spec, f"no answer within {TOTAL_S:.0f} s", lang)

        return tuple(await asyncio.gather(*(one(number, spec) for number, spec in enumerate(panels, 1))))


def _unknown_text(unknown: Sequence[str], lang: Lang) -> str:
    named = ", ".join(f"“{word[:60]}”" for word in unknown[:10])
    if lang == "ko":
        return (
            f"모르는 말입니다: {named}. 예시를 보십시오." if named else "무엇을 볼지 알 수 없습니다. 예시를 보십시오."
        )
    return (
        f"these words are not known here: {named}; see the examples"
        if named
        else "it is not clear what to show; see the examples"
    )
