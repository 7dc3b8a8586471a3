"""What is said and to whom. Pure values; each channel renders them for where they go."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["page", "report", "notice"]
"""`page` must be acknowledged by a person; `report` and `notice` are told once."""
Lang = Literal["ko", "en"]
Severity = Literal["P0", "P1", "P2", "P3"]
Verb = Literal["acknowledge", "approve", "reject"]
"""What a reader may do from within a message."""
Turn = Literal["acknowledged", "recovered", "resolved", "reopened", "answered"]
"""What became of the thing that was told before; `answered`: of what a message asked for (`Message.ask`)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A labelled address to follow. Links that act show a page on GET; only POST acts."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the reader may do from within the message, on a channel that can carry it back to us.

    `target` says to what, in the words of whoever takes it back; a channel hands it over unread, at most 2,000
    characters.
    """

    verb: Verb
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to be told. `body` is plain text; nothing in it is ever read as markup by a channel.

    `dedup_key` names the message across attempts, so that a receiver can drop a repeat; `possibly_repeat` says that
    an earlier attempt may have arrived, and is shown to the reader. `turn` makes it no new telling: a channel that can
    (see `registry.FOLLOWING`) changes what it told about `incident_id` earlier instead, and shows `standing`.
    """

    kind: Kind
    subject: str
    body: str
    dedup_key: str
    short: str = ""
    severity: Severity | None = None
    incident_id: str | None = None
    links: tuple[Link, ...] = ()
    lang: Lang = "ko"
    possibly_repeat: bool = False
    acts: tuple[Act, ...] = ()
    turn: Turn | None = None
    standing: str = ""
    """One line that says how things stand, such as who holds it."""
    service: str = ""
    """What the message is about, as the sender's catalogue calls it."""
    topic: str = ""
    """What of the incident it is about; empty for the incident itself. Channels with threads keep one for each."""
    ask: str = ""
    """Names what the message asks for (an approval): with the turn `answered` every message that asked is changed."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person or a place, with the address each kind of channel needs; None where there is none."""

    name: str
    email: str | None = None
    phone: str | None = None
    slack: str | None = None


REPEAT_MARK: Final[dict[Lang, str]] = {"ko": "[반복일 수 있음] ", "en": "[possible repeat] "}
"""What stands before a message that may come twice."""
_HIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_INCIDENT: Final[dict[Lang, str]] = {"ko": "장애 번호", "en": "Incident"}


def headline(message: Message) -> str:
    """Give the one line that stands above a message: repeat mark, severity, subject; never more than one line."""
    repeat = REPEAT_MARK[message.lang] if message.possibly_repeat else ""
    severity = f"[{message.severity}] " if message.severity and f"[{message.severity}]" not in message.subject else ""
    return one_line(f"{repeat}{severity}{message.subject}")


def plain_text(message: Message) -> str:
    """Give the message as plain text: body, then incident, then links."""
    lines = [visible(message.body).rstrip()]
    if message.incident_id is not None:
        lines += ["", f"{_INCIDENT[message.lang]}: {one_line(message.incident_id)}"]
    if message.links:
        lines += ["", *(f"{one_line(link.label)}: {one_line(link.url)}" for link in message.links)]
    return "\n".join(lines) + "\n"


def short_text(message: Message) -> str:
    """Give the text for a small screen: `short` if the author wrote one, else the headline."""
    return one_line(message.short) if message.short else headline(message)


def one_line(text: str) -> str:
    """Fold a text into one line without control characters, so that it cannot start a header or a log line."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """Drop characters that control a terminal or reorder a line; newlines and tabs stay, lone surrogates become `?`."""
    kept = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return kept.encode("utf-8", errors="replace").decode("utf-8")
