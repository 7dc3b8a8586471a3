"""Findings: the closed list of facts that diagnosis gathers and recovery steps are conditional on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from judgify.response.guide.base import Text

FindingType = Literal["string", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class FindingSpec:
    """One fact: its type, the diagnose operations that gather it, its name for people.

    A fact that was not gathered, or that does not apply (no limit is set, no release has changed), is left out of
    the findings; it is never given a value that stands for "unknown".
    """

    type: FindingType
    gathered_by: frozenset[str]
    label: Text


def _spec(type_: FindingType, gathered_by: str, ko: str, en: str) -> FindingSpec:
    return FindingSpec(type_, frozenset(gathered_by.split()), Text(ko=ko, en=en))


FINDINGS: Final[Mapping[str, FindingSpec]] = {
    "unit_state": _spec("string", "unit_status", "유닛 상태", "state of the unit"),
    "replicas": _spec("number", "unit_status", "실행 인스턴스 수", "running instances"),
    "exits_in_10min": _spec("number", "unit_status", "10분 내 종료 횟수", "exits within 10 minutes"),
    "release_changed_minutes": _spec(
        "number", "unit_status", "릴리스 변경 후 경과(분)", "minutes since the release changed"
    ),
    "previous_release_healthy": _spec(
        "boolean", "unit_status", "이전 릴리스 정상 여부", "the release before had been healthy"
    ),
    "errors_logged": _spec("number", "unit_logs", "최근 에러 로그 수", "errors in the last log lines"),
    "corruption_message": _spec("boolean", "unit_logs", "데이터 손상 메시지", "a message of corruption in the log"),
    "config_error": _spec("boolean", "unit_logs", "설정 오류 메시지", "a message of bad configuration in the log"),
    "memory_ratio": _spec("number", "unit_resources redis_info", "메모리 사용률", "memory used of its limit"),
    "cpu_ratio": _spec("number", "unit_resources", "CPU 사용률", "processor time used of its limit"),
    "live": _spec("boolean", "probe_http unit_status", "프로세스 응답", "the process answers"),
    "ready": _spec("boolean", "probe_http unit_status", "요청 수신 가능", "it can take traffic"),
    "health_ok": _spec("boolean", "probe_http unit_status", "헬스체크 정상", "its health check is good"),
    "llm_failing": _spec("boolean", "probe_http", "LLM API 실패", "LLM calls fail"),
    "database_reachable": _spec("boolean", "tcp_check", "데이터베이스 연결 가능", "the database can be reached"),
    "redis_reachable": _spec("boolean", "tcp_check redis_info", "Redis 연결 가능", "Redis can be reached"),
    "port_open": _spec("boolean", "tcp_check", "포트 열림", "the port accepts connections"),
    "upstreams_down": _spec("number", "upstreams", "중단된 업스트림 수", "services behind it that are down"),
    "traffic_blocked": _spec("boolean", "traffic", "트래픽 차단 여부", "traffic is blocked"),
    "disk_free_ratio": _spec("number", "disk", "디스크 여유율", "share of the disk that is free"),
    "recent_events": _spec("number", "events", "최근 이벤트 수", "recent platform events"),
    "llm_enabled": _spec("boolean", "env_flags", "LLM 엔진 사용", "the LLM engine is on"),
    "redis_enabled": _spec("boolean", "env_flags", "Redis 사용", "Redis is in use"),
    "read_only": _spec("boolean", "env_flags", "읽기 전용", "read-only mode"),
    "replica_configured": _spec("boolean", "env_flags", "복제본 구성 여부", "there is a replica"),
    "requests": _spec("number", "metrics_window", "요청 수", "requests"),
    "error_ratio": _spec("number", "metrics_window", "에러율", "share of errors"),
    "p95_seconds": _spec("number", "metrics_window", "응답 시간 p95(초)", "response time p95 in seconds"),
    "failure_class": _spec("string", "incident", "장애 유형", "class of failure"),
}
"""`incident` means that the engine knows it from the incident itself."""

ALWAYS_KNOWN: Final = frozenset({"incident"})
"""Sources that need no diagnose step."""
