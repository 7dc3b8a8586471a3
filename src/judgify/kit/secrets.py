"""Secrets as files of mode 0600 under the state folder, and the masking of anything that looks like one."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from judgify.kit.errors import Unavailable
from judgify.kit.files import write_atomic

NAMES: Final = ("service_secret", "jwt_secret", "cli_token", "postgres_password")
MASK: Final = "•••"

_KEY: Final = re.compile(
    r"(?i)(secret|passw|token|api[-_]?key|authorization|cookie|credential|private[-_]?key|jwt|session[-_]?id)"
)
_PAIR_KEY: Final = re.compile(r"(?i)(secret|passw|token|api[-_]?key|pwd|credential)")
_PATTERNS: Final = (
    # user:password@ in an address
    (re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,40}://[^\s:/@]*):[^\s@/]+@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"\b(sk|jdg|xox[abprs])[-_][A-Za-z0-9_-]{10,}"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), MASK),
    (re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"), MASK),
)
_NAME: Final = re.compile(r"(?<![\w-])[\"']?([\w-]++)[\"']?\s*+[=:]\s*+")
_VALUE: Final = re.compile(r"\"[^\"]*+\"|'[^']*+'|[^\s,;&}\"']++")
# `name=value` and `"name": "value"`; possessive, so that hostile text costs no more than its length.
_HINTS: Final = (
    *("://", "bearer", "basic", "eyj", "sk-", "sk_", "jdg-", "jdg_", "xox", "-----begin", "akia", "asia"),
    *("secret", "passw", "token", "key", "pwd", "credential", "authorization", "cookie", "jwt", "session"),
)
# Of everything that is hidden, one of these is a part, whatever the case.


def ensure_secret(home: Path, name: str) -> str:
    """Give the secret of that name, making it (256 random bits, mode 0600, folder 0700) when it is not there."""
    folder = home / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        write_atomic(path, secrets.token_urlsafe(32).encode("ascii"), 0o600)
    return read_secret(home, name)


def read_secret(home: Path, name: str) -> str:
    """Read a secret that `ensure_secret` made; `Unavailable` names the file when it is missing."""
    path = home / "secrets" / name
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise Unavailable(f"the secret file {path} cannot be read; `judgify up` makes it") from error
    if not text:
        raise Unavailable(f"the secret file {path} is empty; remove it and run `judgify up`")
    return text


def may_hold_secret(text: str) -> bool:
    """Tell whether `mask` or `mask_mapping` could find anything in this text; quick, and never False by mistake.

    A text that is JSON must have no escaped letters or slashes in it.
    """
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS)


def mask(text: str) -> str:
    """Replace what looks like a password, token or key in free text; used on logs and on captured findings."""
    if not may_hold_secret(text):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _mask_pairs(text)


def _mask_pairs(text: str) -> str:
    parts: list[str] = []
    kept = 0
    for found in _NAME.finditer(text):
        if found.start() >= kept and _PAIR_KEY.search(found[1]) and (value := _VALUE.match(text, found.end())):
            parts += (text[kept : found.end()], MASK)
            kept = value.end()
    return "".join((*parts, text[kept:]))


def is_secret_name(name: str) -> bool:
    """Tell whether a field or variable of this name is to be hidden whatever its value."""
    return _KEY.search(name) is not None


def mask_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping with the values of secret-sounding names hidden and all other text masked, at every depth."""
    return {key: MASK if is_secret_name(key) and value else _mask_value(value) for key, value in values.items()}


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return mask_mapping(value)
    if isinstance(value, list | tuple):
        return [_mask_value(item) for item in value]
    return value
