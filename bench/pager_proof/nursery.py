"""The fork server: everything is imported once, each engine is a fork of it. Speaks JSON lines on its standard streams.

{"environ": {…}, "orders": {…}, "log": "/path"}  →  {"pid": 4711}
"""

import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from bench.pager_proof.orders import Orders
from judgify.kit.start import lean

_DIE_WITH_PARENT = 1


def main() -> None:
    """Serve until the standard input ends."""
    lean()
    from bench.pager_proof import tamper  # noqa: PLC0415 - after lean, as the product does
    from judgify.console import __main__ as console  # noqa: PLC0415
    from judgify.console import pages  # noqa: F401, PLC0415 - imported here, so that no engine has to
    from judgify.kit import serve  # noqa: F401, PLC0415
    from judgify.response.guide.loader import load_guide  # noqa: PLC0415

    guide = load_guide(Path(sys.argv[1]))
    _warm(guide)
    gc.collect()
    gc.freeze()
    # Engines are killed by whoever runs the schedule; nobody waits for them here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("{}", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _engine(console.main, tamper, guide, told)
        print(json.dumps({"pid": pid}), flush=True)


def _warm(guide: Any) -> None:
    import aiosmtplib  # noqa: F401, PLC0415
    import httptools  # noqa: F401, PLC0415
    import httpx  # noqa: F401, PLC0415
    import uvicorn.lifespan.on  # noqa: PLC0415
    import uvicorn.loops.uvloop  # noqa: PLC0415
    import uvicorn.protocols.http.httptools_impl  # noqa: F401, PLC0415
    import uvloop  # noqa: F401, PLC0415

    from bench.pager_proof import template  # noqa: PLC0415
    from judgify.response.documents.writer import GuideDocuments  # noqa: PLC0415
    from judgify.response.stores.postgres import store  # noqa: F401, PLC0415

    template.compile_once()
    GuideDocuments(guide)


def _engine(run: Any, tamper: Any, guide: Any, told: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        sys.argv = ["judgify.console"]
        os.environ.update(told["environ"])
        tamper.apply(guide, Orders(**told["orders"]))
        run()
        code = 0
    except BaseException:  # noqa: BLE001 - a fork ends here, whatever happens, and never goes on as the fork server
        import traceback  # noqa: PLC0415

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
