from pathlib import Path

import pytest

from judgify.kit.cluster import server, shares_the_platforms_database
from judgify.kit.errors import Invalid
from judgify.kit.settings import Settings


def read(**env: str) -> Settings:
    return Settings.from_env(env, Path("/state"))


@pytest.mark.parametrize(
    ("own", "platform", "same"),
    [
        ("", "", False),
        ("postgresql://u:p@127.0.0.1:9042/pager", "", True),
        ("postgresql://u:p@localhost:9042/pager", "", True),
        ("postgresql://u:p@[::1]:9042/pager", "", True),
        ("postgresql://u:p@127.0.0.1:9999/pager", "", False),
        ("postgresql://db.example/pager", "postgresql://db.example:5432/judgify", True),
        ("postgresql://db2.example/pager", "postgresql://db.example/judgify", False),
    ],
)
def test_one_server_is_known_by_host_and_port_whatever_the_database_is_called(
    own: str, platform: str, *, same: bool
) -> None:
    settings = read(JUDGIFY_PORT_BASE="9010", JUDGIFY_RESPONSE_DATABASE_URL=own, DATABASE_URL=platform)
    assert shares_the_platforms_database(settings) is same


def test_an_address_without_a_host_is_this_machine() -> None:
    assert server("postgresql:///pager") == ("127.0.0.1", 5432)


def test_what_is_no_address_and_no_name_is_refused() -> None:
    with pytest.raises(Invalid, match="JUDGIFY_RESPONSE_DATABASE_URL"):
        _ = read(JUDGIFY_RESPONSE_DATABASE_URL="mysql://x").response_database_url
    for name in ("Upper", "a b", "x" * 41, "엔진"):
        with pytest.raises(Invalid, match="JUDGIFY_ENGINE"):
            _ = read(JUDGIFY_ENGINE=name).engine_name
    assert (read().engine_name, read(JUDGIFY_ENGINE="b-2").engine_name) == ("engine", "b-2")
    assert read().response_database_url is None
