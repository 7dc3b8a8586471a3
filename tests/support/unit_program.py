"""A small real program for the supervisor to run: an HTTP server whose release, readiness and manners are told to it.

Arguments: PORT RELEASE. Variables: READY_AFTER (a file that must exist), STUBBORN (ignore SIGTERM), CRASH (exit code),
EAT_MIB (memory to take on GET /eat).
"""

import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

HELD: list[bytearray] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = os.environ.get("READY_AFTER")
        good = self.path != "/ready" or ready is None or os.path.exists(ready)  # noqa: PTH110 - starts faster
        if self.path == "/eat":
            HELD.append(bytearray(os.urandom(1024) * 1024 * int(os.environ["EAT_MIB"])))
        body = json.dumps({"pid": os.getpid(), "release": sys.argv[2], "env": dict(os.environ)}).encode()
        self.send_response(200 if good else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(HTTPServer):
    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


if __name__ == "__main__":
    sys.stdout.write(f"release {sys.argv[2]} starts\n")
    sys.stdout.flush()
    if "CRASH" in os.environ:
        sys.stderr.write("cannot go on\n")
        sys.exit(int(os.environ["CRASH"]))
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
