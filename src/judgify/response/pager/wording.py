"""What a page says, in Korean (the default) and English. Pure: page, incident and guide in, message out."""

from typing import Any, Final

from judgify.kit.clock import show
from judgify.notify import Kind, Link, Message
from judgify.response.follow import ANSWERED
from judgify.response.guide.base import Lang, Text
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.pager import digest

_DEMAND: Final = {
    "page": Text(ko="담당자로 호출되었습니다. 지금 접수해 주세요", en="You are being paged. Please acknowledge now"),
    "report": Text(ko="보고: 접수는 필요하지 않습니다", en="Report: no acknowledgement is needed"),
    "notice": Text(ko="알림: 접수는 필요하지 않습니다", en="Notice: no acknowledgement is needed"),
    "information": Text(ko="정보: 이미 담당자가 대응하고 있습니다", en="Information: somebody holds it already"),
    "test": Text(ko="시험 호출입니다. 조치는 필요하지 않습니다", en="This is a test page. Nothing has to be done"),
}
_KINDS: Final[dict[str, Kind]] = {"page": "page", "report": "report"}
_TEST: Final = Text(ko="시험 호출", en="Test page")
_HELD: Final = Text(ko="담당", en="Held by")
_LABELS: Final = {
    "severity": Text(ko="심각도", en="Severity"),
    "service": Text(ko="서비스", en="Service"),
    "occurred": Text(ko="발생시간", en="Since"),
    "detected": Text(ko="감지방법", en="Detected by"),
    "reason": Text(ko="근거", en="Why"),
    "state": Text(ko="상태", en="State"),
    "do": Text(ko="할 일", en="What to do"),
    "approval": Text(ko="승인 요청", en="Approval asked for"),
    "command": Text(ko="동등한 명령", en="Equivalent command"),
    "hotline": Text(ko="24/7 비상 핫라인", en="24/7 hotline"),
    "console": Text(ko="대응 콘솔", en="Response console"),
    "runbook": Text(
        ko="자동 복구가 서비스를 되살리지 못했습니다. 사람의 조치가 필요합니다",
        en="Automation did not bring the service back; a person is needed",
    ),
    "team": Text(ko="대응팀 소집", en="Response team called together"),
    "checklist": Text(ko="처음 15분 단계 시간 초과", en="A step of the first 15 minutes is late"),
    "because": Text(ko="이유", en="Reason"),
    "repeat": Text(ko="번째 반복 호출", en="th repetition"),
}
_STATES: Final = {
    "open": Text(ko="발생", en="open"),
    "acknowledged": Text(ko="접수됨", en="acknowledged"),
    "mitigating": Text(ko="조치 중", en="mitigating"),
    "recovered": Text(ko="복구됨", en="recovered"),
    "resolved": Text(ko="해결됨", en="resolved"),
    "closed": Text(ko="종료", en="closed"),
}


def message_of(page: Page, incident: Incident | None, guide: Guide, *, console_url: str, lang: Lang = "ko") -> Message:
    """Write the message of a page. 112/119 comes before everything else when life is at risk."""
    kind: Kind = _KINDS.get(page.kind, "notice")
    links: tuple[Link, ...] = ()
    if incident is not None and page.payload.get("announcement") != "customers":
        links = (Link(_LABELS["console"].of(lang), f"{console_url}/incidents/{incident.id}"),)
    subject = _subject(page, incident, guide, lang)
    return Message(
        kind=kind,
        subject=subject,
        body="\n".join(_body(page, incident, guide, lang)),
        dedup_key=f"{page.incident_id or page.id}:{page.row}:{page.kind}:{page.person}:{page.repeat}",
        severity=incident.severity if incident is not None else None,
        incident_id=incident.id if incident is not None else None,
        links=links,
        lang=lang,
        possibly_repeat=page.possibly_repeat,
    )


def _subject(page: Page, incident: Incident | None, guide: Guide, lang: Lang) -> str:
    if page.payload.get("announcement") == "customers":
        # Customers read what a commander has read, and nothing of ours.
        return _told(page.payload.get("subject"), lang)
    if incident is None:
        return (
            _TEST.of(lang) if page.payload.get("test") else _told(page.payload.get("subject"), lang) or _TEST.of(lang)
        )
    drill = f"{guide.notices.drill.of(lang)} " if incident.drill is not None else ""
    risk = f"{guide.notices.life_at_risk.of(lang)} | " if incident.life_at_risk else ""
    if digest.count(page):
        return f"{risk}{drill}[{incident.severity}] {digest.subject(page, lang)}"
    return f"{risk}{drill}[{incident.severity}] {_titled(incident, guide, lang)} ({incident.id})"


