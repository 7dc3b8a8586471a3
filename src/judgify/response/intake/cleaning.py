"""What every reader of outside words shares: text made harmless, names made canonical, moments made plausible. Pure."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from judgify.kit.secrets import MASK, is_secret_name, mask
from judgify.response.guide.schema import Guide

UNKNOWN_SERVICE: Final = "unknown"
"""The service of a signal that names none."""
MAX_LABELS: Final = 64
MAX_LABEL: Final = 500
MAX_NAME: Final = 120
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]+")
_NUMBER: Final = re.compile(r"\s*([+-]?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?)\s*(%)?")
# Clocks differ a little; an alert from further ahead than this did not begin when it says.
_FUTURE: Final = timedelta(minutes=5)
_BEGINNING: Final = 1970
"""No alert is older than this year: Go's zero time (0001-01-01) means "not known"."""


def plain(text: str, longest: int) -> str:
    """Cut a text, take out what controls a terminal or reorders a line, and hide what looks like a secret."""
    if not (text.isascii() and text.isprintable()):
        text = _UNPRINTABLE.sub(" ", text.encode("utf-8", "replace").decode())
    return mask(text[:longest]).strip()


def clean_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Give labels as they may be kept: names and values harmless, short, and without secrets."""
    return {_label_name(name): _label_value(name, value) for name, value in labels.items()}


@lru_cache(maxsize=1024)
def _label_name(name: str) -> str:
    return plain(name, 100)


@lru_cache(maxsize=4096)
def _label_value(name: str, value: str) -> str:
    return MASK if value and is_secret_name(name) else plain(value, MAX_LABEL)


def service_of(given: str, guide: Guide) -> str:
    """Give the catalogue's name for what a sender calls a service; one that is not there keeps the sender's name."""
    return guide.service_of_job(given) or plain(given, MAX_NAME) or UNKNOWN_SERVICE


def signal_name(name: str, guide: Guide) -> str:
    """Give the guide's signal for an alert's name; one that it does not know is written as its signals are."""
    if name in guide.signals.signals:
        return name
    known = next((one.signal for one in guide.intake.alerts if one.alert == name), None)
    if known is not None:
        return known
    return _NOT_NAME.sub("_", _CAMEL.sub("_", name[: 4 * MAX_NAME]).lower()).strip("_")[:MAX_NAME] or "unnamed_signal"


def number(text: str | None) -> float | None:
    """Read a number out of text for people ("7.2%", "3.4s"); what cannot be read is no number, never zero."""
    found = _NUMBER.match(text or "")
    if found is None:
        return None
    value = float(found[1])
    if value in {float("inf"), float("-inf")}:
        return None
    return value / 100 if found[2] else value


def begun(given: datetime | None, now: datetime) -> datetime:
    """Give when something began: as said, unless that is no moment at all or lies in the future."""
    if given is None or given.year < _BEGINNING or given > now + _FUTURE:
        return now
    return min(given, now)


def ended(given: datetime | None, now: datetime) -> datetime:
    """Give when something ended: as said, unless that is no moment at all (`0001-01-01`) or has not come yet."""
    return now if given is None or given.year < _BEGINNING else min(given, now)


def print_of(source: str, fingerprint: str) -> str:
    """Give what repeats of an alert of a source share; any text of the sender's will do."""
    return f"{source}|{hashlib.sha256(fingerprint.encode('utf-8', 'replace')).hexdigest()[:32]}"


_FNV_OFFSET: Final = 14_695_981_039_346_656_037
_FNV_PRIME: Final = 1_099_511_628_211
_WORD: Final = (1 << 64) - 1


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Give the fingerprint that Prometheus and Alertmanager give a set of labels (FNV-1a of the sorted pairs)."""
    total = _FNV_OFFSET
    for name in sorted(labels):
        for letter in b"%b\xff%b\xff" % (name.encode("utf-8", "replace"), labels[name].encode("utf-8", "replace")):
            total = ((total ^ letter) * _FNV_PRIME) & _WORD
    return f"{total:016x}"
