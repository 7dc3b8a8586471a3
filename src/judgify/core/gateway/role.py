"""Which role a route asks for, as data. Services behind the gateway enforce their own, finer rules as well. Pure."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from judgify.core.gateway.path import Target
from judgify.kit.auth import SERVICE_ROLE, Principal

READ: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WRITE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS: Final = READ | WRITE
"""Methods that are passed on; any other is 405."""
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: requests to `service` by one of `methods` whose path ends in `last` need `role`."""

    service: str
    methods: frozenset[str]
    last: str
    role: str


RULES: Final = (
    Rule(ANY, READ, ANY, "viewer"),
    # Judging writes an execution and may set off actions.
    Rule("judgment", WRITE, ANY, "responder"),
    # Trying a workflow changes nothing.
    Rule("workflow", frozenset({"POST"}), "simulate", "responder"),
    # What a workflow decides is policy.
    Rule("workflow", WRITE, ANY, "commander"),
    # Searching is reading, even where the query is too long for an address.
    Rule("logging", frozenset({"POST"}), "search", "viewer"),
    # Asking for a dashboard is reading; the service lets only its owner or an administrator remove one.
    Rule("dashboard", frozenset({"POST"}), "generate", "viewer"),
    Rule("dashboard", WRITE, ANY, "viewer"),
    Rule(ANY, frozenset({"DELETE"}), ANY, "commander"),
    Rule(ANY, WRITE, ANY, "responder"),
)
"""Read from the top; the first row that fits decides."""


def needed_role(method: str, target: Target) -> str:
    """Give the role that a request to an upstream needs; `method` is one of `METHODS`."""
    for rule in RULES:
        if (
            rule.service in {ANY, target.service}
            and method in rule.methods
            and (rule.last == ANY or target.segments[-1:] == (rule.last,))
        ):
            return rule.role
    return "admin"


def may(principal: Principal, role: str) -> bool:
    """Tell whether the principal holds the needed role, or is one of our own services."""
    return _may(principal.roles, role)


@lru_cache(maxsize=256)
def _may(roles: frozenset[str], role: str) -> bool:
    principal = Principal("", roles, "service")
    return principal.has(role) or principal.has(SERVICE_ROLE)


def check(principal: Principal, method: str, target: Target) -> None:
    """Raise `Denied` unless the principal holds the needed role; our own services pass."""
    principal.demand(needed_role(method, target), SERVICE_ROLE)
