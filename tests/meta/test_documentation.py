"""The documentation tells what the code does, and the other way round."""

import importlib
import importlib.util
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main
from fastapi.routing import APIRoute
from starlette.routing import Route

from judgify.core.contracts.plan import compile_document, read_document
from judgify.core.gateway.config import GatewayConfig
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret
from judgify.kit.settings import Settings

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("meta_source", HERE / "source.py")
assert _spec is not None
assert _spec.loader is not None
source = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(source)
ROOT: Path = source.ROOT

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def _anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, made as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    dead = []
    for target in _LINK.findall(text):
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = page.parent / unquote(path) if path else page
        if not leads_to.exists() or (anchor and unquote(anchor) not in _anchors(leads_to)):
            dead.append(target)
    assert dead == []


def test_every_setting_is_documented_and_exists() -> None:
    assert set(source.rows("settings.md")) == source.variables()


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    told = {
        name: (cells[0], tuple(re.findall(r"`([^`]+)`", cells[1]))) for name, cells in source.rows("metrics.md").items()
    }
    assert told == source.metrics()


def test_every_problem_type_is_documented_with_its_status() -> None:
    told = {slug: set(map(int, cells[0].split(","))) for slug, cells in source.rows("errors.md").items()}
    assert told == source.problems()


def _routes(tmp_path: Path) -> set[tuple[str, str]]:
    from judgify.core.gateway.desk import ROUTES
    from judgify.response.api import acknowledge, alerts, channel, heartbeat, incident, lane, oncall, service, slack

    settings = Settings.from_env({}, tmp_path)
    for name in NAMES:
        ensure_secret(tmp_path, name)
    found = {
        (method, f"/api/v2/auth/{segment}" + ("/{id}" if follows else ""))
        for (segment, follows), methods in ROUTES.items()
        for method in methods
    }
    tables = [incident.router.routes, service.router.routes, service.open_router.routes, slack.router.routes]
    tables += [acknowledge.router.routes, channel.router.routes, alerts.router.routes, heartbeat.router.routes]
    tables += [oncall.router.routes]
    found |= {("POST", re.sub(r"\{[^}]+\}", "{id}", pattern)) for pattern in lane.PATTERNS}
    for package in ("workflow", "judgment", "action", "notification", "logbook", "dashboard"):
        module = importlib.import_module(f"judgify.core.{package}.app")
        tables.append(module.build(settings, SystemClock()).router.routes)
    for route in (route for table in tables for route in table):
        if isinstance(route, Route | APIRoute) and route.path.startswith(("/api/v2/", "/status")):
            methods = (route.methods or set()) - {"HEAD"}
            found |= {(method, re.sub(r"\{[^}]+\}", "{id}", route.path)) for method in methods}
    return {(method, path) for method, path in found if not path.endswith("/health")}


def test_every_route_is_documented_and_exists(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`?]+)`", text, re.MULTILINE)
    told = {(method, re.sub(r"\{[^}]+\}", "{id}", path)) for method, path in listed}
    assert len(listed) == len(told), "a route is listed twice"
    assert told == _routes(tmp_path)


def _commands() -> set[str]:
    from judgify.cli import build

    found: set[str] = set()

    def walk(command: object, words: tuple[str, ...]) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            found.add(" ".join(words))
            return
        for name, child in children.items():
            if not child.hidden:
                walk(child, (*words, name))

    walk(typer.main.get_command(build()), ())
    return found


def test_every_command_is_documented_and_exists() -> None:
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `judgify ([a-z -]*[a-z])(?=`| [A-Z\[])", text, re.MULTILINE))
    assert listed == _commands()


def test_the_gateways_defaults_are_told_as_they_are() -> None:
    config = GatewayConfig.from_settings(Settings.from_env({}, ROOT))
    for name, cells in source.rows("settings.md").items():
        field = name.removeprefix("JUDGIFY_GATEWAY_").lower()
        limit = re.fullmatch(r"(person|machine|address|login)_(rate|burst)", field)
        if limit:
            assert float(cells[0]) == getattr(getattr(config, f"{limit[1]}_limit"), limit[2]), name
        elif name.startswith("JUDGIFY_GATEWAY_") and isinstance(getattr(config, field, None), int | float):
            assert float(cells[0]) == getattr(config, field), name


def test_the_workflow_of_the_how_to_is_sound_and_judges_as_told() -> None:
    text = (ROOT / "docs" / "how-to" / "own-workflow.md").read_text(encoding="utf-8")
    plan = compile_document(read_document(json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])))
    given = re.search(r"```text\noven,temp_c,minutes\n(.*?)```", text, re.DOTALL)
    told = re.search(r"```text\nrow,execution_id,(.*?)```", text, re.DOTALL)
    assert given is not None
    assert told is not None
    expected = [line.split(",")[2:4] for line in told[1].splitlines()[1:]]
    found = []
    for oven, temperature, minutes in (line.split(",") for line in given[1].splitlines()):
        value = {"oven": oven, "temperature": int(temperature) if temperature else None, "minutes": int(minutes)}
        judged = plan.judge({name: entry for name, entry in value.items() if entry is not None})
        found.append([judged.verdict, judged.result or ""])
    assert found == expected
