"""Settings: every environment variable that Judgify reads, in one place, checked once at the start of a process."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from judgify.kit.errors import Invalid
from judgify.kit.secrets import read_secret

SERVICES: Final = ("gateway", "workflow", "judgment", "action", "notification", "logging", "dashboard")
"""The platform's services by their names on the wire, in the order of their ports."""

_OFFSETS: Final[dict[str, int]] = {
    **{name: offset for offset, name in enumerate(SERVICES)},
    "response": 10,
    "postgres": 32,
    "redis": 33,
}
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Ports:
    """Which port each part listens on: a base plus a fixed offset, each one open to be overridden."""

    base: int = 8000
    overrides: Mapping[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int:
        """Give the port of a part; an unknown name is `Invalid`."""
        if name in self.overrides:
            return self.overrides[name]
        try:
            return self.base + _OFFSETS[name]
        except KeyError:
            raise Invalid(f"there is no part named {name!r}; known are {', '.join(_OFFSETS)}") from None

    def all(self) -> dict[str, int]:
        """Give every part's port by name."""
        return {name: self.of(name) for name in _OFFSETS}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process was told by its environment. Secrets are read from their files when asked for."""

    home: Path
    ports: Ports = field(default_factory=Ports)
    listen: str = "127.0.0.1"
    log_level: str = "INFO"
    guide_dir: Path | None = None
    redis_enabled: bool = True
    enable_llm_engine: bool = False
    openai_base_url: str | None = None
    postgres_read_only: bool = False
    heartbeat_url: str | None = None
    heartbeat_method: Literal["POST", "GET"] = "POST"
    console_url: str | None = None
    """Where people reach the console from outside (a proxy's address), without a trailing slash."""
    egress_allow: tuple[str, ...] = ()
    reuse_port: bool = False
    external_database: bool = False
    external_redis: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, home: Path | None = None) -> "Settings":
        """Read and check the environment; an unreadable value is `Invalid` and names its variable."""
        env = dict(os.environ if environ is None else environ)
        base = _integer(env, "JUDGIFY_PORT_BASE", 8000, 1, 65_000)
        overrides = {
            name: _integer(env, f"JUDGIFY_PORT_{name.upper()}", 0, 1, 65_535)
            for name in _OFFSETS
            if f"JUDGIFY_PORT_{name.upper()}" in env
        }
        guide = env.get("JUDGIFY_GUIDE")
        return cls(
            home=(home or default_home(env)).absolute(),
            ports=Ports(base, overrides),
            listen=env.get("JUDGIFY_LISTEN", "127.0.0.1"),
            log_level=_choice(env, "JUDGIFY_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
            guide_dir=Path(guide).absolute() if guide else None,
            redis_enabled=_flag(env, "REDIS_ENABLED", default=True),
            enable_llm_engine=_flag(env, "ENABLE_LLM_ENGINE", default=False),
            openai_base_url=env.get("OPENAI_BASE_URL") or None,
            postgres_read_only=_flag(env, "POSTGRES_READ_ONLY", default=False),
            heartbeat_url=_address(env, "JUDGIFY_HEARTBEAT_URL"),
            heartbeat_method="GET"
            if _choice(env, "JUDGIFY_HEARTBEAT_METHOD", "POST", ("POST", "GET")) == "GET"
            else "POST",
            console_url=_address(env, "JUDGIFY_CONSOLE_URL"),
            egress_allow=tuple(item.strip() for item in env.get("JUDGIFY_EGRESS_ALLOW", "").split(",") if item.strip()),
            reuse_port=_flag(env, "JUDGIFY_REUSE_PORT", default=False),
            external_database=bool(env.get("DATABASE_URL")),
            external_redis=bool(env.get("REDIS_URL")),
            environ=env,
        )

    def url(self, name: str) -> str:
        """Give the loopback address of a part, without a trailing slash."""
        return f"http://127.0.0.1:{self.ports.of(name)}"

    def number(self, name: str, default: int, lowest: int = 1, highest: int = 1_000_000) -> int:
        """Read a whole number of one service's own, such as a retention; outside its bounds it is `Invalid`."""
        return _integer(self.environ, name, default, lowest, highest)

    @property
    def database_url(self) -> str:
        """`DATABASE_URL`, or the embedded PostgreSQL with its password from the secret file."""
        given = self.environ.get("DATABASE_URL")
        if given:
            return given
        password = quote(read_secret(self.home, "postgres_password"), safe="")
        return f"postgresql://judgify:{password}@127.0.0.1:{self.ports.of('postgres')}/judgify"

    @property
    def redis_url(self) -> str:
        """`REDIS_URL`, or the embedded server."""
        return self.environ.get("REDIS_URL") or f"redis://127.0.0.1:{self.ports.of('redis')}/0"

    @property
    def response_database_url(self) -> str | None:
        """`JUDGIFY_RESPONSE_DATABASE_URL`: the response engine's own PostgreSQL; None: SQLite in its folder."""
        url = self.environ.get("JUDGIFY_RESPONSE_DATABASE_URL") or None
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise Invalid("JUDGIFY_RESPONSE_DATABASE_URL is no address like postgresql://user:password@host:5432/name")
        return url

    @property
    def engine_name(self) -> str:
        """`JUDGIFY_ENGINE`: the name of this response engine among those on one database; `engine` where unset."""
        name = self.environ.get("JUDGIFY_ENGINE") or "engine"
        plain = name.isascii() and name.replace("-", "a").isalnum() and name == name.lower()
        if not plain or len(name) > 40:
            raise Invalid(f"JUDGIFY_ENGINE={name!r} is not 1 to 40 of a-z, 0-9 and -")
        return name

    @property
    def jwt_secret(self) -> str:
        """`JWT_SECRET`, or the secret file; signs the tokens that people and programs hold."""
        return self.environ.get("JWT_SECRET") or read_secret(self.home, "jwt_secret")

    @property
    def service_secret(self) -> str:
        """`JUDGIFY_SERVICE_SECRET`, or the secret file; signs the tokens between our own processes."""
        return self.environ.get("JUDGIFY_SERVICE_SECRET") or read_secret(self.home, "service_secret")

    @property
    def cli_token(self) -> str:
        """The command line's token, always from its file of mode 0600."""
        return read_secret(self.home, "cli_token")

    @property
    def openai_api_key(self) -> str | None:
        """`OPENAI_API_KEY`, else the secret file `openai_api_key` where somebody made one, else None."""
        given = self.environ.get("OPENAI_API_KEY")
        if given or not (self.home / "secrets" / "openai_api_key").is_file():
            return given or None
        return read_secret(self.home, "openai_api_key")

    @property
    def llm_model(self) -> str | None:
        """`JUDGIFY_LLM_MODEL` where an endpoint is set, too; None when no model is connected."""
        connected = self.openai_base_url or self.openai_api_key
        return (self.environ.get("JUDGIFY_LLM_MODEL") or None) if connected else None


def default_home(env: Mapping[str, str]) -> Path:
    """Give `JUDGIFY_HOME`; else /var/lib/judgify for root and the user's data folder for anyone else."""
    if env.get("JUDGIFY_HOME"):
        return Path(env["JUDGIFY_HOME"]).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/judgify")
    data = env.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "judgify"


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = env.get(name)
    if text is None:
        return default
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise Invalid(f"{name}={text!r} is neither true nor false")


def _integer(env: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = env.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = lowest - 1
    if not lowest <= value <= highest:
        raise Invalid(f"{name}={text!r} is not a whole number from {lowest} to {highest}")
    return value


def _address(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not text.startswith(("http://", "https://")) or not urlsplit(text).hostname or any(c.isspace() for c in text):
        # The value may hold a ticket of the outside service: it is not told.
        raise Invalid(f"{name} is not an address that begins with http:// or https://")
    return text.rstrip("/") if name == "JUDGIFY_CONSOLE_URL" else text


def _choice(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, default).upper()
    if value not in allowed:
        raise Invalid(f"{name}={value!r} is none of {', '.join(allowed)}")
    return value
