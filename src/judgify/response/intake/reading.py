"""Reading a body strictly: typed, bounded, and with a word about the place that does not fit."""

from typing import Any

import msgspec

from judgify.kit.errors import Invalid, Malformed


def decoded(decoder: Any, body: bytes, what: str) -> Any:
    """Read a body; `Malformed` where it is no JSON in UTF-8, `Invalid` names the first field that does not fit."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            msgspec.json.decode(body)  # reading stops at the first misfit: is the rest JSON at all?
            raise Invalid(f"{what}: {told(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("the body is not valid JSON") from None


def converted(document: Any, kind: Any, what: str) -> Any:
    """Give a document that was read already as `kind`; `Invalid` names the first field that does not fit."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"{what}: {told(error)}") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None


def told(error: msgspec.ValidationError) -> str:
    """Say what does not fit: `alerts[0].labels: Expected `object`, got `str``."""
    message, _, place = str(error).partition(" - at `")
    where = place.rstrip("`").removeprefix("$").removeprefix(".") or "the body"
    return f"{where}: {message}"[:500]
