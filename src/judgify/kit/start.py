"""Start a service's process lean: what a server never uses is not loaded, and what is loaded stays where it is."""

import ctypes
import gc
import importlib
import sys
from typing import Any, Final

_UNUSED: Final = ("rich", "greenlet")
"""Libraries that others load only when they are there, for terminals and green threads: 4 MB and 0.15 s of CPU each."""
_YOUNG: Final = 20_000
_ARENA_MAX: Final = -8
"""glibc's M_ARENA_MAX: threads share this many heaps, so that an idle thread keeps no heap of its own."""


def lean() -> None:
    """Hide what a server never uses, and bound malloc's heaps. Call it before anything else is imported."""
    for name in _UNUSED:
        if name not in sys.modules:
            sys.modules[name] = None  # type: ignore[assignment]  # None is the documented way to say "not there"
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # another C library than glibc
        mallopt(_ARENA_MAX, 2)


def settled(young: int = _YOUNG) -> None:
    """Tell the collector that what is there now stays, and let it look after `young` new objects, not after each 700.

    A server makes and drops thousands of objects a second that hold no cycles. A look takes about 1 ms for 1,000
    objects that are still there, and everything waits for it: where single answers count, `young` is small.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 20)


def start(package: str, name: str) -> None:
    """Import `<package>.app`, build the service and serve it until SIGTERM. `name` is its name on the wire."""
    lean()
    app: Any = importlib.import_module(f"{package}.app")
    clock = importlib.import_module("judgify.kit.clock")
    serve = importlib.import_module("judgify.kit.serve")
    settings = importlib.import_module("judgify.kit.settings").Settings.from_env()
    built = app.build(settings, clock.SystemClock())
    settled()
    serve.run(built, settings, name)
