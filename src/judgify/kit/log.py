"""Structured logs: one JSON object a line on standard output, with the request id, and no secret in it."""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

import structlog

from judgify.kit.secrets import mask, mask_mapping

request_id_var: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""The id of the request that the present task works for."""

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
    handler = logging.StreamHandler(sys.stdout)
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


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give a logger; call it with an event sentence and fields: `log.info("pool opened", size=10)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    message = event.pop("event", None)
    masked: MutableMapping[str, Any] = mask_mapping(event)
    masked["event"] = mask(message) if isinstance(message, str) else message
    return masked
