"""Pictures of charts, drawn in a worker process that is started when needed and ended when idle."""

import asyncio
import base64
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from judgify.core.dashboard.chart import harmless
from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, TooMany, Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.dashboard")
Form = Literal["svg", "png"]
FONTS: Final = Path(__file__).parent / "static" / "vendor"
"""The folder of the shipped font, which holds all Hangul syllables."""
TIME_S: Final = 30.0
IDLE_S: Final = 60.0
MAX_SPEC: Final = 512 * 1024
MAX_PICTURE: Final = 8 * 1024 * 1024
MAX_WAITING: Final = 24
"""Pictures that may wait: two readers' pages of twelve panels at once."""
_SUFFIXES: Final = frozenset({".ttf", ".otf", ".ttc"})


class Draughtsman:
    """Draws one picture at a time; at most 24 wait. A chart of more than 30 s is ended, worker and all."""

    def __init__(self, fonts: Path | None, clock: Clock) -> None:
        """Use a folder of fonts besides the shipped one; None means the shipped one alone."""
        self._fonts = fonts or FONTS
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._worker: asyncio.subprocess.Process | None = None
        self._idle: asyncio.Task[None] | None = None

    async def draw(self, chart: dict[str, Any], form: Form) -> bytes:
        """Draw a chart.

        Raises:
            Invalid: it could load something, or is too large.
            TooMany: too many wait already.
            Unavailable: the worker failed or took too long; slug `picture-not-drawn`.
        """
        harmless({key: value for key, value in chart.items() if key != "$schema"})
        line = json.dumps({"chart": chart, "form": form}).encode() + b"\n"
        if len(line) > MAX_SPEC:
            raise Invalid(f"the chart has more than {MAX_SPEC // 1024} KiB; ask for a shorter time or fewer groups")
        check_fonts(self._fonts)
        if self._waiting >= MAX_WAITING:
            raise TooMany("too many pictures are waiting to be drawn", retry_after_s=2)
        self._waiting += 1
        try:
            async with self._lock:
                return await self._order(line)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the worker."""
        if self._idle is not None:
            self._idle.cancel()
            with suppress(asyncio.CancelledError):
                await self._idle
        await self._end()

    @property
    def pid(self) -> int | None:
        """The worker's process id while one runs."""
        return None if self._worker is None else self._worker.pid

    async def _order(self, line: bytes) -> bytes:
        try:
            async with asyncio.timeout(TIME_S):
                worker = await self._running()
                if worker.stdin is None or worker.stdout is None:  # pragma: no cover - both were asked for
                    raise _undrawn("the worker has no pipes")
                worker.stdin.write(line)
                await worker.stdin.drain()
                answer = await worker.stdout.readline()
                told = json.loads(answer)
        except TimeoutError:
            await self._end()
            raise _undrawn(f"it took longer than {TIME_S:.0f} s") from None
        except (OSError, ValueError) as error:
            await self._end()
            raise _undrawn(f"the worker ended ({type(error).__name__})") from error
        except asyncio.CancelledError:
            # Its answer would be taken for the next one's.
            await self._end()
            raise
        if "error" in told:
            raise _undrawn(str(told["error"]))
        return base64.b64decode(told["picture"])

    async def _running(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.create_task(self._rest(), name="picture worker rest")
        if self._worker is None or self._worker.returncode is not None:
            kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG") if name in os.environ}
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "judgify.core.dashboard.drawing", str(self._fonts),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env=kept, limit=2 * MAX_PICTURE,
            )  # fmt: skip
        return self._worker

    async def _rest(self) -> None:
        await self._clock.sleep(IDLE_S)
        async with self._lock:
            await self._end()

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


def check_fonts(folder: Path) -> None:
    """Raise `Unavailable` (slug `no-font`) when there is no font: letters would be left out without a word."""
    if not any(path.suffix.lower() in _SUFFIXES for path in folder.glob("*")):
        raise Unavailable(
            f"no picture can be drawn: {folder} holds no font (.ttf, .otf or .ttc); set JUDGIFY_FONT_DIR",
            slug="no-font",
            retry_after_s=60,
        )


def _undrawn(reason: str) -> Unavailable:
    return Unavailable(f"the picture could not be drawn: {reason}", slug="picture-not-drawn")
