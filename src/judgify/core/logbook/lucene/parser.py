"""Tokens to a tree. NOT binds tightest, then AND, then OR; words side by side are joined as Lucene joins them.

Side by side, a word with `+` must be there, one with `-` or NOT must not, and of the others one must, unless a `+` is
among them: then they change nothing, for results are ordered by time and not by how well they fit. Where Lucene's own
parser would mix such signs with AND and OR into something that nobody means, this one asks for parentheses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, cast

from judgify.core.logbook.lucene.error import QueryError
from judgify.core.logbook.lucene.lexer import Kind, Token, tokens
from judgify.core.logbook.lucene.tree import (
    And,
    Bound,
    Everything,
    Exists,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    Range,
    Term,
    Wild,
    literal,
)

MAX_LENGTH: Final = 4_000
"""Characters of a query."""
MAX_DEPTH: Final = 50
"""Parentheses and NOTs inside one another."""
MAX_CLAUSES: Final = 200
"""Words, phrases and ranges of a query."""
EXISTS: Final = "_exists_"
_NAME: Final = re.compile(r"@?[^\W\d][\w.@-]*")
_GLUED: Final = re.compile(r"(?:AND|OR|NOT)(?=[@(])")
_SIGNS: Final[dict[Kind, Literal["+", "-"]]] = {Kind.PLUS: "+", Kind.MINUS: "-"}


def parse(query: str) -> Node:
    """Read a query. Raises `QueryError` for whatever it cannot read, whatever the text, and nothing else."""
    if len(query) > MAX_LENGTH:
        raise QueryError(query, MAX_LENGTH, f"it is longer than {MAX_LENGTH:,} characters", "search for less at once")
    for at, character in enumerate(query):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            raise QueryError(query, at, "no log line can hold this character", "leave it out")
    return _Parser(query).whole()


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part between two joints; `sign` is what stood before its first word, `chain` that it holds an AND."""

    node: Node
    sign: Literal["", "+", "-", "not"]
    at: int
    chain: bool = False


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokens(query)
        self._next = 0
        self._clauses = 0

    def whole(self) -> Node:
        if self._peek().kind is Kind.END:
            self._fail(0, "it is empty", "write * for every line")
        node = self._alternatives(None, 0)
        if self._peek().kind is Kind.CLOSE:
            self._fail(self._peek().at, "this parenthesis closes nothing", r"write \) for the character itself")
        return node

    def _alternatives(self, field: str | None, depth: int) -> Node:
        clauses = [self._chain(field, depth)]
        joints: list[bool] = []
        while self._peek().kind not in {Kind.END, Kind.CLOSE}:
            said = self._peek().kind is Kind.OR
            if said:
                self._take()
            joints.append(said)
            clauses.append(self._chain(field, depth))
        return self._joined(clauses, joints)

    def _joined(self, clauses: Sequence[_Clause], joints: Sequence[bool]) -> Node:
        """Put clauses together; `joints` tells for each gap between two whether OR was written."""
        if not joints:
            return clauses[0].node
        must: list[Node] = []
        may: list[Node] = []
        for number, clause in enumerate(clauses):
            beside = set(joints[max(0, number - 1) : number + 1])
            if self._role(clause, beside, side_by_side=not all(joints)):
                must.append(clause.node)
            else:
                may.append(clause.node)
        required = any(clause.sign == "+" for clause in clauses)
        if may and not required:
            must.insert(0, may[0] if len(may) == 1 else Or(tuple(may)))
        return must[0] if len(must) == 1 else And(tuple(must))

    def _role(self, clause: _Clause, beside: set[bool], *, side_by_side: bool) -> bool:
        """Whether a clause must hold, as against being one of several; refuses what could be meant in two ways."""
        if not clause.sign:
            return False
        if clause.chain:
            if side_by_side:
                self._fail(
                    clause.at, "a sign or NOT at the beginning of an AND, with other words beside it", "add parentheses"
                )
            return False
        if True not in beside:
            return True
        if clause.sign == "not" and False not in beside:
            return False
        what, instead = (
            f"{clause.sign} cannot be joined by OR",
            "write NOT instead of -, leave + out, or add parentheses",
        )
        if clause.sign == "not":
            what, instead = "NOT between an OR and a word beside it", "add parentheses"
        return self._fail(clause.at, what, instead)

    def _chain(self, field: str | None, depth: int) -> _Clause:
        first = self._clause(field, depth)
        nodes = [first.node]
        while self._peek().kind is Kind.AND:
            self._take()
            nodes.append(self._clause(field, depth).node)
        return first if len(nodes) == 1 else _Clause(And(tuple(nodes)), first.sign, first.at, chain=True)

    def _clause(self, field: str | None, depth: int) -> _Clause:
        token = self._peek()
        if token.kind in _SIGNS:
            self._take()
            following = self._peek()
            if following.at > token.end or following.kind is Kind.END:
                self._fail(
                    token.at, f"a lone {token.raw}", f"write it directly before a word, or \\{token.raw} for itself"
                )
            if following.kind in {Kind.NOT, *_SIGNS}:
                self._fail(following.at, "two signs for one word", "write one of them")
            node = self._primary(field, depth)
            sign = _SIGNS[token.kind]
            return _Clause(Not(node) if sign == "-" else node, sign, token.at)
        if token.kind is Kind.NOT:
            return _Clause(self._negated(field, depth), "not", token.at)
        return _Clause(self._primary(field, depth), "", token.at)

    def _negated(self, field: str | None, depth: int) -> Node:
        token = self._take()
        self._hold_depth(token, depth + 1)
        following = self._peek()
        if following.kind in _SIGNS:
            self._fail(following.at, "two signs for one word", "write one of them")
        if following.kind is Kind.NOT:
            return Not(self._negated(field, depth + 1))
        return Not(self._primary(field, depth + 1))

    def _primary(self, field: str | None, depth: int) -> Node:
        token = self._peek()
        if token.kind is Kind.OPEN:
            return self._group(field, depth)
        if token.kind in {Kind.WORD, Kind.PHRASE} and self._peek(1).kind is Kind.COLON:
            return self._field(field, depth)
        return self._value(field)

    def _group(self, field: str | None, depth: int) -> Node:
        opened = self._take()
        self._hold_depth(opened, depth + 1)
        if self._peek().kind is Kind.CLOSE:
            self._fail(
                self._peek().at, "there is nothing in these parentheses", "write something in them, or leave them out"
            )
        node = self._alternatives(field, depth + 1)
        if self._peek().kind is Kind.END:
            self._fail(
                opened.at, "this parenthesis is never closed", r"close it with ), or write \( for the character itself"
            )
        closed = self._take()
        following = self._peek()
        if following.at == closed.end and following.raw and following.kind not in {Kind.CLOSE, Kind.AND, Kind.OR}:
            self._fail(following.at, "a parenthesis is directly followed by something else", "put a space between")
        return node

    def _field(self, around: str | None, depth: int) -> Node:
        name = self._take()
        colon = self._take()
        following = self._peek()
        every = name.pieces == (Wild.ANY,) and name.kind is Kind.WORD
        if every and following.pieces == (Wild.ANY,):
            self._take()
            self._count(name)
            return Everything(name.at)
        field = self._name(name)
        if field == "duration" and around is None and following.kind in {Kind.END, Kind.CLOSE, Kind.AND, Kind.OR}:
            # As the guide's 5.1 prints it: the word that PostgreSQL begins a slow statement's line with.
            self._count(name)
            return Phrase(None, "duration:", name.at)
        if following.kind is Kind.OPEN:
            return self._group(field, depth)
        if following.kind in {Kind.END, Kind.CLOSE, Kind.AND, Kind.OR, Kind.NOT, Kind.PLUS, Kind.MINUS, Kind.COLON}:
            self._fail(
                following.at,
                f"the value of {field} is missing",
                f"write one after the colon, or {field}\\: for the text",
            )
        if self._peek(1).kind is Kind.COLON:
            self._fail(
                self._peek(1).at, "a second colon", "put the value in quotes, or write \\: for the character itself"
            )
        del colon
        return self._value(field)

    def _name(self, token: Token) -> str:
        if token.kind is Kind.PHRASE:
            self._fail(token.at, "the name of a field in quotes", "write the name without quotes")
        name = literal(token.pieces)
        if name is None:
            at = token.at + re.search(r"[*?]", token.raw).start()  # type: ignore[union-attr]  # a wildcard is in it
            self._fail(at, "wildcards in the name of a field are not supported", "name the field; *:* is every line")
        if glued := _GLUED.match(token.raw):
            self._fail(token.at + glued.end(), f"{glued[0]} is not set off", f"put a space after {glued[0]}")
        if "\\" not in token.raw and not _NAME.fullmatch(name):
            self._fail(
                token.at, f"{name[:40]} cannot be the name of a field", "put it in quotes to search for the text"
            )
        return self._known(name, token)

    def _known(self, name: str, token: Token) -> str:
        if not all(name.removeprefix("fields.").split(".")):
            self._fail(token.at, f"{name[:40]} has an empty part", "write the path with one dot between its parts")
        return name

    def _value(self, field: str | None) -> Node:
        token = self._peek()
        if token.kind is Kind.COMPARE:
            return self._comparison(field)
        if token.kind not in {Kind.WORD, Kind.PHRASE, Kind.RANGE}:
            self._fail(
                token.at, f"a word is expected here, not {token.kind.value}", "write a word, a phrase or a field:value"
            )
        self._take()
        self._count(token)
        if field == EXISTS:
            return self._exists(token)
        if token.ends is not None:
            return Range(field, token.ends[0], token.ends[1], token.at)
        if token.kind is Kind.PHRASE:
            return Phrase(field, str(token.pieces[0]), token.at)
        if token.pieces == (Wild.ANY,):
            return Everything(token.at) if field is None else Exists(field, token.at)
        return Term(field, token.pieces, token.at)

    def _exists(self, token: Token) -> Node:
        name = None if token.ends is not None else literal(token.pieces)
        if not name:
            self._fail(token.at, f"{EXISTS} takes the name of a field", f"write it like {EXISTS}:request_id")
        return Exists(self._known(name, token), token.at)

    def _comparison(self, field: str | None) -> Node:
        sign = self._take()
        if field is None or field == EXISTS:
            self._fail(
                sign.at,
                f"{sign.raw} without a field",
                f"write it like duration_ms:{sign.raw}100, or \\{sign.raw} for itself",
            )
        token = self._take()
        text = literal(token.pieces)
        if token.kind not in {Kind.WORD, Kind.PHRASE} or token.at > sign.end or not text:
            self._fail(token.at, f"{sign.raw} needs one value directly behind it", f"write it like {sign.raw}100")
        self._count(token)
        return compared(field, cast("Operator", sign.raw), text, token.at)

    def _count(self, token: Token) -> None:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            self._fail(
                token.at, f"there are more than {MAX_CLAUSES} words, phrases and ranges", "search for less at once"
            )

    def _hold_depth(self, token: Token, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(token.at, f"it is nested more than {MAX_DEPTH} deep", "write it flatter")

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _fail(self, at: int, what: str, instead: str) -> NoReturn:
        raise QueryError(self._query, at, what, instead)


def compared(field: str | None, operator: Operator, text: str, at: int) -> Range:
    """Give the range that a comparison stands for."""
    end, rest = Bound(text, operator.endswith("="), at), Bound(None, inclusive=True, at=at)
    return Range(field, end, rest, at) if operator.startswith(">") else Range(field, rest, end, at)
