import os
from pathlib import Path

import pytest

from judgify.kit.errors import Invalid
from judgify.kit.settings import SERVICES, Ports, Settings, default_home

HOME = Path("/state")


def read(**env: str) -> Settings:
    return Settings.from_env(env, HOME)


def test_the_defaults_are_the_ports_of_the_design() -> None:
    ports = read().ports
    assert [ports.of(name) for name in SERVICES] == [8000, 8001, 8002, 8003, 8004, 8005, 8006]
    assert ports.of("response") == 8010


def test_a_base_moves_every_port_and_one_can_be_moved_alone() -> None:
    settings = read(JUDGIFY_PORT_BASE="9000", JUDGIFY_PORT_JUDGMENT="7777")
    assert settings.ports.of("gateway") == 9000
    assert settings.ports.of("judgment") == 7777
    assert settings.url("judgment") == "http://127.0.0.1:7777"
    assert len(set(settings.ports.all().values())) == 10


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(Invalid, match="no part named 'nobody'"):
        Ports().of("nobody")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JUDGIFY_PORT_BASE", "many"),
        ("JUDGIFY_PORT_BASE", "0"),
        ("JUDGIFY_PORT_GATEWAY", "70000"),
        ("REDIS_ENABLED", "perhaps"),
        ("JUDGIFY_LOG_LEVEL", "LOUD"),
    ],
)
def test_an_unreadable_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name):
        Settings.from_env({name: value}, HOME)


def test_flags_and_lists() -> None:
    settings = read(
        REDIS_ENABLED="no", ENABLE_LLM_ENGINE="TRUE", JUDGIFY_EGRESS_ALLOW="10.0.0.0/8, hook:80,", JUDGIFY_GUIDE="g"
    )
    assert settings.redis_enabled is False
    assert settings.enable_llm_engine is True
    assert settings.egress_allow == ("10.0.0.0/8", "hook:80")
    assert settings.guide_dir is not None
    assert settings.guide_dir.is_absolute()
    assert settings.openai_api_key is None


def test_addresses_and_secrets_of_the_environment_win() -> None:
    settings = read(
        DATABASE_URL="postgresql://db/x",
        REDIS_URL="redis://cache/1",
        JWT_SECRET="j",
        JUDGIFY_SERVICE_SECRET="s",
        OPENAI_API_KEY="k",
    )
    assert settings.external_database
    assert settings.external_redis
    assert (settings.database_url, settings.redis_url) == ("postgresql://db/x", "redis://cache/1")
    assert (settings.jwt_secret, settings.service_secret, settings.openai_api_key) == ("j", "s", "k")


def test_no_secret_of_the_environment_shows_in_the_representation() -> None:
    settings = read(JWT_SECRET="c4n4ry", DATABASE_URL="postgresql://u:c4n4ry@db/x")
    assert "c4n4ry" not in repr(settings)


def test_the_embedded_redis_is_on_loopback() -> None:
    assert read().redis_url == "redis://127.0.0.1:8033/0"


def test_the_state_folder_follows_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_home({"JUDGIFY_HOME": "/x"}) == Path("/x")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home({}) == Path("/var/lib/judgify")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/judgify")
    assert default_home({}) == Path.home() / ".local/share/judgify"
