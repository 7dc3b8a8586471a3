"""Run an ASGI app as a service process: uvicorn with uvloop and httptools, graceful end, JSON logs."""

import signal
import threading
from types import FrameType
from typing import Any, Final

import uvicorn

from judgify.kit.log import configure, get_logger
from judgify.kit.settings import Settings

GRACE_S: Final = 8
"""Seconds that running requests get to finish after SIGTERM."""
_ENDING: Final = threading.Event()


def ending() -> bool:
    """Tell whether this process was asked to end; answers without an end of their own (event streams) end then."""
    return _ENDING.is_set()


def run(app: Any, settings: Settings, name: str, *, backlog: int = 2048, http: Any = "httptools") -> None:
    """Serve until SIGTERM or SIGINT; requests that run then get `GRACE_S` seconds. Listens on `settings.listen`.

    With `JUDGIFY_REUSE_PORT=1` several processes share the port (SO_REUSEPORT), so that a unit can be scaled.
    `http` is uvicorn's choice of protocol class. What a client says about its own address is not believed here.
    """
    configure(name, settings.log_level)
    port = settings.ports.of(name)
    config = uvicorn.Config(
        app,
        host=settings.listen,
        port=port,
        loop="uvloop",
        http=http,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        backlog=backlog,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)

    # uvicorn raises the signal that ended it once more when it is done; an end that was asked for is exit code 0.
    def end(_: int, __: Any) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    get_logger("judgify.serve").info("service starting", listen=settings.listen, port=port)
    if settings.reuse_port:
        server.run(sockets=[_shared_socket(settings.listen, port)])
    else:
        server.run()


class _Server(uvicorn.Server):
    """Tells those who ask `ending` as soon as the signal comes: the server waits for their answers to end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        _ENDING.set()
        super().handle_exit(sig, frame)


def _shared_socket(host: str, port: int) -> Any:
    import socket  # noqa: PLC0415 - only scaled units need it

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener
