"""How pages are made: templates with escaping on, two languages, times in KST, headers that forbid inline scripts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from judgify.kit.auth import Principal
from judgify.kit.clock import SEOUL, parse, show
from judgify.response.api.parts import response
from judgify.response.documents.record import Record
from judgify.response.guide_policy import GuidePolicy
from judgify.response.incident import Incident
from judgify.response.model import Lang
from judgify.response.policy import Policy

LANG_COOKIE: Final = "judgify_lang"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""On every page. `same-origin` keeps a sign-in link's token from any other site."""

STATES: Final = {
    "open": ("발생", "open"),
    "acknowledged": ("접수됨", "acknowledged"),
    "mitigating": ("조치 중", "mitigating"),
    "recovered": ("복구됨", "recovered"),
    "resolved": ("해결됨", "resolved"),
    "closed": ("종료", "closed"),
}
UNITS: Final = {
    "running": ("실행 중", "running"),
    "starting": ("시작 중", "starting"),
    "stopped": ("중지됨", "stopped"),
    "exited": ("종료됨", "exited"),
    "failed": ("실패", "failed"),
}
APPROVALS: Final = {
    "waiting": ("승인 대기", "waiting"),
    "granted": ("승인됨", "granted"),
    "rejected": ("거절됨", "rejected"),
    "lapsed": ("만료됨", "lapsed"),
    "used": ("실행됨", "used"),
}
ROLES: Final = {
    "viewer": ("조회자", "viewer"),
    "responder": ("대응자", "responder"),
    "commander": ("지휘자", "commander"),
    "admin": ("관리자", "admin"),
}
RISKS: Final = {"safe": ("안전", "safe"), "guarded": ("되돌릴 수 있음", "guarded"), "dangerous": ("위험", "dangerous")}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page; `csrf` is the token of the session's forms."""

    who: Principal
    csrf: str

    def may(self, role: str) -> bool:
        """Tell whether buttons of this role are shown; the server decides again when one is pressed."""
        return self.who.has(role)


def lang_of(request: Request) -> Lang:
    """Give the page's language: `?lang=`, else the cookie, else Korean."""
    asked = request.query_params.get("lang") or request.cookies.get(LANG_COOKIE, "")
    return "en" if asked == "en" else "ko"


def words(lang: Lang) -> Callable[[str, str], str]:
    """Give the function by which templates choose between their Korean and their English wording."""

    def choose(ko: str, en: str) -> str:
        return ko if lang == "ko" else en

    return choose


def took(seconds: float | timedelta | None, lang: Lang) -> str:
    """Write a duration for people, its two largest units."""
    if seconds is None:
        return "–"
    total = round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    sign, total = ("-", -total) if total < 0 else ("", total)
    names = ("일", "시간", "분", "초") if lang == "ko" else (" d", " h", " min", " s")
    days, rest = divmod(total, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{value}{name}" for value, name in zip((days, hours, minutes, rest), names, strict=True) if value]
    return sign + (" ".join(parts[:2]) or f"0{names[3]}")


def kst(moment: datetime | str | None) -> str:
    """Write a moment with its zone named."""
    if moment is None or moment == "":
        return "–"
    return show(parse(moment) if isinstance(moment, str) else moment)


def hour(moment: datetime | str | None) -> str:
    """Write the time of day in Asia/Seoul; the zone is named beside it."""
    if moment is None:
        return "–"
    return (parse(moment) if isinstance(moment, str) else moment).astimezone(SEOUL).strftime("%H:%M:%S")


def figure(value: float | None, unit: str = "") -> str:
    """Write a figure; a dash where nothing was measured."""
    if value is None:
        return "–"
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()


def title_of(incident: Incident, policy: Policy, lang: Lang) -> str:
    """Give an incident's title in the page's language where it is the one that the guide makes, else as recorded."""
    name = incident.signals[0].signal
    if not isinstance(policy, GuidePolicy) or incident.title != policy.title(incident.key.root, name):
        return incident.title
    record = Record(policy.guide, lang, incident, ())
    return f"{record.service(incident.key.root)}: {record.signal(name)}"


_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(
    loader=PackageLoader("judgify.console", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"kst": kst, "hour": hour, "figure": figure}


def fragment(request: Request, name: str, visitor: Visitor | None, **values: Any) -> str:
    """Render a template with what every template may use; every value is escaped."""
    lang = lang_of(request)
    t = words(lang)
    tables = {"state": STATES, "unit": UNITS, "approval": APPROVALS, "role": ROLES, "risk": RISKS}

    def word(table: str, key: str) -> str:
        known = tables[table].get(key)
        return key if known is None else t(*known)

    context = {
        "t": t,
        "word": word,
        "took": lambda seconds: took(seconds, lang),
        "lang": lang,
        "visitor": visitor,
        "may": lambda role: visitor is not None and visitor.may(role),
        "title_of": lambda incident: title_of(incident, response(request).policy, lang),
        "path": request.url.path,
        "now": response(request).clock.now(),
        "done": request.query_params.get("done", ""),
        "csrf_field": _csrf_field(visitor),
    }
    return _ENVIRONMENT.get_template(name).render(**context, **values)


def _csrf_field(visitor: Visitor | None) -> Markup:
    if visitor is None:
        return Markup("")
    return Markup('<input type="hidden" name="csrf" value="{}">').format(visitor.csrf)


def page(request: Request, name: str, visitor: Visitor | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Answer with a page; a language that was asked for in the address is remembered."""
    reply = HTMLResponse(fragment(request, name, visitor, **values), status, headers=HEADERS)
    if request.url.scheme == "https":
        reply.headers["Strict-Transport-Security"] = "max-age=31536000"
    asked = request.query_params.get("lang")
    if asked in {"ko", "en"}:
        reply.set_cookie(LANG_COOKIE, asked, max_age=31_536_000, samesite="lax", path="/")
    return reply
