"""Text from outside that a database column can hold."""

from typing import Annotated

from pydantic import AfterValidator


def storable(text: str) -> str:
    """Give the text back; `ValueError` for a NUL or a lone surrogate, which no UTF-8 database can keep."""
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("must not hold half of a surrogate pair") from error
    return text


Text = Annotated[str, AfterValidator(storable)]
"""A Pydantic field type for text that will be stored."""
