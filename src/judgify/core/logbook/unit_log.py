"""Lines of the units' own log files: JSON of our services, text of PostgreSQL and of Redis servers, anything. Pure."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from judgify.core.logbook.line import LEVELS, MAX_FIELDS, MAX_MESSAGE, Line, level_number, make_line
from judgify.kit.clock import parse
from judgify.kit.errors import Invalid
from judgify.kit.secrets import MASK

_INSTANCE: Final = re.compile(r"-\d{1,4}$")
_SERVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,80}")
_POSTGRES: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?:UTC|GMT) \[(\d+)\]\S*(?: \S+)? ?(?:\S+@\S+ )?"
    r"(DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT):\s+(.*)",
    re.DOTALL,
)
_POSTGRES_LEVELS: Final = {"FATAL": 50, "PANIC": 50, "ERROR": 40, "WARNING": 30}
_DURATION: Final = re.compile(
    r"duration: (\d+(?:\.\d+)?) ms(?:  (?:statement|(?:execute|parse|bind|fastpath function call)[^:\n]*): (.*))?",
    re.DOTALL,
)
_PASSWORD: Final = re.compile(
    r"(?i)(\bpassword\s+)(?:[eu]&?)?('(?:[^']|'')*+(?:'|\Z)|\$(\w*)\$.*?(?:\$\3\$|\Z))", re.DOTALL
)
# CREATE and ALTER ROLE carry one as a literal; the server logs it when the statement is slow or wrong.
_MULTILINE: Final = frozenset({"postgres"})
_REDIS: Final = re.compile(r"(\d+):[A-Z] (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.*#-]) (.*)", re.DOTALL)
_WORD: Final = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARNING|WARN|INFO|DEBUG)\b")


def service_of(file_name: str) -> str:
    """Give the unit that writes a log file: `judgment.log` and its second instance `judgment-1.log` → judgment."""
    name = _INSTANCE.sub("", file_name.removesuffix(".log"))
    return name if _SERVICE.fullmatch(name) else "unknown"


def has_long_entries(service: str) -> bool:
    """Tell whether this unit continues an entry on lines that begin with a tab, as PostgreSQL does."""
    return service in _MULTILINE


def read_unit_line(text: str, service: str, now: datetime) -> Line:
    """Read one line of a unit's log. Nothing is refused: what is not understood is kept as text at INFO."""
    text = text.replace("\x00", "�").rstrip("\r\n")
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return _from_json(document, service, now)
    return _from_postgres(text, service, now) or _from_redis(text, service, now) or _from_text(text, service, now)


def _from_json(document: dict[str, Any], service: str, now: datetime) -> Line:
    rest = dict(document)
    level = level_number(str(rest.pop("level", ""))) or LEVELS["INFO"]
    named = rest.pop("service", None)
    message = _clean(str(rest.pop("message", None) or rest.pop("event", None) or ""))
    request_id = rest.pop("request_id", None)
    if not (isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id)):
        request_id = None
    try:
        time = parse(str(rest.pop("timestamp", ""))[:64], naive=UTC)
    except (Invalid, OverflowError):
        time = now
    if not (isinstance(named, str) and _SERVICE.fullmatch(named)):
        named = service
    if len(json.dumps(rest)) > MAX_FIELDS:
        rest = {
            "cut": True,
            "logger": str(rest.get("logger", ""))[:200],
            "exception": str(rest.get("exception", ""))[-4000:],
        }
    return make_line(
        time=time, level=level, service=named, message=message, now=now, request_id=request_id, fields=rest
    )


def _from_postgres(text: str, service: str, now: datetime) -> Line | None:
    found = _POSTGRES.fullmatch(text)
    if found is None:
        return None
    stamp, pid, word, message = found.groups()
    message = _clean(_PASSWORD.sub(rf"\1'{MASK}'", message.replace("\n\t", "\n")))
    fields: dict[str, Any] = {"pid": int(pid), "kind": word}
    duration = _DURATION.match(message)
    if duration is not None:
        fields["duration_ms"] = float(duration[1])
        if duration[2]:
            # Half of what fields may hold: a character may need more than one when they are written.
            fields["statement"] = duration[2][: MAX_FIELDS // 2]
    time = parse(stamp, naive=UTC)
    level = _POSTGRES_LEVELS.get(word, 20)
    return make_line(time=time, level=level, service=service, message=message, now=now, fields=fields)


def _from_redis(text: str, service: str, now: datetime) -> Line | None:
    found = _REDIS.fullmatch(text)
    if found is None:
        return None
    pid, stamp, mark, message = found.groups()
    try:
        # These servers write local time without naming the zone; the units run with TZ unset, that is the machine's.
        time = datetime.strptime(stamp, "%d %b %Y %H:%M:%S.%f").astimezone(UTC)
    except ValueError:
        time = now
    level = {"#": 30, "*": 20, "-": 20, ".": 10}[mark]
    fields = {"pid": int(pid)}
    return make_line(time=time, level=level, service=service, message=_clean(message), now=now, fields=fields)


def _from_text(text: str, service: str, now: datetime) -> Line:
    word = _WORD.search(text[:200])
    level = level_number(word[1]) if word is not None else None
    return make_line(time=now, level=level or LEVELS["INFO"], service=service, message=_clean(text), now=now)


def _clean(text: str) -> str:
    kept = text.replace("\x00", "�").encode("utf-8", errors="replace").decode("utf-8")
    return kept if len(kept) <= MAX_MESSAGE else kept[: MAX_MESSAGE - 1] + "…"
