"""What the services do with requests that nobody means well: `python -m bench.fuzz [--examples N] [SERVICE …]`.

Requests are made from each service's own OpenAPI (valid ones, and ones with one thing wrong), and hostile bodies are
sent to every route that reads one. Wrong is: no answer within `HANG_S`, a status of 5xx other than a 503 that says
which part is away, and an error that is not problem+json. The command needs a running installation of one's own,
since everything that the routes do is done to it: `JUDGIFY_HOME`, `JUDGIFY_PORT_BASE` say which.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import requests
from hypothesis import HealthCheck, Phase, given
from hypothesis import seed as seeded
from hypothesis import settings as limited
from hypothesis.errors import NonInteractiveExampleWarning, Unsatisfiable
from schemathesis import GenerationMode, openapi
from schemathesis.core.result import Err

from judgify.kit.auth import Principal, mint
from judgify.kit.clock import SystemClock
from judgify.kit.settings import Settings

HANG_S: Final = 15.0
"""Without an answer for so long, a request counts as hanging."""
SERVICES: Final = ("workflow", "judgment", "action", "notification", "logging", "dashboard", "response")
EXCLUDED: Final = {
    "POST /api/v2/response/runbooks/{runbook_id}/run": "acts on the machine: restarts and rolls back services",
    "POST /api/v2/response/incidents/{incident_id}/approvals/{approval_id}/{verb}": "may let a recovery step run",
    "POST /api/v2/response/drills": "opens a drill, during which the engine judges differently",
    "POST /api/v2/response/sessions/end": "ends the sessions of the caller, the fuzzer itself",
    "GET /api/v2/response/stream": "a stream of events: it is meant to stay open",
    "GET /api/v2/logging/tail": "a stream of events",
    "GET /api/v2/dashboard/judgments/stream": "a stream of events",
    "GET /api/v2/dashboard/dashboards/{key}/stream": "a stream of events",
}
"""Routes that are not asked, with the reason. Their bodies are read by the same code as those of their neighbours."""
UNLISTED: Final = {
    "judgment": ("POST /api/v2/judgment/execute", "POST /api/v2/judgment/execute/batch"),
    "logging": ("POST /api/v2/logging/lines",),
}
"""Hot routes that bypass the framework, so that its OpenAPI does not know them."""
DEPTH: Final = 100_000
_ODD_VALUES: Final = (
    "%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "%F0%9F%92%A9", "9" * 400, "9" * 20, "-1", "a" * 3000, "'%22;--",
    "%ED%A0%80", "%0d%0ax:y",
)  # fmt: skip


def hostile_bodies() -> dict[str, tuple[str, bytes]]:
    """Give bodies that break careless readers: name → (content type, bytes). None is larger than 1 MiB."""
    kind = "application/json"
    keys = ",".join(f'"key{number}":{number}' for number in range(10_000))
    return {
        "deep arrays": (kind, b"[" * DEPTH + b"]" * DEPTH),
        "deep arrays, never closed": (kind, b"[" * DEPTH),
        "deep objects": (kind, b'{"a":' * DEPTH + b"1" + b"}" * DEPTH),
        "deep inside a field": (kind, b'{"workflow":"x","input":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        "200 levels": (kind, b'{"a":' * 200 + b"1" + b"}" * 200),
        "NUL in a text": (kind, b'{"name":"a\\u0000b","text":"\\u0000","\\u0000":1}'),
        "NUL as a byte": (kind, b'{"name":"a\x00b"}'),
        "half a surrogate": (kind, b'{"name":"\\ud800","text":"\\udfff","\\ud800":1}'),
        "NaN": (kind, b'{"value":NaN,"input":{"x":NaN}}'),
        "Infinity": (kind, b'{"value":-Infinity,"input":{"x":Infinity}}'),
        "huge exponent": (kind, b'{"value":1e999999999,"input":{"x":1e-999999999},"limit":9e999}'),
        "huge integer": (kind, b'{"value":' + b"9" * 10_000 + b"}"),
        "10,000 keys": (kind, f"{{{keys}}}".encode()),
        "the same key 10,000 times": (kind, b"{" + b",".join([b'"name":1'] * 10_000) + b"}"),
        "invalid UTF-8": (kind, b'{"name":"\xff\xfe\xed\xa0\x80"}'),
        "UTF-16": (kind, '{"name":"가"}'.encode("utf-16")),
        "a byte order mark": (kind, b"\xef\xbb\xbf{}"),
        "nothing": (kind, b""),
        "null": (kind, b"null"),
        "a number": (kind, b"1"),
        "a text": (kind, b'"x"'),
        "an empty list": (kind, b"[]"),
        "a list of everything": (kind, b'[null,1,"x",[],{},true]'),
        "10,000 nulls": (kind, b"[" + b",".join([b"null"] * 10_000) + b"]"),
        "a form": ("application/x-www-form-urlencoded", b"a=1&b=%ff&c=%00&" + b"d=1&" * 5_000),
        "multipart without an end": (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="f"; filename="\xff"\r\n\r\nabc',
        ),
        "multipart of 2,000 fields": (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="f"\r\n\r\n1\r\n' * 2_000 + b"--x--\r\n",
        ),
        "XML": ("application/xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        "CSV": ("text/csv", b"a,b\n\x00,\xff\n" * 100),
        "an unknown charset": ("application/json; charset=no-such", b"{}"),
        "an odd content type": ("a/b/c;;=", b"{}"),
    }


@dataclass
class Finding:
    """One answer that is wrong."""

    route: str
    case: str
    why: str

    def __str__(self) -> str:
        """Write it on one line."""
        return f"{self.route} [{self.case}]: {self.why}"


@dataclass
class Report:
    """What was asked and what was wrong."""

    asked: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def judge(self, route: str, case: str, ask: Callable[[], tuple[int, str, bytes]]) -> None:
        """Ask, and note what is wrong with the answer."""
        self.asked += 1
        try:
            status, kind, body = ask()
        except Exception as error:  # noqa: BLE001 - whatever the client raises means that there was no whole answer
            self.findings.append(Finding(route, case, f"no answer: {type(error).__name__}: {error}"[:300]))
            return
        self.answers[status] = self.answers.get(status, 0) + 1
        why = wrong(status, kind, body)
        if why:
            self.findings.append(Finding(route, case, why))


def wrong(status: int, kind: str, body: bytes) -> str | None:
    """Tell what is wrong with an answer, or None."""
    if status < 400:
        return None
    if not kind.startswith("application/problem+json"):
        return f"{status} as {kind or 'no type'} instead of problem+json: {body[:200]!r}"
    try:
        document = json.loads(body)
    except ValueError:
        return f"{status} with a problem that is no JSON: {body[:200]!r}"
    if document.get("status") != status or not document.get("type") or not document.get("request_id"):
        return f"{status} with an incomplete problem: {body[:200]!r}"
    if status >= 500 and (status != 503 or not document.get("detail")):
        return f"{status}: {body[:300]!r}"
    return None


class Target:
    """One service of a running installation."""

    def __init__(self, name: str, settings: Settings) -> None:
        """Learn its routes. Calls are made as an administrator whom the gateway has let in."""
        who = Principal("fuzz", frozenset({"admin"}), "person")
        token = mint(settings.service_secret, who, SystemClock(), ttl_s=3600)
        if name == "response":
            token = settings.cli_token
        self.name = name
        self.headers = {"authorization": f"Bearer {token}"}
        self.base = settings.url(name)
        self.client = httpx.Client(base_url=self.base, headers=self.headers, timeout=HANG_S, trust_env=False)
        self.document: dict[str, Any] = self.client.get("/openapi.json").raise_for_status().json()

    def routes(self) -> Iterator[str]:
        """Give the routes that may be asked, as `METHOD /path/{parameter}`."""
        for path, methods in self.document["paths"].items():
            for method in methods:
                route = f"{method.upper()} {path}"
                if method in {"get", "post", "put", "patch", "delete"} and route not in EXCLUDED:
                    yield route
        yield from UNLISTED.get(self.name, ())

    def hostile(self, report: Report) -> None:
        """Send every hostile body to every route that may read one."""
        bodies = hostile_bodies()
        for route in self.routes():
            method, _, path = route.partition(" ")
            if method == "GET":
                continue
            filled = _filled(path)
            for case, (kind, body) in bodies.items():
                report.judge(route, case, lambda m=method, p=filled, k=kind, b=body: self._send(m, p, k, b))  # type: ignore[misc]

    def hostile_addresses(self, report: Report) -> None:
        """Ask with parameters in the path and in the query that are no names."""
        for route in self.routes():
            method, _, path = route.partition(" ")
            asked = [_filled(path, value) for value in _ODD_VALUES] if "{" in path else []
            for parameter in self._parameters(path, method):
                if parameter["in"] == "query":
                    asked += [f"{_filled(path)}?{parameter['name']}={value}" for value in _ODD_VALUES]
            for address in asked:
                report.judge(route, address[:300], lambda m=method, p=address: self._send(m, p))  # type: ignore[misc]

    def generated(self, report: Report, examples: int, seed: int) -> None:
        """Ask what schemathesis makes from the OpenAPI: valid requests, then ones with one thing wrong."""
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        schema = openapi.from_dict(self.document)
        limits = limited(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        for result in schema.get_all_operations():
            if isinstance(result, Err):
                report.findings.append(Finding(self.name, "OpenAPI", str(result.err())))
                continue
            operation = result.ok()
            route = f"{operation.method.upper()} {operation.path}"
            if route in EXCLUDED:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                strategy = operation.as_strategy(generation_mode=mode)
                ask = seeded(seed)(limits(given(case=strategy)(self._asker(report, route, mode.value))))
                with suppress(Unsatisfiable):  # a route without any parameter has nothing to be wrong
                    ask()

    def _asker(self, report: Report, route: str, mode: str) -> Callable[..., None]:
        def ask(case: Any) -> None:
            told = f"{mode} {case.path_parameters} {case.query} {str(case.body)[:200]}"
            report.judge(route, told, lambda: self._call(case))

        return ask

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _parameters(self, path: str, method: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["paths"].get(path, {}).get(method.lower(), {}).get("parameters", [])
        return found

    def _send(self, method: str, path: str, kind: str | None = None, body: bytes = b"") -> tuple[int, str, bytes]:
        headers = {} if kind is None else {"content-type": kind}
        answer = self.client.request(method, path, content=body, headers=headers)
        return answer.status_code, answer.headers.get("content-type", ""), answer.content

    def _call(self, case: Any) -> tuple[int, str, bytes]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = case.as_transport_kwargs(base_url=self.base)
        made["headers"] = {**made.get("headers", {}), **self.headers}
        answer = requests.request(**made, timeout=HANG_S, allow_redirects=False)
        return answer.status_code, answer.headers.get("content-type", ""), answer.content


def _filled(path: str, value: str = "x1") -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + value + rest.partition("}")[2]
    return path


def fuzz(settings: Settings, names: tuple[str, ...], *, examples: int, seed: int = 0) -> Report:
    """Ask all the services; `examples` is how many requests are made of each kind for each route."""
    report = Report()
    for name in names:
        target = Target(name, settings)
        try:
            target.hostile(report)
            target.hostile_addresses(report)
            if examples:
                target.generated(report, examples, seed)
        finally:
            target.close()
    return report


def main(argv: list[str]) -> int:
    """Fuzz the installation that the environment names; 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"some of {', '.join(SERVICES)}; all of them")
    parser.add_argument("--examples", type=int, default=50, help="requests of each kind for each route (50)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same requests (0)")
    chosen = parser.parse_args(argv)
    report = fuzz(
        Settings.from_env(os.environ), tuple(chosen.services) or SERVICES, examples=chosen.examples, seed=chosen.seed
    )
    for finding in report.findings:
        print(finding)
    print(f"{report.asked:,} requests, answers {dict(sorted(report.answers.items()))}, {len(report.findings)} wrong")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
