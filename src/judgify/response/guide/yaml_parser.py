"""The YAML parser itself, imported only where a file is met that was not read before: it is slow to load and to run."""

import json
from datetime import date, datetime
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent

from judgify.response.guide.unreadable import Unreadable

MAX_DEPTH: Final = 30
MAX_ALIASES: Final = 20
MAX_EVENTS: Final = 200_000


def parse(text: str) -> str:
    """Read YAML 1.2 into the JSON of the same value; `Unreadable` names the line.

    Dates become ISO text. Tags that build objects, aliases beyond a few, and keys given twice are refused.
    """
    reader = YAML(typ="safe", pure=True)
    try:
        _bounded(reader, text)
        value = reader.load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise Unreadable(f"line {line}: a key is given twice", "keep one of them") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise Unreadable(f"{where}{error.problem or error.context}", "correct the YAML there") from error
    except (YAMLError, ValueError) as error:
        raise Unreadable(f"is not YAML: {str(error).splitlines()[0]}", "correct the YAML") from error
    try:
        found = json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False)
        found.encode()
    except UnicodeEncodeError as error:
        raise Unreadable("holds half of a character, as in \\ud800", "write the character itself") from error
    except (TypeError, ValueError) as error:
        raise Unreadable(f"holds a value that is no plain data: {error}", "use texts, numbers, lists, maps") from error
    return found


def _bounded(reader: YAML, text: str) -> None:
    depth = aliases = documents = 0
    for count, event in enumerate(reader.parse(text)):
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        aliases += isinstance(event, AliasEvent)
        documents += isinstance(event, DocumentStartEvent)
        if depth > MAX_DEPTH or aliases > MAX_ALIASES or count > MAX_EVENTS:
            raise Unreadable(
                f"nests deeper than {MAX_DEPTH}, repeats by more than {MAX_ALIASES} aliases, or is too long",
                "write it plainly",
            )
    if documents != 1:
        raise Unreadable(f"holds {documents} documents", "keep exactly one document in the file")


def _plain(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    msg = f"a {type(value).__name__}"
    raise TypeError(msg)
