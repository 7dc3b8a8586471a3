"""The gateway beside nginx as a reverse proxy, on the same upstream, each alone on one core.

Both log every request, as they are shipped; nginx neither knows callers nor limits them.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.stores import Postgres, Valkey

from bench.process import free_port, middle, python, running, service_env
from bench.report import Row
from bench.tools import program
from bench.wrk import Load, press
from judgify.kit.secrets import NAMES, ensure_secret

BODY = '{"data":{"verdict":"matched","confidence":1.0},"meta":{"request_id":"req_0000000000000000000000000"}}'
FLOOR = 0.30
_COMMON = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err crit;
events {{ worker_connections 1024; }}
http {{
  access_log {log}; keepalive_requests 1000000000;
  client_body_temp_path {folder}/{name}-b; proxy_temp_path {folder}/{name}-p;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  {rest}
}}
"""


def measure(*, seconds: float = 5, rounds: int = 3, connections: int = 64) -> list[Row]:
    """Give requests/s of both, taken in turns, and their ratio (medians)."""
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        database, cache = Postgres(folder / "postgres"), Valkey(folder)
        stack.callback(database.stop)
        stack.callback(cache.stop)
        upstream, proxy, base = free_port(), free_port(), free_port()
        nginx, env = program("nginx")
        (folder / "up.conf").write_text(_upstream(folder, upstream))
        (folder / "px.conf").write_text(_proxy(folder, proxy, upstream))
        for secret in NAMES:
            ensure_secret(folder, secret)
        token = (folder / "secrets/cli_token").read_text().strip()
        ours = service_env(
            folder,
            DATABASE_URL=database.create().url,
            REDIS_URL=cache.start().url,
            JUDGIFY_PORT_GATEWAY=str(base),
            JUDGIFY_GATEWAY_UPSTREAM_JUDGMENT=f"http://127.0.0.1:{upstream}",
        )
        log = folder / "log"

        def serve(conf: str) -> list[str]:
            return [nginx, "-p", str(folder), "-c", str(folder / conf), "-e", str(folder / "start.err")]

        with (
            running(serve("up.conf"), port=upstream, log=log, env=env, cores={1}),
            running(serve("px.conf"), port=proxy, log=log, env=env, cores={0}),
            running(python("judgify.core.gateway"), port=base, log=log, env=ours, cores={0}),
        ):
            path = "/api/v2/judgment/executions"
            head = (("Authorization", f"Bearer {token}"),)
            theirs_load = Load(f"http://127.0.0.1:{proxy}{path}", headers=head)
            ours_load = Load(f"http://127.0.0.1:{base}{path}", headers=head)
            for load in (theirs_load, ours_load):
                press(load, connections, 1, folder, core=1)
            theirs: list[dict[str, Any]] = []
            mine: list[dict[str, Any]] = []
            for _ in range(rounds):
                theirs.append(press(theirs_load, connections, seconds, folder, core=1))
                mine.append(press(ours_load, connections, seconds, folder, core=1))
    yardstick, result = middle(theirs, "rate"), middle(mine, "rate")
    return [
        Row(
            f"gateway, {connections} connections",
            result["rate"],
            "req/s",
            yardstick=("nginx proxy", yardstick["rate"]),
            floor=FLOOR,
            note=f"p50 {result['p50']:.1f} p99 {result['p99']:.1f} ms; errors {result['errors']}",
        )
    ]


def _upstream(folder: Path, port: int) -> str:
    rest = f"server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{BODY}'; }} }}"
    return _COMMON.format(folder=folder, name="up", log="off", rest=rest)


def _proxy(folder: Path, port: int, upstream: int) -> str:
    rest = (
        f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }} "
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; } }'
    )
    return _COMMON.format(folder=folder, name="px", log=folder / "px.access", rest=rest)
