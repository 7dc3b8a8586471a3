"""A door for a browser of this machine: the dashboards' pages on 127.0.0.1 with the command line's credential."""

import hmac
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

ROOM: Final = "/api/v2/dashboard/"
"""The only part of the platform that is reached through the door."""
MAX_BODY: Final = 64 * 1024
_COOKIE: Final = "judgify_dashboard"
_PASSED: Final = ("content-type", "content-security-policy", "cache-control", "referrer-policy", "retry-after")


class Door(ThreadingHTTPServer):
    """The server: knows the gateway, its token, and the two secrets of its one visitor."""

    daemon_threads = True

    def __init__(self, gateway: str, token: str, page: str, port: int) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        super().__init__(("127.0.0.1", port), _Visit)
        self.page = page
        self.ticket: str | None = secrets.token_urlsafe(24)
        self.cookie = secrets.token_urlsafe(32)
        self.http = httpx.Client(
            base_url=gateway, headers={"Authorization": f"Bearer {token}"}, timeout=httpx.Timeout(30, read=60),
            trust_env=False,
        )  # fmt: skip

    @property
    def address(self) -> str:
        """The address without a path."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def link(self) -> str:
        """The link that works once."""
        return f"http://{self.address}/enter/{self.ticket}"


def serve(gateway: str, token: str, page: str, *, port: int, tell: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `tell` is given the link."""
    with Door(gateway, token, page, port) as door:
        tell(door.link)
        try:
            door.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return


class _Visit(BaseHTTPRequestHandler):
    server: Door
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """Enter by the ticket, or pass a request on."""
        if self._is_ours() and self.path.startswith("/enter/"):
            self._enter(self.path.removeprefix("/enter/"))
        elif self._may_pass():
            self._pass("GET", None)

    def do_POST(self) -> None:
        """Pass a request on that the page itself makes."""
        length = self.headers.get("content-length", "")
        if self.headers.get("origin") != f"http://{self.server.address}":
            self._refuse(HTTPStatus.FORBIDDEN, "not from this page")
        elif not length.isdecimal() or len(length) > 12 or int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        elif self._may_pass():
            self._pass("POST", self.rfile.read(int(length)))

    def log_message(self, *_: Any) -> None:
        """Keep the terminal quiet: the path of the first request is a secret."""

    def _is_ours(self) -> bool:
        # Another name for this address is a page elsewhere that points its own name here.
        return self.headers.get("host") == self.server.address

    def _may_pass(self) -> bool:
        jar = SimpleCookie(self.headers.get("cookie", ""))
        given = jar[_COOKIE].value if _COOKIE in jar else ""
        known = hmac.compare_digest(given.encode(), self.server.cookie.encode())
        path = urlsplit(self.path).path
        if not self._is_ours() or not known:
            self._refuse(HTTPStatus.FORBIDDEN, "open the link that `judgify dashboard open` prints")
        elif not path.startswith(ROOM) or ".." in path or "%" in path:
            self._refuse(HTTPStatus.NOT_FOUND, "only dashboards are here")
        else:
            return True
        return False

    def _enter(self, ticket: str) -> None:
        known, self.server.ticket = self.server.ticket, None
        if known is None or not hmac.compare_digest(ticket.encode(), known.encode()):
            # A wrong guess does not use the ticket up.
            self.server.ticket = known
            self._refuse(HTTPStatus.FORBIDDEN, "this link has been used, or is not right")
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Set-Cookie", f"{_COOKIE}={self.server.cookie}; HttpOnly; SameSite=Lax; Path=/")
        self.send_header("Location", self.server.page)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass(self, method: str, body: bytes | None) -> None:
        wanted = {
            name: self.headers[name]
            for name in ("accept", "accept-language", "content-type", "idempotency-key")
            if name in self.headers
        }
        try:
            with self.server.http.stream(method, self.path, content=body, headers=wanted) as answer:
                self.send_response(answer.status_code)
                for name in _PASSED:
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                # Without a length the end of the connection is the end: streams have none.
                self.send_header("Connection", "close")
                self.end_headers()
                for part in answer.iter_bytes():
                    self.wfile.write(part)
                    self.wfile.flush()
        except (httpx.HTTPError, OSError):
            # The browser has left, or the gateway has; a cut connection says so.
            self.close_connection = True

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        body = why.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
