"""Structured logs: one JSON object a line on standard output, with the request id, and no secret in it."""

import logging
import os
import stat
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, TextIO

import structlog

from judgify.kit.secrets import mask, mask_mapping

request_id_var: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""The id of the request that the present task works for."""

SYNC_S: Final = 0.2
"""Seconds of lines that a power cut may cost, where standard output is a file."""
_QUIET: Final = ("httpx", "httpcore", "uvicorn.access", "asyncio", "aiosqlite")


def configure(service: str, level: str = "INFO") -> None:
    """Send every log line of this process, third-party ones included, to standard output as JSON."""

    def add_service(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        event.setdefault("request_id", request_id_var.get())
        return event

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        add_service,
        structlog.processors.format_exc_info,
        _hide_secrets,
        structlog.processors.EventRenamer("message"),
    ]
    structlog.configure(
        processors=[*shared[:4], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler: logging.Handler = logging.StreamHandler(sys.stdout)
    if _is_file(sys.stdout):
        handler = DurableHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared[:4],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *shared[4:],
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


class DurableHandler(logging.StreamHandler[TextIO]):
    """Writes to a file and sees to it that what was written survives a power cut: forced to disk every `SYNC_S`.

    That is done by a thread of its own, never by the one that logs. A line that was written survives the end of this
    process in any case, since the kernel has it; a power cut can cost what the last `SYNC_S` seconds brought.
    """

    def __init__(self, stream: TextIO) -> None:
        """Begin to watch; the thread sleeps while nothing is written and ends with the process."""
        super().__init__(stream)
        self._written = threading.Event()
        self._pause = threading.Event()
        threading.Thread(target=self._sync, args=(stream.fileno(),), name="log sync", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        super().emit(record)
        self._written.set()

    def _sync(self, descriptor: int) -> None:
        while True:
            self._written.wait()
            self._written.clear()
            with suppress(OSError):  # a full or a broken disk is told by those who need it; logging goes on
                os.fdatasync(descriptor) if hasattr(os, "fdatasync") else os.fsync(descriptor)
            self._pause.wait(SYNC_S)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give a logger; call it with an event sentence and fields: `log.info("pool opened", size=10)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    message = event.pop("event", None)
    masked: MutableMapping[str, Any] = mask_mapping(event)
    masked["event"] = mask(message) if isinstance(message, str) else message
    return masked
