"""An outcome in sentences, Korean and English."""

from collections.abc import Callable
from typing import Final

from judgify.decision.feel.shown import as_json
from judgify.decision.trace import Cause, Matched, NotEvaluable, Outcome
from judgify.decision.wording import Language

_DEFAULT: Final[dict[Language, str]] = {
    "en": "No rule matched; the table's declared default applies: {output}",
    "ko": "맞는 규칙이 없어 표에 선언된 기본값을 적용합니다: {output}",
}
_MATCHED: Final[dict[Language, str]] = {
    "en": "Matched: {rules} → {output}",
    "ko": "맞은 규칙: {rules} → {output}",
}
_NOT_MATCHED: Final[dict[Language, str]] = {"en": "No rule matched.", "ko": "맞는 규칙이 없습니다."}


def _english(cause: Cause) -> str:
    place = f'rule "{cause.rule}", ' if cause.rule else ""
    cell = f"cell {cause.cell} of {cause.column}" if cause.cell else f"output {cause.column}" if cause.column else ""
    at = f", input {cause.input}" if cause.input and cause.input != cause.column else ""
    value = f" (value: {as_json(cause.value)})" if cause.given else ""
    where = f"{place}{cell}{at}".strip(", ")
    return f"Not evaluable{' — ' + where if where else ''}: {cause.explain('en')}{value}"


def _korean(cause: Cause) -> str:
    place = f"규칙 '{cause.rule}', " if cause.rule else ""
    cell = f"'{cause.column}' 칸 {cause.cell}" if cause.cell else f"출력 '{cause.column}'" if cause.column else ""
    at = f", 입력 '{cause.input}'" if cause.input and cause.input != cause.column else ""
    value = f" (값: {as_json(cause.value)})" if cause.given else ""
    where = f"{place}{cell}{at}".strip(", ")
    return f"판단할 수 없음{' — ' + where if where else ''}: {cause.explain('ko')}{value}"


_CAUSE: Final[dict[Language, Callable[[Cause], str]]] = {"en": _english, "ko": _korean}


def explain(outcome: Outcome, language: Language = "ko") -> list[str]:
    """Word an outcome: one sentence, or one per cause when it is not evaluable."""
    if isinstance(outcome, NotEvaluable):
        return [_CAUSE[language](cause) for cause in outcome.causes]
    if not isinstance(outcome, Matched):
        return [_NOT_MATCHED[language]]
    output = ", ".join(f"{name} = {as_json(value)}" for name, value in outcome.output.items())
    form = _DEFAULT if outcome.by_default else _MATCHED
    return [form[language].format_map({"rules": ", ".join(outcome.rules), "output": output})]
