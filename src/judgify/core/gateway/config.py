"""The gateway's own settings: every `JUDGIFY_GATEWAY_*` variable, with its unit and default, checked at the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import urlsplit

from judgify.core.gateway.limit import Limit
from judgify.kit.errors import Invalid
from judgify.kit.settings import Settings

UPSTREAMS: Final = ("workflow", "judgment", "action", "notification", "logging", "dashboard")
"""The services behind the gateway, by their names on the wire."""
_UPSTREAM_VARIABLES: Final = {
    "workflow": "JUDGIFY_GATEWAY_UPSTREAM_WORKFLOW",
    "judgment": "JUDGIFY_GATEWAY_UPSTREAM_JUDGMENT",
    "action": "JUDGIFY_GATEWAY_UPSTREAM_ACTION",
    "notification": "JUDGIFY_GATEWAY_UPSTREAM_NOTIFICATION",
    "logging": "JUDGIFY_GATEWAY_UPSTREAM_LOGGING",
    "dashboard": "JUDGIFY_GATEWAY_UPSTREAM_DASHBOARD",
}
"""Where an upstream listens when not on this machine, like http://judgment-service:8002."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Address:
    """Where an upstream listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What an operator may tune. Times in seconds, sizes in bytes, rates in requests a second."""

    upstreams: Mapping[str, Address]
    connect_timeout_s: float = 2.0
    """JUDGIFY_GATEWAY_CONNECT_TIMEOUT_S: how long a connection to a service may take to open."""
    response_timeout_s: float = 30.0
    """JUDGIFY_GATEWAY_RESPONSE_TIMEOUT_S: from the end of the request to the head of the answer."""
    batch_timeout_s: float = 65.0
    """JUDGIFY_GATEWAY_BATCH_TIMEOUT_S: the same for judgment batches."""
    body_idle_s: float = 30.0
    """JUDGIFY_GATEWAY_BODY_IDLE_S: longest silence inside a request's body."""
    stream_idle_s: float = 120.0
    """JUDGIFY_GATEWAY_STREAM_IDLE_S: longest silence inside an answer's body."""
    max_body: int = 16 * 1024 * 1024
    """JUDGIFY_GATEWAY_MAX_BODY: largest request body."""
    max_concurrent: int = 256
    """JUDGIFY_GATEWAY_MAX_CONCURRENT: requests that run at once per upstream."""
    max_queue: int = 512
    """JUDGIFY_GATEWAY_MAX_QUEUE: requests that may wait per upstream; one more is answered 503."""
    max_wait_s: float = 5.0
    """JUDGIFY_GATEWAY_MAX_WAIT_S: how long a request may wait for its turn; then 503."""
    idle_connection_s: float = 15.0
    """JUDGIFY_GATEWAY_IDLE_CONNECTION_S: an unused kept-alive connection is closed after this; services wait 75."""
    person_limit: Limit = field(default=Limit(100, 200))
    """JUDGIFY_GATEWAY_PERSON_RATE, _PERSON_BURST: per signed-in person. A rate of 0 means no limit."""
    machine_limit: Limit = field(default=Limit(20_000, 40_000))
    """JUDGIFY_GATEWAY_MACHINE_RATE, _MACHINE_BURST: per API key, service and the command line."""
    address_limit: Limit = field(default=Limit(50, 200))
    """JUDGIFY_GATEWAY_ADDRESS_RATE, _ADDRESS_BURST: per client address, for requests without a valid credential."""
    login_limit: Limit = field(default=Limit(0.5, 10))
    """JUDGIFY_GATEWAY_LOGIN_RATE, _LOGIN_BURST: sign-in attempts per client address; ten times that per account."""
    access_ttl_s: int = 600
    """JUDGIFY_GATEWAY_ACCESS_TTL_S: life of an access token; also the bound on trust while no store answers."""
    refresh_ttl_s: int = 7 * 86_400
    """JUDGIFY_GATEWAY_REFRESH_TTL_S: life of one refresh token."""
    session_ttl_s: int = 30 * 86_400
    """JUDGIFY_GATEWAY_SESSION_TTL_S: a session ends after this, however often it was refreshed."""
    trusted_proxies: tuple[Network, ...] = field(default_factory=tuple)
    """JUDGIFY_GATEWAY_TRUSTED_PROXIES: networks whose X-Forwarded-For is believed; none by default."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "GatewayConfig":
        """Read the environment; an unreadable value is `Invalid` and names its variable."""
        env = settings.environ
        base = cls(upstreams={})
        return cls(
            upstreams={name: _address(env, name, settings) for name in UPSTREAMS},
            connect_timeout_s=_number(env, "JUDGIFY_GATEWAY_CONNECT_TIMEOUT_S", base.connect_timeout_s),
            response_timeout_s=_number(env, "JUDGIFY_GATEWAY_RESPONSE_TIMEOUT_S", base.response_timeout_s),
            batch_timeout_s=_number(env, "JUDGIFY_GATEWAY_BATCH_TIMEOUT_S", base.batch_timeout_s),
            body_idle_s=_number(env, "JUDGIFY_GATEWAY_BODY_IDLE_S", base.body_idle_s),
            stream_idle_s=_number(env, "JUDGIFY_GATEWAY_STREAM_IDLE_S", base.stream_idle_s),
            max_body=int(_number(env, "JUDGIFY_GATEWAY_MAX_BODY", base.max_body)),
            max_concurrent=max(1, int(_number(env, "JUDGIFY_GATEWAY_MAX_CONCURRENT", base.max_concurrent))),
            max_queue=int(_number(env, "JUDGIFY_GATEWAY_MAX_QUEUE", base.max_queue)),
            max_wait_s=_number(env, "JUDGIFY_GATEWAY_MAX_WAIT_S", base.max_wait_s),
            idle_connection_s=_number(env, "JUDGIFY_GATEWAY_IDLE_CONNECTION_S", base.idle_connection_s),
            person_limit=_limit(env, "JUDGIFY_GATEWAY_PERSON_RATE", "JUDGIFY_GATEWAY_PERSON_BURST", base.person_limit),
            machine_limit=_limit(
                env, "JUDGIFY_GATEWAY_MACHINE_RATE", "JUDGIFY_GATEWAY_MACHINE_BURST", base.machine_limit
            ),
            address_limit=_limit(
                env, "JUDGIFY_GATEWAY_ADDRESS_RATE", "JUDGIFY_GATEWAY_ADDRESS_BURST", base.address_limit
            ),
            login_limit=_limit(env, "JUDGIFY_GATEWAY_LOGIN_RATE", "JUDGIFY_GATEWAY_LOGIN_BURST", base.login_limit),
            access_ttl_s=int(_number(env, "JUDGIFY_GATEWAY_ACCESS_TTL_S", base.access_ttl_s)),
            refresh_ttl_s=int(_number(env, "JUDGIFY_GATEWAY_REFRESH_TTL_S", base.refresh_ttl_s)),
            session_ttl_s=int(_number(env, "JUDGIFY_GATEWAY_SESSION_TTL_S", base.session_ttl_s)),
            trusted_proxies=_networks(env),
        )


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise Invalid(f"{name}={text!r} is not a number of 0 or more")
    return value


def _limit(env: Mapping[str, str], rate_name: str, burst_name: str, default: Limit) -> Limit:
    rate = _number(env, rate_name, default.rate)
    burst = _number(env, burst_name, default.burst)
    if rate > 0 and burst < 1:
        raise Invalid(f"{burst_name}={burst:g} would refuse every request; use 1 or more")
    return Limit(rate, burst)


def _address(env: Mapping[str, str], name: str, settings: Settings) -> Address:
    variable = _UPSTREAM_VARIABLES[name]
    text = env.get(variable) or settings.url(name)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme != "http" or host is None or parts.path.strip("/") or parts.query or parts.username:
        raise Invalid(f"{variable}={text!r} is not an address like http://judgment-service:8002")
    return Address(host, port or 80)


def _networks(env: Mapping[str, str]) -> tuple[Network, ...]:
    text = env.get("JUDGIFY_GATEWAY_TRUSTED_PROXIES", "")
    try:
        return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())
    except ValueError as error:
        raise Invalid(f"JUDGIFY_GATEWAY_TRUSTED_PROXIES={text!r}: {error}") from None
