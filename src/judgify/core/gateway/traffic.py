"""The traffic switch (guide 3.2): a file that the supervisor writes; while it says blocked, callers are told 503."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from judgify.kit.clock import Clock
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.traffic")
LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the switch says."""

    blocked: bool = False
    retry_after_s: int = 60
    reason: str = ""


def read_switch(text: str) -> Traffic:
    """Read the file's text; `ValueError` when it is not what the supervisor writes."""
    document: Any = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("blocked"), bool):
        raise ValueError("no object with a boolean `blocked`")  # noqa: TRY004 - one kind of error for one kind of fault
    after = document.get("retry_after_s", 60)
    known = isinstance(after, int) and not isinstance(after, bool) and after > 0
    return Traffic(document["blocked"], after if known else 60, str(document.get("reason") or ""))


class TrafficSwitch:
    """Watches the switch: a change shows within about `LOOK_S`; no file means open, an unreadable one no change."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Watch a path that need not exist."""
        self._path = path
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._state = Traffic()

    @property
    def state(self) -> Traffic:
        """What the switch said last."""
        return self._state

    def check(self) -> None:
        """Raise `Unavailable` while traffic is blocked."""
        if self._state.blocked:
            why = f": {self._state.reason}" if self._state.reason else ""
            raise Unavailable(
                f"traffic is blocked for now{why}", slug="traffic-blocked", retry_after_s=self._state.retry_after_s
            )

    def look(self) -> None:
        """Read the file if it changed."""
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return
            state = read_switch(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            seen, state = None, Traffic()
        except (OSError, ValueError) as error:
            log.warning("traffic switch unreadable; its last state stands", reason=str(error)[:200])
            self._seen = None
            return
        if state != self._state:
            log.warning("traffic switch changed", blocked=state.blocked, reason=state.reason)
        self._seen, self._state = seen, state

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await self._clock.sleep(LOOK_S)
