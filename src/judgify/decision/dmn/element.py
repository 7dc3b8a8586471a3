"""XML to a small tree, safely: no document type, no entities of its own, nothing fetched, all sizes bounded.

Standard: XML 1.0 with namespaces. A DMN file never needs a document type, so one is refused as soon as it is seen;
without it there is no entity that could grow or reach outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from xml.parsers import expat

from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.limit import MAX_ATTRIBUTE, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_XML

_BETWEEN: Final = "\x1f"
"""Stands between namespace and local name; XML 1.0 allows it in neither."""


@dataclass(slots=True)
class Element:
    """One element.

    Attributes:
        namespace: Its namespace; the empty text when it has none.
        name: Its local name.
        attributes: Its attributes, those with a namespace as `{namespace}name`.
        line: The line on which it begins, counted from 1.
        children: The elements inside it.
        text: The characters directly inside it, joined.
        prefixes: The namespaces that are declared here or above, by prefix.
    """

    namespace: str
    name: str
    attributes: dict[str, str]
    line: int
    prefixes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def all(self, *names: str) -> Iterator["Element"]:
        """Give the children of these local names in this element's own namespace."""
        return (child for child in self.children if child.name in names and child.namespace == self.namespace)

    def first(self, *names: str) -> "Element | None":
        """Give the first child of these local names in this element's own namespace."""
        return next(self.all(*names), None)

    def get(self, attribute: str) -> str | None:
        """Give an attribute without namespace."""
        return self.attributes.get(attribute)


class _Reader:
    def __init__(self, where: str) -> None:
        self.where = where
        self.open: list[Element] = []
        self.texts: list[list[str] | None] = []
        self.root: Element | None = None
        self.count = 0
        self.declared: dict[str, str] = {}
        self.parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartDoctypeDeclHandler = self.refuse_declaration
        self.parser.EntityDeclHandler = self.refuse_declaration
        self.parser.ExternalEntityRefHandler = self.refuse_declaration
        self.parser.StartNamespaceDeclHandler = self.prefix
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters

    def refuse(self, message: str, mend: str | None = None) -> NoReturn:
        raise ModelError(self.where, [ModelProblem(message, self.parser.CurrentLineNumber, mend=mend)])

    def refuse_declaration(self, *_: Any) -> NoReturn:
        self.refuse("a document type or an entity is declared; neither is read", "remove <!DOCTYPE …>")

    def prefix(self, prefix: str | None, uri: str | None) -> None:
        self.declared[prefix or ""] = uri or ""

    def start(self, tag: str, attributes: list[str]) -> None:
        self.count += 1
        if len(self.open) >= MAX_DEPTH:
            self.refuse(f"elements nest deeper than {MAX_DEPTH} levels")
        if self.count > MAX_ELEMENTS:
            self.refuse(f"more than {MAX_ELEMENTS} elements")
        prefixes = self.open[-1].prefixes if self.open else {}
        if self.declared:
            prefixes, self.declared = prefixes | self.declared, {}
            if len(prefixes) > MAX_ATTRIBUTES:
                self.refuse(f"more than {MAX_ATTRIBUTES} namespace prefixes")
        namespace, name = _split(tag)
        named = self.named(attributes) if attributes else {}
        element = Element(namespace, name, named, self.parser.CurrentLineNumber, prefixes)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)
        self.texts.append(None)

    def named(self, attributes: list[str]) -> dict[str, str]:
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            self.refuse(f"an element of more than {MAX_ATTRIBUTES} attributes")
        pairs = dict(zip(attributes[::2], attributes[1::2], strict=True))
        if any(len(value) > MAX_ATTRIBUTE for value in pairs.values()):
            self.refuse(f"an attribute of more than {MAX_ATTRIBUTE} characters")
        return {_qualified(key): value for key, value in pairs.items()}

    def end(self, _: str) -> None:
        element, texts = self.open.pop(), self.texts.pop()
        if texts:
            element.text = "".join(texts)

    def characters(self, text: str) -> None:
        texts = self.texts[-1]
        if texts is None:
            self.texts[-1] = [text]
        else:
            texts.append(text)


def _split(tag: str) -> tuple[str, str]:
    namespace, found, name = tag.rpartition(_BETWEEN)
    return (namespace, name) if found else ("", tag)


def _qualified(tag: str) -> str:
    namespace, name = _split(tag)
    return f"{{{namespace}}}{name}" if namespace else name


def read_xml(data: bytes, where: str = "model") -> Element:
    """Read a file into its root element.

    Args:
        data: The file; UTF-8 unless it says otherwise.
        where: What messages call it.

    Raises:
        ModelError: It is too large, nests too deeply, declares a document type or an entity, or is no XML.
    """
    if len(data) > MAX_XML:
        raise ModelError(where, [ModelProblem(f"the file has {len(data)} bytes; at most {MAX_XML} are read")])
    reader = _Reader(where)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        problem = ModelProblem(f"this is not XML: {reason}, column {error.offset + 1}", error.lineno)
        raise ModelError(where, [problem]) from error
    except (LookupError, ValueError) as error:
        problem = ModelProblem(f"the encoding is not read: {error}", 1, mend="save it as UTF-8")
        raise ModelError(where, [problem]) from error
    if reader.root is None:  # pragma: no cover - the parser reports a document without an element itself
        reader.refuse("the file holds no element")
    return reader.root
