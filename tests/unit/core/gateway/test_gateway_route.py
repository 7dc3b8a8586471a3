import pytest

from judgify.core.gateway.failure import AddressTooLong
from judgify.core.gateway.path import FIRST_SEGMENTS, resolve
from judgify.kit.errors import Malformed, NotFound


@pytest.mark.parametrize(
    ("raw", "service", "segments", "route"),
    [
        (b"/live", "gateway", ("live",), "/live"),
        (b"/metrics", "gateway", ("metrics",), "/metrics"),
        (b"/api/v2/gateway/health", "gateway", ("health",), "/api/v2/gateway/health"),
        (b"/api/v2/judgment/execute", "judgment", ("execute",), "/api/v2/judgment/execute"),
        (b"/api/v2/judgment/executions/exe_1", "judgment", ("executions", "exe_1"), "/api/v2/judgment/executions"),
        (b"/api/v2/judgment/secret-name", "judgment", ("secret-name",), "/api/v2/judgment/*"),
        (b"/api/v2/logging", "logging", (), "/api/v2/logging"),
        (b"/api/v2/logging/", "logging", (), "/api/v2/logging"),
        (b"/api/v2/auth/login", "auth", ("login",), "/api/v2/auth/login"),
        (b"/api/v2/workflow/%ED%92%88", "workflow", ("품",), "/api/v2/workflow/*"),
    ],
)
def test_a_path_has_one_target(raw: bytes, service: str, segments: tuple[str, ...], route: str) -> None:
    target = resolve(raw)
    assert (target.service, target.segments, target.route) == (service, segments, route)


def test_health_is_told_from_everything_else() -> None:
    assert resolve(b"/api/v2/action/health").is_health
    assert not resolve(b"/api/v2/action/health/x").is_health
    assert not resolve(b"/api/v2/action/actions").is_health


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"api/v2/judgment", b"*", b"/api/v2/judgment/..", b"/./live", b"//live", b"/api\\v2", b"/live;x",
        b"/api/v2/judgment/%2e", b"/api/v2/judgment/%2F", b"/api/v2/judgment/%5c", b"/api/v2/judgment/%25",
        b"/api/v2/judgment/%00", b"/api/v2/judgment/%3B", b"/api/v2/judgment/%0a", b"/api/v2/judgment/%7F",
        b"/api/v2/judgment/%ff", b"/api/v2/judgment/%", b"/api/v2/judgment/%4", b"/api/v2/judgment/a b",
        b"/api/v2/judgment/\x80", b"/api/v2/judgment/%E2%80%A8",
    ],
)  # fmt: skip
def test_tricks_are_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        resolve(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"/", b"/api", b"/api/v2", b"/api/v1/judgment/x", b"/x/v2/judgment/x", b"/api/v2/nothing", b"/live/x",
        b"/api/v2/gateway/x", b"/api/v2/judgment/internal", b"/api/v2/judgment/x/internal/y",
        b"/api/v2/judgment/%69nternal", b"/internal/actions", b"/api/v2/Judgment/x",
    ],
)  # fmt: skip
def test_unknown_and_internal_paths_are_not_found(raw: bytes) -> None:
    with pytest.raises(NotFound):
        resolve(raw)


def test_the_length_is_bounded() -> None:
    with pytest.raises(AddressTooLong):
        resolve(b"/api/v2/judgment/" + b"a" * 5000)


def test_every_upstream_names_its_health() -> None:
    assert all("health" in segments for name, segments in FIRST_SEGMENTS.items() if name != "auth")
