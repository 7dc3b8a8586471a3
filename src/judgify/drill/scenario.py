"""The scenarios: what is broken and how, what the guide expects, and what recovery must not exceed."""

from dataclasses import dataclass
from typing import Final, Literal

from judgify.kit.errors import NotFound

Fault = Literal["kill", "cache", "model", "release"]
"""kill: SIGKILL to the unit. cache: the same to Redis, judged by the cache. model: the language model's endpoint fails.
release: a release that leaks memory."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that a segment may take, in seconds, and the most judgments that may be lost."""

    detected_s: float = 5.0
    handed_over_s: float = 1.0
    restored_s: float = 20.0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drill. `service` is the root that the incident must name; `unit` is what the supervisor calls it."""

    name: str
    title: dict[str, str]
    unit: str
    service: str
    severity: str
    fault: Fault
    guide: str
    durability: str | None = None
    """What the answer must say of its durability to count as right. Judgments go on in a spool while the database is
    down, so that an answer alone would not show this fault."""
    allowance: Allowance = Allowance()
    cause: tuple[str, str] = ("", "")
    """The root cause in Korean and English, as it is recorded; empty for a kill."""
    counted_from: Literal["fault", "mended"] = "fault"
    """What `restored` is counted from: the fault, or the moment at which the drill itself ended it."""
    starts_unit: bool = True
    """Whether the cure is a start, which the policy allows by itself once in ten minutes for each unit."""


SCENARIOS: Final = (
    Scenario(
        name="judgment-service-down",
        title={"ko": "판단 서비스 중단", "en": "Judgment service down"},
        unit="judgment",
        service="judgment",
        severity="P1",
        fault="kill",
        guide="1.1, 4.2",
    ),
    Scenario(
        name="gateway-down",
        title={"ko": "API 게이트웨이 완전 중단", "en": "API gateway fully down"},
        unit="gateway",
        service="gateway",
        severity="P0",
        fault="kill",
        guide="1.1, 4.1",
    ),
    Scenario(
        name="database-down",
        title={"ko": "데이터베이스 서버 중단", "en": "Database server down"},
        unit="postgres",
        service="database",
        severity="P0",
        fault="kill",
        guide="1.1, 4.3",
        durability="database",
    ),
    Scenario(
        name="redis-down",
        title={"ko": "Redis 중단", "en": "Redis down"},
        unit="redis",
        service="redis",
        severity="P2",
        fault="cache",
        guide="4.4",
    ),
    Scenario(
        name="bad-release",
        title={"ko": "메모리가 새는 릴리스 배포", "en": "A release that leaks memory"},
        unit="judgment",
        service="judgment",
        severity="P1",
        fault="release",
        guide="3.2, 4.2",
        allowance=Allowance(restored_s=40.0),
        cause=(
            "훈련: 메모리가 새는 릴리스 v2.0.0-leak을 배포함",
            "Drill: v2.0.0-leak, which leaks memory, was released",
        ),
        starts_unit=False,
    ),
    Scenario(
        name="llm-failing",
        title={"ko": "LLM API 호출 실패", "en": "Calls of the language model fail"},
        unit="judgment",
        service="judgment",
        severity="P2",
        fault="model",
        guide="4.2",
        cause=(
            "훈련: 모델 엔드포인트가 오류, 지연, 무의미한 응답을 차례로 보냄",
            "Drill: the model's endpoint failed, crawled and talked nonsense",
        ),
        counted_from="mended",
        starts_unit=False,
    ),
)


def find(name: str) -> Scenario:
    """Give the scenario of that name; `NotFound` lists the ones there are."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise NotFound(f"there is no drill named {name!r}; there are {', '.join(one.name for one in SCENARIOS)}")
