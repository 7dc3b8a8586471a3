"""What people are reminded of: action items that are due, and the next drill (guide 7.2 and the guide's end)."""

from datetime import datetime, timedelta
from typing import Final

from judgify.kit.clock import SEOUL, show
from judgify.response import paging
from judgify.response.desk import Desk, Work
from judgify.response.model import ActionItem, Page

EVERY: Final = timedelta(minutes=1)
BEFORE: Final = timedelta(days=1)
"""An action item is reminded of from a day before it is due, once a day until it is done."""
AT_HOUR: Final = 9
"""Reminders go out from this hour on, Asia/Seoul: they wake nobody."""


class Reminders:
    """Puts reminders into the outbox. Each has an id made of what and which day, so it is never owed twice."""

    def __init__(self, desk: Desk) -> None:
        """Work at a desk."""
        self._desk = desk
        self._looked_at: datetime | None = None

    async def begin(self) -> None:
        """Look once a minute what is to be reminded of."""
        now = self._desk.clock.now()
        if self._looked_at is not None and now - self._looked_at < EVERY:
            return
        self._looked_at = now
        if now.astimezone(SEOUL).hour < AT_HOUR:
            return
        undone = await self._desk.ask(lambda tx: tx.actions(undone=True))
        due = [action for action in undone if action.due - BEFORE <= now]
        drill = self._desk.policy.drill_reminder(now)
        if due or drill is not None:
            await self._desk.command(lambda job: _remind(job, due, drill))


def _remind(job: Work, due: list[ActionItem], drill: int | None) -> None:
    day = job.now.astimezone(SEOUL).strftime("%Y%m%d")
    for action in due:
        late = action.due < job.now
        text = {
            "ko": f"액션 아이템 {action.id}: {action.text} (기한 {show(action.due)}{', 기한 지남' if late else ''})",
            "en": f"Action item {action.id}: {action.text} (due {show(action.due)}{', overdue' if late else ''})",
        }
        subject = {"ko": "액션 아이템 기한", "en": "Action item due"}
        _owe(job, action.owner, f"pg_{action.id}_{day}", {"subject": subject, "text": text, "action": action.id})
    if drill is not None:
        text = {"ko": f"다음 훈련까지 {drill}일 남았습니다", "en": f"The next drill is in {drill} days"}
        subject = {"ko": "다음 훈련 일정", "en": "Next drill"}
        _owe(job, "", f"pg_drill_{day}", {"subject": subject, "text": text, "drill_in_days": drill})


def _owe(job: Work, person: str, key: str, payload: dict[str, object]) -> None:
    for page in paging.rows(None, job.policy.reminder_pages(person, job.now), job.now):
        named: Page = page.model_copy(update={"id": f"{key}_{page.person}_{page.channel}", "payload": payload})
        if job.tx.page(named.id) is None:
            job.tx.save_page(named)
