"""An action target that is away for a minute under steady orders: does every order arrive, and once by its key?

    .venv/bin/python bench/action_outage.py [--seconds 60] [--rate 20] [--backlog 0]

Starts PostgreSQL and two processes of the action service on free ports, orders webhooks for two targets at a steady
rate, takes one target away for a while, brings it back, and prints what arrived. Exit 1 when an order is missing or
arrived twice, or when the other target was slowed down.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support import channel_servers as servers  # noqa: E402 - after the path is set
from tests.support.core_process import CoreProcess, Home  # noqa: E402 - as above
from tests.support.core_service import own_postgres  # noqa: E402 - as above

from judgify.kit.clock import SystemClock  # noqa: E402 - as above

CLOCK = SystemClock()
ARRIVE_S = 120
"""How long after the target is back all orders must have arrived."""


class Target:
    """A receiver that can be away, and that notes when each key came."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.came: dict[str, float] = {}
        self.count: Counter[str] = Counter()
        self.wanted = 0
        self.complete = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one call."""
        request = await servers.read_request(reader)
        key = request.headers["idempotency-key"]
        self.count[key] += 1
        self.came.setdefault(key, CLOCK.monotonic())
        if len(self.came) == self.wanted:
            self.complete.set()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()


async def place(client: httpx.AsyncClient, key: str, port: int) -> str:
    """Order one webhook; give its id."""
    sent = {"idempotency_key": key, "type": "webhook", "params": {"url": f"http://127.0.0.1:{port}/"}}
    answer = await client.post("/internal/actions", json=sent)
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])


async def measure(home: Home, services: list[CoreProcess], seconds: float, rate: float, backlog: int) -> bool:
    """Run it and print the table; True when it holds."""
    away_port, away, live = servers.closed_port(), Target(), Target()
    headers = {"Authorization": f"Bearer {home.token('service')}"}
    clients = [httpx.AsyncClient(base_url=one.url, headers=headers, trust_env=False, timeout=10) for one in services]
    placed: dict[str, float] = {}
    lost: list[str] = []
    async with servers.serving(live) as live_port:
        lost += [await place(clients[number % 2], f"b{number}", away_port) for number in range(backlog)]
        begun = CLOCK.monotonic()
        number = 0
        while (elapsed := CLOCK.monotonic() - begun) < seconds:
            lost.append(await place(clients[number % 2], f"a{number}", away_port))
            at = CLOCK.monotonic()
            placed[await place(clients[(number + 1) % 2], f"l{number}", live_port)] = at
            number += 1
            await asyncio.sleep(max(0.0, number / rate - elapsed))
        tries = 0
        for client in clients:
            page = (await client.get("/metrics")).text
            tries += sum(
                int(float(line.rpartition(" ")[2]))
                for line in page.splitlines()
                if line.startswith("judgify_action_tries_total") and 'outcome="unreachable"' in line
            )
        async with servers.serving(away, port=away_port):
            back = CLOCK.monotonic()
            away.wanted = len(lost)
            await CLOCK.wait(away.complete, ARRIVE_S)
            caught_up = CLOCK.monotonic() - back
            await asyncio.sleep(3)  # time for repeats to show
        late = [live.came[key] - at for key, at in placed.items() if key in live.came]
    for client in clients:
        await client.aclose()
    cuts = statistics.quantiles(late, n=100)
    rows = [
        ("outage", f"{seconds:.0f} s, two processes, {rate:g} orders/s to each target"),
        ("orders to the target that was away", f"{len(lost)} ({backlog} of them before the outage's clock)"),
        ("of them arrived", f"{len(away.came)}"),
        ("of them arrived more than once", f"{sum(count > 1 for count in away.count.values())}"),
        ("tries wasted on it while it was away", f"{tries}"),
        ("all there after it was back", f"{caught_up:.2f} s"),
        ("orders to the other target, arrived", f"{len(late)} of {len(placed)}"),
        (
            "their time from order to arrival p50 / p99 / max",
            f"{cuts[49] * 1e3:.0f} / {cuts[98] * 1e3:.0f} / {max(late) * 1e3:.0f} ms",
        ),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    good = set(away.count) == set(lost) and set(away.count.values()) == {1}
    good = good and set(live.count) == set(placed) and set(live.count.values()) == {1} and cuts[98] < 1.0
    print("held" if good else "NOT HELD")
    return good


def main() -> int:
    """Start what is needed, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument(
        "--backlog", type=int, default=0, help="orders that wait for the target before the clock starts"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as folder, own_postgres() as postgres:
        homes = [Home(Path(folder), postgres.url, JUDGIFY_EGRESS_ALLOW="127.0.0.1") for _ in range(2)]
        services = [CoreProcess(home, "action") for home in homes]
        try:
            for number, service in enumerate(services):
                service.log = Path(folder) / f"action-{number}.log"
                service.start("/ready")
            return 0 if asyncio.run(measure(homes[0], services, given.seconds, given.rate, given.backlog)) else 1
        finally:
            for service in services:
                service.stop()


if __name__ == "__main__":
    sys.exit(main())
