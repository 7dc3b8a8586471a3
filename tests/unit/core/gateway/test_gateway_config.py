from pathlib import Path

import pytest

from judgify.core.gateway.config import UPSTREAMS, Address, GatewayConfig
from judgify.core.gateway.limit import Limit
from judgify.kit.errors import Invalid
from judgify.kit.settings import Settings


def _config(**env: str) -> GatewayConfig:
    given = {f"JUDGIFY_GATEWAY_{name}": value for name, value in env.items()}
    return GatewayConfig.from_settings(Settings.from_env(given, home=Path("/tmp/none")))  # noqa: S108 - never touched


def test_defaults_hold_the_promises() -> None:
    config = _config()
    assert set(config.upstreams) == set(UPSTREAMS)
    assert config.upstreams["judgment"] == Address("127.0.0.1", 8002)
    assert (config.response_timeout_s, config.batch_timeout_s, config.access_ttl_s) == (30, 65, 600)
    assert config.max_body == 16 * 1024 * 1024
    assert config.machine_limit.rate >= 5000
    assert config.person_limit.rate >= 50
    assert config.trusted_proxies == ()


def test_every_value_can_be_set() -> None:
    config = _config(
        UPSTREAM_JUDGMENT="http://judgment-service:9000/", UPSTREAM_ACTION="http://[::1]", PERSON_RATE="5",
        PERSON_BURST="7", MACHINE_RATE="0", MACHINE_BURST="0", MAX_CONCURRENT="0", MAX_BODY="10",
        TRUSTED_PROXIES="10.0.0.0/8, ::1/128",
    )  # fmt: skip
    assert config.upstreams["judgment"] == Address("judgment-service", 9000)
    assert config.upstreams["action"] == Address("::1", 80)
    assert config.person_limit == Limit(5, 7)
    assert config.machine_limit.rate == 0
    assert config.max_concurrent == 1
    assert len(config.trusted_proxies) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BODY", "big"),
        ("MAX_WAIT_S", "-1"),
        ("CONNECT_TIMEOUT_S", "inf"),
        ("RESPONSE_TIMEOUT_S", "nan"),
        ("PERSON_BURST", "0"),
        ("UPSTREAM_LOGGING", "https://x"),
        ("UPSTREAM_LOGGING", "http://u:p@x"),
        ("UPSTREAM_LOGGING", "http://x/path"),
        ("UPSTREAM_LOGGING", "http://x:99999"),
        ("UPSTREAM_LOGGING", "x"),
        ("TRUSTED_PROXIES", "everyone"),
    ],
)
def test_an_unreadable_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"JUDGIFY_GATEWAY_{name}"):
        _config(**{name: value})