def _body(page: Page, incident: Incident | None, guide: Guide, lang: Lang) -> list[str]:
    lines: list[str] = []
    if incident is not None and incident.life_at_risk:
        lines += [guide.notices.life_at_risk.of(lang), ""]
    if page.possibly_repeat:
        lines.append(guide.notices.possible_repeat.of(lang))
    announcement = _told(page.payload.get("text"), lang) if "announcement" in page.payload else ""
    if announcement:
        return [*lines, announcement]
    lines.append(_demand(page, incident, lang))
    if incident is None:
        text = _told(page.payload.get("text"), lang)
        return [*lines, *([text] if text else [])]
    if page.automation_held:
        lines.append(guide.notices.automation_held.of(lang))
    if digest.count(page):
        return [*lines, "", *digest.body(page, lang)]
    if "runbook" in page.payload:
        lines += ["", *_gave_up(page.payload, guide, lang)]
    if "checklist" in page.payload:
        lines += ["", f"{_LABELS['checklist'].of(lang)}: {_told(page.payload.get('text'), lang)}"]
    lines += ["", *_facts(incident, guide, lang)]
    if "approval" in page.payload or ANSWERED in page.payload:
        lines += ["", *_approval(page.payload, lang)]
    lines += ["", *_to_do(page, incident, guide, lang)]
    return lines


def _demand(page: Page, incident: Incident | None, lang: Lang) -> str:
    text = _DEMAND[page.kind].of(lang)
    holder = None if incident is None else incident.holder or incident.acknowledged_by
    if page.kind == "information" and holder is not None:
        text = f"{text} ({_HELD.of(lang)}: {holder.name})"
    if page.repeat:
        text += f" ({page.repeat}{_LABELS['repeat'].of(lang)})"
    return text


def _facts(incident: Incident, guide: Guide, lang: Lang) -> list[str]:
    severity = guide.severities[incident.severity]
    rows = [
        ("severity", f"{severity.emoji} {incident.severity} ({severity.name})"),
        ("service", _service(incident, guide, lang)),
        ("occurred", show(incident.occurred_at)),
        ("detected", incident.detected_by),
        ("reason", incident.severity_reason),
        ("team", ", ".join(_person(name, guide) for name in incident.team)),
        ("state", _STATES[incident.state].of(lang)),
    ]
    lines = [f"{_LABELS[name].of(lang)}: {value}" for name, value in rows if value]
    if not incident.known:
        lines.append(guide.notices.unknown_signal.of(lang))
    return lines


def _person(key: str, guide: Guide) -> str:
    known = guide.contacts.persons.get(key)
    return key if known is None else known.shown


def _gave_up(payload: dict[str, Any], guide: Guide, lang: Lang) -> list[str]:
    book = guide.runbooks.get(str(payload["runbook"]))
    title = str(payload["runbook"]) if book is None else book.title.of(lang)
    reason = _told(payload.get("text"), lang)
    lines = [f"{_LABELS['runbook'].of(lang)}: {title}"]
    return [*lines, *([f"{_LABELS['because'].of(lang)}: {reason}"] if reason else [])]


def _approval(payload: dict[str, Any], lang: Lang) -> list[str]:
    lines = [f"{_LABELS['approval'].of(lang)}: {_told(payload.get('text'), lang)}"]
    if payload.get("command"):
        lines.append(f"{_LABELS['command'].of(lang)}: {payload['command']}")
    return lines


def _to_do(page: Page, incident: Incident, guide: Guide, lang: Lang) -> list[str]:
    lines: list[str] = []
    if "approval" in page.payload:
        lines.append(f"{_LABELS['do'].of(lang)}: judgify incident approve {page.payload['approval']}")
    elif page.kind == "page":
        lines.append(f"{_LABELS['do'].of(lang)}: judgify incident ack {incident.id}")
    lines.append(f"{_LABELS['hotline'].of(lang)}: {guide.contacts.hotline}")
    return lines


def _service(incident: Incident, guide: Guide, lang: Lang) -> str:
    service = guide.services.get(incident.key.root)
    return incident.key.root if service is None else service.label.of(lang)


def _titled(incident: Incident, guide: Guide, lang: Lang) -> str:
    # The engine's own titles begin with the service already, in the default language.
    service = _service(incident, guide, lang)
    named = incident.title.startswith(_service(incident, guide, "ko")) or incident.title.startswith(service)
    return incident.title if named else f"{service}: {incident.title}"


def _told(text: Any, lang: Lang) -> str:
    if isinstance(text, dict):
        return str(text.get(lang) or text.get("ko") or "")
    return str(text) if text else ""
