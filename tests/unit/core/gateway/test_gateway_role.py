import pytest

from judgify.core.gateway import role
from judgify.core.gateway.path import resolve
from judgify.core.gateway.role import check, needed_role
from judgify.kit.auth import Principal, service_principal
from judgify.kit.errors import Denied


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "judgment/executions", "viewer"),
        ("HEAD", "workflow/workflows", "viewer"),
        ("OPTIONS", "action/actions", "viewer"),
        ("POST", "judgment/execute", "responder"),
        ("DELETE", "judgment/executions/x", "responder"),
        ("POST", "workflow/workflows", "commander"),
        ("POST", "workflow/workflows/a/activate", "commander"),
        ("POST", "workflow/workflows/a/simulate", "responder"),
        ("POST", "workflow/workflows/simulate", "responder"),
        ("POST", "workflow/workflows/simulate/activate", "commander"),
        ("POST", "workflow", "commander"),
        ("PUT", "workflow/workflows/a/simulate", "commander"),
        ("DELETE", "workflow/workflows/a", "commander"),
        ("POST", "logging/search", "viewer"),
        ("POST", "logging/ingest", "responder"),
        ("DELETE", "logging/logs/x", "commander"),
        ("POST", "action/actions", "responder"),
        ("PATCH", "dashboard/dashboards/x", "viewer"),
        ("DELETE", "dashboard/dashboards/x", "viewer"),
    ],
)
def test_the_table_says_who_may(method: str, path: str, needed: str) -> None:
    target = resolve(f"/api/v2/{path}".encode())
    assert needed_role(method, target) == needed
    check(Principal("a", frozenset({needed})), method, target)
    check(service_principal("response"), method, target)
    for lower in ("viewer", "responder", "commander"):
        if lower == needed:
            break
        with pytest.raises(Denied):
            check(Principal("a", frozenset({lower})), method, target)


def test_what_no_row_fits_is_for_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role, "RULES", ())
    assert needed_role("POST", resolve(b"/api/v2/judgment/execute")) == "admin"
