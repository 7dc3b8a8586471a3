"""The model's part of a judgment: whether to ask it, how often and how long, and what stands when it fails."""

import secrets
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from judgify.core.contracts.advice import AnswerForm, Opinion
from judgify.core.contracts.document import WorkflowDocument
from judgify.core.contracts.plan import Judged, Plan
from judgify.core.contracts.wire import Method
from judgify.core.judgment.llm import prompt
from judgify.core.judgment.llm.calibration import UNKNOWN, Calibration
from judgify.core.judgment.llm.config import NO_MODEL
from judgify.core.judgment.llm.endpoint import REASONS, Reason
from judgify.core.judgment.llm.inquiry import Heard, Inquirer
from judgify.core.judgment.llm.strategy import By, Course, Decision, asks, course_of, decide

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_UNCLEAR: Final = {
    "cannot_tell": ("the model says that it cannot tell", "모델이 판단할 수 없다고 답했습니다"),
    "disagreement": ("rules and model disagree", "규칙과 모델의 판단이 다릅니다"),
}
_BASIS: Final = {"rule": "rule", "llm": "llm", "hybrid": "consensus"}


@dataclass(frozen=True, slots=True)
class Advised:
    """A judgment with what a model had to do with it: fields of the record."""

    judged: Judged
    by: By = "rule"
    confidence: float | None = None
    calibration: str | None = None
    notes: tuple[str, ...] = ()
    degraded: bool = False
    rules: dict[str, Any] | None = None
    llm: dict[str, Any] | None = None

    @property
    def basis(self) -> str:
        """What the confidence rests on."""
        return _BASIS[self.by]


def by_rules(judged: Judged, *missed: str, llm: dict[str, Any] | None = None) -> Advised:
    """Give the rules' own answer; degraded where a wanted engine was missed, with the reason."""
    confidence = None if judged.verdict == "not_evaluable" else 1.0
    return Advised(judged, "rule", confidence, notes=missed, degraded=bool(missed), llm=llm)


class Advisor:
    """Brings the model into a judgment."""

    def __init__(self, inquirer: Inquirer) -> None:
        """Ask through `inquirer`."""
        self.inquirer: Final = inquirer
        self._outcomes: Counter = inquirer.outcomes

    async def advise(
        self,
        method: Method,
        plan: Plan,
        judged: Judged,
        record: bytes,
        *,
        calibration: Calibration = UNKNOWN,
        until: float | None = None,
    ) -> Advised:
        """Give the answer of a method other than `rule`: never an error, the rules' answer where the model fails.

        `until` is a monotonic moment that ends a whole batch.
        """
        strategy = plan.document.strategy
        course = course_of(method, strategy)
        if course is None:
            return by_rules(judged)
        state = self.inquirer.config.state
        if state != "ready":
            return by_rules(judged, f"judged by rules alone: {NO_MODEL[state]}; strategy {strategy}")
        if plan.form is None or plan.document.llm is None:
            return by_rules(judged, f"judged by rules alone: the workflow has no llm.criteria; strategy {strategy}")
        if not asks(course, judged):
            return by_rules(judged)
        heard = await self._hear(plan.document, plan.form, record, until)
        if heard.opinion is None:
            reason: Reason = heard.reason or "no_answer"
            told = f"judged by rules alone: the language model was not used: {REASONS[reason]}; strategy {strategy}"
            return by_rules(judged, told, llm=_block(heard, course, None, None, calibration))
        decision = decide(course, judged, heard.opinion)
        block = _block(heard, course, heard.opinion, decision, calibration)
        return _advised(judged, decision, heard.opinion, block, calibration.state)

    async def _hear(self, document: WorkflowDocument, form: AnswerForm, record: bytes, until: float | None) -> Heard:
        llm = document.llm
        criteria, model = ("", None) if llm is None else (llm.criteria, llm.model)
        schema = _ENCODER.encode(form.sent["properties"]["result"]["anyOf"][0]).decode()
        told = prompt.messages(document, criteria, schema, record, secrets.token_hex(6))
        return await self.inquirer.inquire(told, form, model=model, until=until)


def _advised(judged: Judged, decision: Decision, opinion: Opinion, block: dict[str, Any], calibration: str) -> Advised:
    if decision.by == "rule":
        notes = ("rules and model disagree; the rules' answer stands",) if decision.agrees is False else ()
        return replace(by_rules(judged, llm=block), notes=notes)
    said = {"verdict": judged.verdict, "result": judged.result, "causes": judged.causes}
    told = {
        "ko": f"모델: {opinion.reason} (규칙: {judged.explanation['ko']})",
        "en": f"Model: {opinion.reason} (rules: {judged.explanation['en']})",
    }
    answer = replace(
        judged, verdict=decision.verdict, result=decision.result, causes=_causes(decision), explanation=told
    )
    if decision.by == "hybrid":
        return Advised(answer, "hybrid", None if decision.unclear else 1.0, rules=said, llm=block)
    confidence = None if decision.unclear else opinion.confidence
    # Rules that cover nothing have no answer to disagree with.
    contrary = decision.agrees is False and judged.verdict == "matched"
    notes = ("rules and model disagree; the model's answer stands",) if contrary else ()
    return Advised(answer, "llm", confidence, calibration, notes, rules=said, llm=block)


def _causes(decision: Decision) -> list[dict[str, Any]]:
    if decision.unclear is None:
        return []
    reason, reason_ko = _UNCLEAR[decision.unclear]
    empty = dict.fromkeys(("table", "rule", "column", "cell", "input", "value"))
    return [{"code": decision.unclear, **empty, "reason": reason, "reason_ko": reason_ko}]


def _block(
    heard: Heard, course: Course, opinion: Opinion | None, decision: Decision | None, calibration: Calibration
) -> dict[str, Any]:
    """Write what is kept of the model's part."""
    block: dict[str, Any] = {
        "outcome": "answered" if opinion is not None else heard.reason,
        "course": course,
        "model": heard.model,
        "attempts": heard.attempts,
        "latency_ms": heard.latency_ms,
        "prompt_tokens": heard.prompt_tokens,
        "completion_tokens": heard.completion_tokens,
    }
    if opinion is None or decision is None:
        return block
    measured = calibration.state == "measured"
    return block | {
        "verdict": opinion.verdict,
        "result": opinion.result,
        "reason": opinion.reason,
        "agrees": decision.agrees,
        "confidence": opinion.confidence,
        "calibration": calibration.state,
        "feedback_n": calibration.n,
        "brier": calibration.brier,
        "observed": calibration.observed(opinion.confidence) if measured else None,
    }
