"""The words of a digest: how many incidents, which is the worst, how all of them are acknowledged. Pure."""

from typing import Final

from judgify.response.guide.base import Lang, Text
from judgify.response.model import Page
from judgify.response.storm import COUNT, LINES

_SUBJECT: Final = Text(ko="동시 장애 {n}건: {title} 외", en="{n} incidents at once: {title} and others")
_HEAD: Final = Text(ko="진행 중인 장애 {n}건, 심각한 것부터", en="{n} incidents that go on, the worst first")
_MORE: Final = Text(ko="그 밖에 {n}건", en="and {n} more")
_ACK: Final = Text(
    ko="모두 접수: judgify incident ack {page} (이 알림이 알린 장애 전부. 나중에 더해진 것은 다시 알립니다)",
    en="Acknowledge all: judgify incident ack {page} (everything that this names; what is added later is told again)",
)


def count(page: Page) -> int:
    """Give how many incidents a digest is about; 0 for a page that is none."""
    found = page.payload.get(COUNT, 0)
    return found if isinstance(found, int) else 0


def subject(page: Page, lang: Lang) -> str:
    """Give the headline, without the severity."""
    first = page.payload[LINES][0]
    return _SUBJECT.of(lang).format(n=count(page), title=first["title"])


def body(page: Page, lang: Lang) -> list[str]:
    """Give the lines: the worst ones by name, the number of the others, how to acknowledge."""
    named = page.payload[LINES]
    lines = [f"{_HEAD.of(lang).format(n=count(page))}:"]
    lines += [f"- [{one['severity']}] {one['title']} ({one['id']})" for one in named]
    if count(page) > len(named):
        lines.append(f"- {_MORE.of(lang).format(n=count(page) - len(named))}")
    if page.kind == "page":
        lines += ["", _ACK.of(lang).format(page=page.id)]
    return lines
