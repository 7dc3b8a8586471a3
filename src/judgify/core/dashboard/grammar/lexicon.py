"""The words of requests in Korean and English, each with what it means. Data; pure.

A word's meaning is `kind:value`. Korean phrases are written with their spaces; without them they mean the same.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TABLE: Final[dict[str, str]] = {
    # what is shown
    "subject:judgment": (
        "판정 | 판단 | 심사 | 판정 건 | judgment | judgments | judgement | judgements | decision | "
        "decisions | execution | executions"
    ),
    "split:verdict": "판정 결과 | 판단 결과 | verdict | verdicts",
    "subject:log": "로그 | 로그 줄 | log | logs | log line | log lines",
    "subject:action": "액션 | 조치 | 후속 조치 | 후속 동작 | action | actions",
    "pattern:": "패턴 | 유형별 메시지 | pattern | patterns",
    # groups
    "group:workflow": "워크플로우 | 워크플로 | 업무 흐름 | workflow | workflows",
    "group:result": "결과 | 결과 값 | 결과값 | result | results | outcome | outcomes",
    "group:method": "방법 | 방식 | 판정 방법 | 판정 방식 | 엔진 | method | methods | engine",
    "group:service": "서비스 | service | services",
    "group:level": "레벨 | 로그 레벨 | 수준 | 심각도 | level | levels | log level",
    "group:state": "상태 | state | states | status",
    "group:type": "종류 | 유형 | type | types",
    "by:": ("별 | 마다 | 당 | 기준 | by | per | each | for each | grouped by | group by | broken down by | split by"),
    # measures
    "count:": (
        "수 | 건수 | 개수 | 갯수 | 횟수 | 건 | 몇 건 | 몇 개 | 총 | 합계 | 총계 | 총 건수 | 전체 "
        "건수 | count | counts | number | number of | how many | total"
    ),
    "rate:success_rate": "성공률 | 성공 비율 | 판정 성공률 | success rate | success ratio",
    "rate:match_rate": "일치율 | 해당률 | 일치 비율 | match rate",
    "rate:mismatch_rate": "불일치율 | 불일치 비율 | mismatch rate | non match rate",
    "rate:unclear_rate": "판정 불가율 | 불가율 | 판정 불가 비율 | 평가 불가율 | not evaluable rate",
    "duration:": (
        "판정 시간 | 처리 시간 | 소요 시간 | 응답 시간 | 걸린 시간 | 실행 시간 | 판정 소요 시간 | "
        "판정 처리 시간 | 지연 시간 | 지연 | duration | durations | latency | judgment time | "
        "judgement time | processing time | execution time | response time | time taken"
    ),
    "stat:avg": "평균 | average | avg | mean",
    "stat:max": "최대 | 최대값 | 최댓값 | 최고 | max | maximum | longest",
    "stat:min": "최소 | 최소값 | 최솟값 | 최저 | min | minimum | shortest",
    "stat:p50": "중앙값 | 중간값 | p50 | median",
    "stat:p90": "p90",
    "stat:p95": "p95",
    "stat:p99": "p99",
    # filters
    "verdict:matched": "일치 | 해당 | 규칙 해당 | matched | match | matches",
    "verdict:not_matched": (
        "불일치 | 미해당 | 해당 없음 | 미일치 | not matched | unmatched | mismatch | mismatches | mismatched"
    ),
    "verdict:not_evaluable": "판정 불가 | 평가 불가 | 판정 불능 | not evaluable | unevaluable",
    "failure:": "실패 | 실패 건 | failure | failures | failed",
    "level:ERROR": "오류 | 에러 | error | errors",
    "level:WARNING": "경고 | warning | warnings | warn",
    "level:CRITICAL": "치명 | 치명적 오류 | 심각 | critical | fatal",
    "level:INFO": "정보 | info",
    "level:DEBUG": "디버그 | debug",
    "method:rule": "규칙 판정 | 규칙 기반 | rule based | by rules",
    "method:llm": "모델 판정 | 언어 모델 | 언어모델 | llm | language model",
    "state:waiting": "대기 | 대기 중 | 대기중 | waiting | pending",
    "state:done": "완료 | 완료된 | done | completed | finished",
    "state:dead": "포기 | 포기된 | 전달 실패 | dead | dead letter | dead letters",
    "service:gateway": "게이트웨이 | gateway",
    "service:judgment": "판정 서비스 | judgment service",
    "service:workflow": "워크플로우 서비스 | 워크플로 서비스 | workflow service",
    "service:action": "액션 서비스 | 조치 서비스 | action service",
    "service:notification": "알림 서비스 | notification service",
    "service:logging": "로그 서비스 | 로깅 서비스 | logging service",
    "service:dashboard": "대시보드 서비스 | dashboard service",
    "service:postgres": "데이터베이스 | postgres | postgresql | database",
    # shapes
    "kind:line": (
        "선 그래프 | 꺾은선 | 꺾은선 그래프 | 선형 그래프 | 라인 차트 | 라인 그래프 | 선 차트 | "
        "line | line chart | line graph | lines"
    ),
    "kind:bar": (
        "막대 | 막대 그래프 | 막대 차트 | 바 차트 | 바 그래프 | bar | bars | bar chart | bar graph | column chart"
    ),
    "kind:pie": (
        "파이 | 파이 차트 | 파이 그래프 | 원 그래프 | 원형 그래프 | 원형 차트 | 도넛 | 도넛 차트 | "
        "pie | pie chart | donut | donut chart | doughnut"
    ),
    "kind:gauge": "게이지 | 게이지 차트 | 계기판 | gauge | gauge chart",
    "kind:kpi": (
        "kpi | 숫자 | 숫자 카드 | 지표 | 지표 카드 | 카드 | 핵심 지표 | 단일 값 | number card | "
        "card | single number | single value"
    ),
    "kind:table": "표 | 테이블 | 목록 | 리스트 | table | list",
    "graph:": (
        "그래프 | 차트 | 도표 | 대시보드 | 화면 | 패널 | graph | graphs | chart | charts | "
        "dashboard | dashboards | panel | panels | plot"
    ),
    # time
    "trend:": ("추이 | 추세 | 변화 | 흐름 | 경향 | trend | trends | over time | timeline | history | time series"),
    "unit:minute": "분 | minute | minutes | min | mins",
    "unit:hour": "시간 | 시간대 | hour | hours",
    "unit:day": "일 | 날짜 | 일자 | 날 | 하루 | day | days | date",
    "unit:week": "주 | 주일 | 주간 | week | weeks",
    "unit:month": "달 | 월 | 개월 | month | months",
    "every:1m": "매분 | 분당 | minutely | minute by minute",
    "every:1h": "매시간 | 매시 | hourly | hour by hour",
    "every:1d": "매일 | 일일 | daily | day by day",
    "every:1w": "매주 | weekly | week by week",
    "step:": "단위 | 간격 | every | intervals | interval",
    "last:": "지난 | 최근 | 이전 | 직전 | last | past | recent | previous",
    "recent:": "요즘 | 요새 | recently | lately",
    "this:": "이번 | 금 | this | current",
    "calendar:day:0": "오늘 | 금일 | 오늘 하루 | today",
    "calendar:day:-1": "어제 | 전일 | 전날 | yesterday",
    "calendar:day:-2": "그제 | 그저께 | 엊그제 | day before yesterday",
    "calendar:week:0": "이번 주 | 금주 | this week",
    "calendar:week:-1": "지난 주 | 전주 | 저번 주 | last week | previous week",
    "calendar:month:0": "이번 달 | 금월 | 이달 | this month",
    "calendar:month:-1": "지난 달 | 전월 | 저번 달 | last month | previous month",
    "span:week": "일주일 | 한 주 | 일주일간",
    "versus:": (
        "대비 | 비교 | 비교해 | 비교하여 | 비교해서 | 견주어 | vs | versus | compared to | compared "
        "with | against | compare"
    ),
    # order
    "top:": (
        "상위 | 많은 순 | 많은 순서 | 많은 순으로 | 가장 많은 | 최다 | top | most | most frequent | "
        "most common | biggest"
    ),
    "of:": "개 | 위",
    "and:": "및 | 그리고 | 또 | 또는 | 하고 | and | plus | as well as | or",
    "all:": "전체 | 모든 | 모두 | all | every one",
}

_STOP: Final = """
간 거 걸 것 관련 관한 구분 구분해 구분해서 궁금합니다 궁금해 그려 그려주세요 그려줘 기간 나누어 나눠 나눠서
나온 나의 나타내 나타내는 나타내줘 내 내가 는 대한 대해 동안 돼 되 되는 된 를 만들기 만들어 만들어주세요
만들어줘 몇 모양 무엇 묶어 묶어서 뭐 발생 발생한 보고 보여 보여주세요 보여주십시오 보여줘 보여줘요 볼 볼게
볼래 봐 부탁 부탁드립니다 부탁합니다 부탁해 부탁해요 분석 분석해줘 분포 비율 뽑아 뽑아줘 싶다 싶습니다 싶어
싶어요 안 알고 알려 알려주세요 알려줘 어떻게 얼마나 우리 원해 은 을 의 인가 인지 있는 정리 정리해 정리해줘 좀
주세요 주십시오 중 줘 집계 집계해 통계 표시 표시해 표시해주세요 표시해줘 하나 해 해주세요 해줘 현황 형식 형태
a an are as at be breakdown build by can could create did display distribution do does draw during for form
from generate get give had happened has have i in is it its let lets like make me my need occurred of on our
overview please plot s see share show statistics stats that the there to us using view want was we were what
which who with within would you
"""
STOP: Final = frozenset(_STOP.split())
"""Words that change nothing."""

_PARTICLES: Final = """
으로써 으로는 에서는 에서의 까지의 부터의 으로 에서 에게 에는 까지 부터 보다 처럼 이나 이랑 하고 별로 간의
동안 들의 들을 들이 이라 인지 이고 로는 로의 을 를 이 가 은 는 의 에 로 와 과 도 만 나 랑 들 간 요 한 된 했던
하는 되는 인
"""
PARTICLES: Final = tuple(_PARTICLES.split())
JOINING: Final = frozenset({"와", "과", "랑", "이랑", "하고", "이나", "나"})
"""Particles that join two things."""

NUMERALS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "한": 1,
        "두": 2,
        "세": 3,
        "네": 4,
        "다섯": 5,
        "여섯": 6,
        "일곱": 7,
        "여덟": 8,
        "아홉": 9,
        "열": 10,
        "one": 1,
        "two": 2,
        "three": 3,
        "four": 4,
        "five": 5,
        "six": 6,
        "seven": 7,
        "eight": 8,
        "nine": 9,
        "ten": 10,
        "twelve": 12,
        "이틀": 2,
        "사흘": 3,
    }
)

GLOSSARY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "라인": "line",
        "설비": "equipment",
        "기계": "machine",
        "제품": "product",
        "지역": "region",
        "부서": "department",
        "고객": "customer",
        "공정": "process",
        "온도": "temperature",
        "습도": "humidity",
        "진동": "vibration",
        "압력": "pressure",
        "교대": "shift",
        "작업자": "operator",
        "공장": "plant",
        "사용자": "user",
        "금액": "amount",
        "국가": "country",
        "품목": "item",
    }
)
"""Korean names that fields with English names go by, and the other way round."""


def _words() -> dict[str, str]:
    return {word.strip(): meaning for meaning, words in _TABLE.items() for word in words.split("|")}


WORDS: Final[Mapping[str, str]] = MappingProxyType(_words())
"""Every word and phrase with its meaning."""
