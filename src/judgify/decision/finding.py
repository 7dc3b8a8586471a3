"""One thing that an analysis found, and how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from judgify.decision.feel.shown import as_json
from judgify.decision.wording import Language

LEVELS: Final[dict[str, str]] = {
    "gap": "warning",
    "conflict": "error",
    "overlap": "warning",
    "impossible": "error",
    "masked": "error",
    "redundant": "warning",
    "unsaid": "warning",
    "hit-policy": "note",
}
"""How grave each kind is; a gap of a table with a default is a note."""
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "gap": (
        "맞는 규칙이 없는 입력이 있습니다: {where}. 예: {example}",
        "no rule for {where}; for example {example}",
    ),
    "conflict": (
        "같은 입력에 서로 다른 답을 내는 규칙: {rules}. 예: {example}",
        "rules {rules} answer the same input differently; for example {example}",
    ),
    "overlap": (
        "같은 입력에 함께 맞는 규칙: {rules}. 예: {example}",
        "rules {rules} hold for the same input; for example {example}",
    ),
    "impossible": ("어떤 입력에도 맞지 않는 규칙: {rules}", "no input meets rule {rules}"),
    "masked": ("앞선 규칙({by})에 늘 가려지는 규칙: {rules}", "rule {rules} is always covered by {by} before it"),
    "redundant": ("지워도 답이 달라지지 않는 규칙: {rules}", "without rule {rules} the answers stay the same"),
    "unsaid": ("어떤 규칙도 내지 않는 출력: {where}", "no rule gives the declared output {where}"),
    "hit-policy": (
        "적중 정책은 {now}보다 {instead} 쪽이 맞아 보입니다",
        "hit policy {instead} seems to fit better than {now}",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        kind: One of `LEVELS`.
        rules: The ids of the rules that it is about.
        where: Inputs as unary tests of FEEL (those not named may be anything); of an output its name and value.
        example: An object for which it shows; of an input that no cell speaks of nothing is said.
        params: What else its sentence needs.
    """

    kind: str
    rules: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """`error`, `warning` or `note`."""
        return "note" if self.params.get("default") else LEVELS[self.kind]

    def explain(self, language: Language = "ko") -> str:
        """Say it in a sentence."""
        anything = "아무 입력" if language == "ko" else "any input"
        values = {
            "rules": ", ".join(self.rules),
            "where": ", ".join(f"{name} {test}" for name, test in self.where.items()) or anything,
            "example": as_json(self.example),
            **{name: ", ".join(value) if isinstance(value, tuple) else value for name, value in self.params.items()},
        }
        return _TEXTS[self.kind][0 if language == "ko" else 1].format(**values)

    def to_dict(self) -> dict[str, Any]:
        """Give the finding as JSON holds it."""
        return {
            "kind": self.kind,
            "level": self.level,
            "rules": list(self.rules),
            "where": dict(self.where),
            "example": None if self.example is None else dict(self.example),
            "text": {"ko": self.explain("ko"), "en": self.explain("en")},
        }
