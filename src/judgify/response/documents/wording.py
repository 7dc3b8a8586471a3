"""The sentences of the documents in both languages. Nothing here states a fact: facts are the values put in."""

from collections.abc import Mapping
from typing import Final

from judgify.response.guide.base import Text


def _text(ko: str, en: str) -> Text:
    return Text(ko=ko, en=en)


WORDING: Final[Mapping[str, Text]] = {
    # general
    "evidence": _text("(근거 {numbers})", "(evidence {numbers})"),
    "not_recorded": _text("기록되지 않음", "not recorded"),
    "not_estimated": _text("산정하지 않음", "not estimated"),
    "engine": _text("대응 엔진", "the response engine"),
    "everyone": _text("전체", "everyone"),
    "seconds": _text("{s}초", "{s} s"),
    "minutes": _text("{m}분", "{m} min"),
    "minutes_seconds": _text("{m}분 {s}초", "{m} min {s} s"),
    "hours": _text("{h}시간", "{h} h"),
    "hours_minutes": _text("{h}시간 {m}분", "{h} h {m} min"),
    # how it was detected
    "by_probe": _text("자체 프로브", "own probe"),
    "by_metrics": _text("자체 지표 감시", "own watch on the metrics"),
    "by_heartbeat": _text("하트비트 누락", "missed heartbeat"),
    "by_alertmanager": _text("AlertManager 알림", "AlertManager alert"),
    "by_generic": _text("외부 알림", "alert from outside"),
    "by_person": _text("담당자 신고", "report by a person"),
    "detected": _text("{how}: {service}, {signal}", "{how}: {service}, {signal}"),
    # scope and state
    "scope_services": _text("{services}", "{services}"),
    "scope_units": _text("정상이 아닌 유닛: {units}", "units not in order: {units}"),
    "figure_change": _text("{name} {before} → {during}", "{name} {before} → {during}"),
    "figure": _text("{name} {during}", "{name} {during}"),
    "state_open": _text("장애 확인, 접수 대기 중", "confirmed, waiting to be acknowledged"),
    "state_acknowledged": _text("{who} 접수, 대응 중", "acknowledged by {who}, being worked on"),
    "state_mitigating": _text("긴급 복구 중", "emergency recovery under way"),
    "state_mitigating_by": _text("긴급 복구 중: {will}", "emergency recovery under way: {will}"),
    "state_recovered": _text("{at} 복구됨, 안정 상태 확인 중", "restored at {at}, being watched"),
    "state_resolved": _text("해결됨", "resolved"),
    "state_closed": _text("종료됨", "closed"),
    "state_merged": _text("{into}에 통합됨", "merged into {into}"),
    "customers_open": _text("긴급 복구 중입니다", "we are working on it with priority"),
    "customers_recovered": _text(
        "복구되어 안정 상태를 확인하고 있습니다", "restored; we are watching that it stays so"
    ),
    "customers_resolved": _text("해결되었습니다", "resolved"),
    "customers_closed": _text("해결되었습니다", "resolved"),
    "period": _text("{start}~{end} ({took})", "{start}~{end} ({took})"),
    "period_open": _text("{start}~ (복구 기록 없음)", "{start}~ (no recovery recorded)"),
    # figures of guide 5.2
    "active_users": _text("활성 사용자", "active users"),
    "error_percentage": _text("에러율", "error rate"),
    "unfinished_requests": _text("완료되지 못한 요청", "unfinished requests"),
    "judgments": _text("판단 실행", "judgments"),
    "dashboards": _text("대시보드 생성", "dashboards generated"),
    "api_calls": _text("API 호출", "API calls"),
    "sla_availability_percentage": _text("가용성", "availability"),
    "sla_p95_ms": _text("응답시간 p95", "response time p95"),
    "sla_error_percentage": _text("에러율", "error rate"),
    # the timeline
    "opened": _text(
        "장애 최초 감지 ({how}): {service}, {signal}; 심각도 {severity}, {reason}",
        "first detected ({how}): {service}, {signal}; severity {severity}, {reason}",
    ),
    "declared": _text("{who} 장애 선언: {text}", "declared by {who}: {text}"),
    "joined": _text("신호 추가 ({how}): {service}, {signal}", "further signal ({how}): {service}, {signal}"),
    "counted": _text("같은 신호 누적 {n}건", "{n} repeats of the signals so far"),
    "cleared": _text("외부 해제 통보: {service}, {signal}", "called over from outside: {service}, {signal}"),
    "rerooted": _text("원인 서비스 변경: {before} → {after}", "root service changed: {before} → {after}"),
    "merged": _text("{into}에 통합", "merged into {into}"),
    "severity_changed": _text(
        "심각도 변경 ({who}): {before} → {after}, {reason}", "severity changed by {who}: {before} → {after}, {reason}"
    ),
    "life_at_risk": _text("생명 안전 관련 장애로 지정", "declared a risk to life"),
    "responder": _text("초기 대응자 지정: {person}", "first responder named: {person}"),
    "convened": _text("대응팀 소집: {persons}", "response team called together: {persons}"),
    "step_late": _text("처음 15분 단계 시간 초과: {step}", "step of the first 15 minutes out of time: {step}"),
    "declared_reason": _text("신고한 사람이 정함", "set by the person who reported it"),
    "assigned": _text("{who}, 담당자 배정: {person}", "assigned to {person} by {who}"),
    "acknowledged": _text("{who} 접수", "acknowledged by {who}"),
    "scope_captured": _text("장애 범위 파악: {scope}", "scope found: {scope}"),
    "scope_clear": _text("모든 유닛 실행 중", "all units running"),
    "impact": _text("영향도 측정: {figures}", "impact measured: {figures}"),
    "finding": _text("진단: {title}", "diagnosed: {title}"),
    "finding_failed": _text("진단 실패: {title}", "could not be diagnosed: {title}"),
    "runbook_started": _text("런북 시작: {runbook}", "runbook begun: {runbook}"),
    "runbook_rehearsed": _text("런북 모의 실행 시작: {runbook}", "dry run of runbook begun: {runbook}"),
    "skipped": _text("단계 건너뜀: {step} - {reason}", "step not taken: {step} - {reason}"),
    "step_waits": _text("단계 대기: {step} - {reason}", "step waits: {step} - {reason}"),
    "runbook_done": _text("런북 완료", "runbook done"),
    "runbook_failed": _text("런북 실패: {reason}", "runbook failed: {reason}"),
    "runbook_stopped": _text("런북 중지: {reason}", "runbook stopped: {reason}"),
    "approval_asked": _text("승인 요청 ({n}명 필요): {will}", "approval of {n} asked for: {will}"),
    "approved": _text("{who} 승인", "approved by {who}"),
    "rejected": _text("{who} 거절", "rejected by {who}"),
    "lapsed": _text("승인 요청 만료", "request for approval lapsed"),
    "taken_back": _text("승인 요청 철회", "request for approval taken back"),
    "operation": _text("{who}, 조치 시작: {will}", "{who} began: {will}"),
    "operation_ok": _text("조치 실행됨: {will}", "carried out: {will}"),
    "operation_unchanged": _text("조치할 것이 없었음: {will}", "nothing to be done: {will}"),
    "operation_failed": _text("조치 실패: {will} - {detail}", "failed: {will} - {detail}"),
    "verified": _text("조치 확인: {will}", "verified: {will}"),
    "not_verified": _text("조치 후 확인 실패: {will} - {detail}", "verification failed after: {will} - {detail}"),
    "planned": _text("호출·보고 {n}건 예약", "{n} pages and reports scheduled"),
    "withdrawn": _text("호출·보고 {n}건 취소", "{n} pages and reports withdrawn"),
    "sent": _text("{kind} 전달: {whom}", "{kind} delivered: {whom}"),
    "refused": _text("{kind} 전달 거부됨: {whom}", "{kind} refused: {whom}"),
    "unknown": _text("{kind} 전달 여부 알 수 없음: {whom}", "{kind}, arrival unknown: {whom}"),
    "kind_page": _text("호출", "page"),
    "kind_report": _text("보고", "report"),
    "kind_notice": _text("알림", "notice"),
    "kind_information": _text("정보", "information"),
    "kind_test": _text("시험 호출", "test page"),
    "nobody_reached": _text(
        "호출 {row}: 아무에게도 닿지 못해 다음 단계 {n}건과 24/7 비상 핫라인을 즉시 호출",
        "row {row}: nobody could be reached; the next row ({n} pages) and the 24/7 hotline are called at once",
    ),
    "nobody_left": _text(
        "호출 {row}: 아무에게도 닿지 못했고 더 호출할 단계가 없음",
        "row {row}: nobody could be reached, and there is no further row to call",
    ),
    "hotline": _text("24/7 비상 핫라인", "24/7 hotline"),
    "drafted": _text("공지 초안 작성", "announcement drafted"),
    "written": _text("문서 작성: {path}", "document written: {path}"),
    "impact_nothing": _text("영향도 측정: 측정된 값 없음", "impact measured: no figure was counted"),
    "announced_internal": _text("사내 공지", "announced inside"),
    "announced_customers": _text("고객 공지", "announced to customers"),
    "announced_executives": _text("경영진 공지", "announced to executives"),
    "ticked": _text("체크리스트 ({who}): {item}", "checklist, by {who}: {item}"),
    "phase": _text("{n}단계 진입: {title}", "phase {n} begun: {title}"),
    "mitigation": _text("복구 조치 착수", "mitigation begun"),
    "recovered": _text("서비스 정상화 확인: {at}부터 정상", "service verified: good since {at}"),
    "resolved": _text("장애 해결 ({who})", "resolved ({who})"),
    "reopened": _text("장애 재발, 다시 열림", "failed again, reopened"),
    "cause_recorded": _text("{who}, 근본 원인 기록", "root cause recorded by {who}"),
    "closed": _text("{who}, 장애 종료", "closed by {who}"),
    "note": _text("메모 ({who}): {text}", "note by {who}: {text}"),
    "corrected": _text("{seq}번 기록 정정 ({who}): {text}", "entry {seq} corrected by {who}: {text}"),
    "action_added": _text("액션 아이템 추가: {text}", "action item added: {text}"),
    "action_done": _text("액션 아이템 완료: {text}", "action item done: {text}"),
    "held": _text("자동 복구 중지 ({who}): {reason}", "automation held by {who}: {reason}"),
    "released": _text("자동 복구 재개 ({who})", "automation released by {who}"),
    "drill_ended": _text("훈련 종료: {drill}", "drill ended: {drill}"),
    # what went wrong, what went well
    "wrong_fault": _text("{service} 장애: {signal} ({reason})", "{service} failed: {signal} ({reason})"),
    "wrong_unknown": _text("가이드에 없는 신호였음: {signal}", "the signal was not in the guide: {signal}"),
    "wrong_person_saw": _text("자동 감지보다 먼저 사람이 신고함", "a person reported it before anything detected it"),
    "wrong_late": _text(
        "첫 접수까지 {took} 걸림 (목표 {target})", "first acknowledgement took {took} (target {target})"
    ),
    "wrong_nobody": _text("목표 {target} 안에 접수한 사람이 없음", "nobody acknowledged within the target of {target}"),
    "wrong_refused": _text("전달 거부 {n}건: {whom}", "{n} deliveries refused: {whom}"),
    "wrong_unsure": _text("전달 여부를 알 수 없음 {n}건: {whom}", "{n} deliveries of unknown outcome: {whom}"),
    "wrong_lapsed": _text("승인 요청 {n}건이 답 없이 만료됨", "{n} requests for approval lapsed unanswered"),
    "wrong_runbook": _text("런북이 복구하지 못함: {reason}", "the runbook did not restore it: {reason}"),
    "wrong_reopened": _text("복구 후 재발 {n}회", "failed again {n} times after recovery"),
    "wrong_held": _text("자동 복구가 중지되어 있었음", "automation was on hold"),
    "wrong_sla": _text(
        "{name} 목표 미달: {during} (목표 {target})", "{name} missed its target: {during} (target {target})"
    ),
    "well_detected": _text(
        "{how}로 자동 감지 (최초 증거 후 {took})", "detected by itself, by {how} ({took} after the first evidence)"
    ),
    "well_paged": _text("감지 후 {took} 만에 첫 호출 전달", "first page handed over {took} after detection"),
    "well_acknowledged": _text("{took} 만에 접수 (목표 {target})", "acknowledged within {took} (target {target})"),
    "well_operation": _text("{who} 조치가 서비스를 살림: {will}", "a step by {who} worked: {will}"),
    "well_delivered": _text("호출·보고 {n}건 모두 전달됨", "all {n} pages and reports were delivered"),
    "well_announced": _text("감지 후 {took} 만에 공지", "announced {took} after detection"),
    "well_restored": _text("발생 후 {took} 만에 복구", "restored {took} after it began"),
    "well_sla": _text(
        "{name} 목표 유지: {during} (목표 {target})", "{name} kept its target: {during} (target {target})"
    ),
    "person_says": _text("{text} ({who} 작성)", "{text} (written by {who})"),
    # business impact
    "loss": _text("손실 추정 {amount} {currency}: {terms}", "estimated loss {amount} {currency}: {terms}"),
    "loss_term": _text("{name} {count} × {amount}", "{name} {count} × {amount}"),
    "loss_unmeasured": _text("산정하지 않음 (측정되지 않음: {names})", "not estimated (not measured: {names})"),
    "outage_minutes": _text("중단 시간(분)", "minutes of outage"),
    "failed_requests": _text("실패한 요청", "failed requests"),
    "lost_judgments": _text("줄어든 판단 실행", "judgments missing"),
    "affected_users": _text("영향받은 사용자", "users affected"),
}
"""By key; a name in braces is filled in, escaped."""
