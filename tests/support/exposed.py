"""An installation with every kind of secret, and a server that its outgoing calls reach and that repeats them back."""

import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.installation import Installation
from tests.support.vendor_guide import vendor_guide_dir

CANARY = "c4n4ry-51d7-outgoing"
SECRETS = {
    "OPENAI_API_KEY": f"sk-{CANARY}-model",
    "SLACK_TOKEN": f"xoxb-{CANARY}-bot",
    "SLACK_SIGNING": f"{CANARY}-signing",
    "PD_KEY": f"{CANARY}-routing",
    "SMS_BEARER": f"{CANARY}-bearer",
}
"""Variable → secret. The Slack app's own token belongs to Socket Mode, which the SDK dials outside of this server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length", "0"))))

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        heard = f"{self.path} {self.headers.get('authorization', '')} ".encode() + body
        server = self.server
        assert isinstance(server, Repeater)
        server.heard.append(heard)
        # A vendor that repeats what it was sent: the worst place for a secret is its own refusal.
        told = json.dumps({"ok": False, "error": f"refused: {heard.decode(errors='replace')}"}).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


class Repeater(ThreadingHTTPServer):
    """Refuses everything with 401 and repeats the request, credentials and all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[bytes] = []
        self.place = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, name="repeater", daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()


class Exposed(Installation):
    """The installation; `repeater` hears what it sends."""

    def __init__(self) -> None:
        self.repeater = Repeater()
        self.folder = tempfile.TemporaryDirectory(prefix="judgify-test-guide-")
        base = f"http://{self.repeater.place}"
        place = vendor_guide_dir(Path(self.folder.name), slack=f"{base}/api/", pagerduty=f"{base}/v2/enqueue")
        Path(self.folder.name).chmod(0o755)
        channels = (place / "channels.yaml").read_text("utf-8")
        channels = channels.replace(' app_token: "env:SLACK_APP",', "").replace(
            'url: "env:SMS_URL"', 'url: "env:SMS_URL", token: "env:SMS_BEARER"'
        )
        (place / "channels.yaml").write_text(channels, "utf-8")
        super().__init__(
            JUDGIFY_GUIDE=str(place),
            JUDGIFY_LOG_LEVEL="DEBUG",
            JUDGIFY_EGRESS_ALLOW=self.repeater.place,
            ENABLE_LLM_ENGINE="true",
            OPENAI_BASE_URL=f"{base}/v1",
            JUDGIFY_LLM_MODEL="scripted",
            SMS_URL=f"{base}/sms",
            **SECRETS,
        )

    def remove(self) -> None:
        """Stop everything."""
        try:
            super().remove()
        finally:
            self.repeater.close()
            self.folder.cleanup()
