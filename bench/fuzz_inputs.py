"""Expressions, cells, tables and models that nobody would write: what `bench.fuzz_decision` throws at the engine.

An input follows from the seed and its number alone, so that any of them can be made again. A third are expressions of
the grammar, a third are those after a few changes of their words, the rest are a few words repeated as often as fits.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape

from judgify.decision.feel.function import BUILTINS

TARGETS: Final = ("feel", "unary", "table", "xml")
"""What is thrown at: expressions, unary tests, tables in YAML and JSON, models in XML."""
LONGEST: Final = 20_000
"""Characters of an expression; a longer one is refused before it is looked at."""
_MODEL: Final = "https://www.omg.org/spec/DMN/20230324/MODEL/"
_POLICIES: Final = ("U", "A", "P", "F", "R", "C", "C+", "C<", "C>", "C#")
_DMN_POLICIES: Final = ("UNIQUE", "ANY", "PRIORITY", "FIRST", "RULE ORDER", "COLLECT", "OUTPUT ORDER")
_NAMES: Final = ("n", "s", "l", "c", "d", "두 단어", "전력(kW)", "nothing", "r", "deep", "many", "long", "unknown")
_KEYS: Final = ("a", "b", "두 단어", '"k y"')
_TYPES: Final = (
    "number", "string", "boolean", "date", "time", "date and time", "days and time duration", "Any", "list<number>",
    "context<a: number, b: list<string>>", "range<number>", "function<number, Any> -> string",
)  # fmt: skip
_LITERALS: Final = (
    "0", "1", "-1", "2.50", ".5", "1e6144", "1e-6144", "9" * 34, "1" + "0" * 390, "true", "false", "null", '""',
    '"가나"',
    '"\\uD83D\\uDC0E"', '"' + "a" * 60 + '"', '@"2025-01-20"', '@"2025-01-20T09:30:00@Asia/Seoul"', '@"-P1Y2M"',
    '@"P99999999DT1S"', '@"23:59:59.999999999Z"', 'date("-999999999-01-01")', 'time("24:00:00")', "[]", "{}", "[1..5]",
    '("a".."z"]', "(< 5)", '(>= @"2025-01-01")', '"[a-z-[aeiou]]+"', '"(a+)+$"', '"(a|a)*b"', '"(.*)(.*)\\\\1x"',
)  # fmt: skip
_OF_KIND: Final[dict[str, tuple[str, ...]]] = {
    "number": ("0", "1", "-1", "2.50", "7", "1e30", "1e-30", "n", "many[3]", "l[2]", "c.a", "123456789.987654321"),
    "string": (
        '""',
        '"a"',
        '"가나다"',
        "s",
        '"2025-01-20"',
        '"[a-z]+"',
        '"(a|b)*c"',
        '", "',
        '"1,234.5"',
        '"x"',
        "long",
    ),
    "boolean": ("true", "false", "n > 5", "null = nothing", "not(n = 1)"),
    "list": ("[]", "[1, 2, 3]", "l", "r", "many", "[n, null]", '["a", "b"]', "[[1], [2, [3]]]", "[true, null]", "r.a"),
    "context": ("{}", "c", "{a: 1}", 'c["key with space"]', "r[1]", '{"k y": n, b: [1]}', "deep"),
    "function": ("function(x) x", "function(x, y) x < y", "function(x) x.a", "function(list) count(list)", "sum"),
    "range": ("[1..5]", "(1..5)", '["a".."z"]', "(< 5)", '(>= @"2025-01-01")', "[n..9]", '[@"P1D"..@"P2D"]'),
    "date": ('@"2025-01-20"', "d", 'date("0001-01-01")', "date(2024, 2, 29)", "today()", 'date("-999999999-12-31")'),
    "date-time": ('@"2025-01-20T09:30:00@Asia/Seoul"', "두 단어", "now()", '@"2025-03-30T02:30:00@Europe/Berlin"'),
    "time": ('@"09:30:00+09:00"', 'time("23:59:59.999")', "time(두 단어)", "time(1, 2, 3)"),
    "duration": ('@"P1DT2H"', "전력(kW)", '@"-PT0.001S"', '@"P1Y2M"', '@"P999999999Y"', '@"P99999999999D"'),
    "any": ("null", "nothing", "n", "s", "l", "c", "true", "unknown"),
}
"""What is a value of a kind, as the domains of functions name them."""
_POINTS: Final = ("number", "date", "date-time", "time", "duration", "string")
_TYPED: Final[dict[str, tuple[str, ...]]] = {
    "number": (
        "{number} + {number}", "{number} * {number}", "{number} / {number}", "{number} ** {number}", "-{number}",
        "({number} - {number})", "count({list})", "string length({string})", "sum({list})", "{date}.year",
        "if {boolean} then {number} else {number}", "{list}[1]", "number({string})", "{context}.a",
        "(function(x: number) {number} + x)({number})", "({date} - {date}).days", "index of({list}, {any})[1]",
    ),
    "string": (
        "{string} + {string}", "string({any})", "substring({string}, {number})", "upper case({string})",
        "string join({list}, {string})", "replace({string}, {string}, {string})", "string({duration})",
    ),
    "boolean": (
        "{number} < {number}", "{string} = {string}", "{date} >= {date}", "{boolean} and {boolean}", "not({boolean})",
        "{boolean} or {boolean}", "some i in {list} satisfies {boolean}", "every i in {list} satisfies i = {any}",
        "{number} between {number} and {number}", "{number} in {range}", "{any} instance of number",
        "{string} in ({string}, {string})", "contains({string}, {string})", "matches({string}, {string})",
        "{any} = {any}", "list contains({list}, {any})", "is({any}, {any})", "overlaps({range}, {range})",
    ),
    "list": (
        "[{any}, {any}]", "for i in {list} return {any}", "for i in 1..{number} return i * {number}",
        "{list}[item = {any}]", "for i in {number}..{number}, j in {list} return {any}", "{list}[{boolean}]",
        "sort({list}, {function})", "{range}", "flatten({list})", "distinct values({list})",
        "concatenate({list}, {list})", "split({string}, {string})",
        "for i in 0..5 return if i = 0 then 1 else i * partial[-1]", "{list}.a", "get entries({context})",
        "union({list}, {list})", "insert before({list}, {number}, {any})", "append({list}, {any})",
    ),
    "context": (
        "{{a: {any}, b: {number}}}", "{{f: function(x) {any}, a: f({any})}}", "context put({context}, {string}, {any})",
        "context merge([{context}, {context}])", "{{a: {number}, b: a + {number}, c: [a, b]}}",
    ),
    "range": (
        "[{number}..{number}]", "({date}..{date}]", "(< {number})", "range({string})",
    ),
    "date": (
        "date({string})", "{date} + {duration}", "date({date-time})", "date({number}, {number}, {number})",
    ),
    "date-time": (
        "date and time({date}, {time})", "{date-time} + {duration}", "date and time({string})",
    ),
    "time": (
        "time({date-time})", "{time} + {duration}", "time({number}, {number}, {number}, {duration})",
    ),
    "duration": (
        "{duration} * {number}", "{date-time} - {date-time}", "{duration} + {duration}", "duration({string})",
        "years and months duration({date}, {date})", "abs({duration})", "{duration} / {number}",
    ),
}  # fmt: skip
"""How values of a kind are made of others."""
_OPERATORS: Final = ("+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or")
_WORDS: Final = (
    "(", ")", "[", "]", "{", "}", "..", ",", ":", ".", "@", '"', "?", "-", "->", "//", "/*", "*/", "if", "then", "else",
    "for", "in", "return", "some", "every", "satisfies", "between", "and", "or", "not", "not(", "function(", "instance",
    "of", "external", "item", "partial", "1", "1..", "x", "null", '@"P1D"', "\\", "\\u", "'", "\n", "\t", "\u3000",
    "\ufeff",
    "\u0000", "\ud800", "e\u0301", "🐎", "\u202e", "ﷺ", "ᄀ", "<", ">=",
    "==", "≥", "item.", "? ", "x:", "a: 1", "[1]", "()",
)  # fmt: skip
_SHORT: Final = (
    "n", "n + 1", "d0", "d1", "f(n)", "f(p)", "p", "i", "s(n)", "[n, 1, 2]", "x.a", "x[item > 1]", "count(x)",
)  # fmt: skip
_PATCHES: Final = (
    "<", ">", "&", '"', "'", "/>", "<text>", "</text>", "<!--", "-->", "]]>", "<![CDATA[", "&#0;", "&#xD800;", "&lt;",
    "&x;", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<?xml version='1.0' encoding='utf-7'?>", "xmlns:a='b'", "typeRef='tB'",
    "href='#d0'", "isCollection='true'", "hitPolicy='COLLECT' aggregation='SUM'", "id='n'", "name='n'", "\x00",
    "\ud800", "<list/>", "#", "tC",
)  # fmt: skip
_TAGS: Final = (
    "literalExpression", "context", "relation", "list", "invocation", "functionDefinition", "conditional", "filter",
    "for", "some", "every", "decisionTable", "decision", "inputData", "itemDefinition", "businessKnowledgeModel",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its number, what it is thrown at, and the bytes."""

    number: int
    target: str
    data: bytes


def made(seed: int, number: int, targets: Sequence[str] = TARGETS) -> Input:
    """Give the input of a number."""
    target = targets[number % len(targets)]
    writer = _Writer(random.Random(f"{seed}:{number}"))  # noqa: S311 - to be made again, not to be secret
    text = getattr(writer, target)()
    return Input(number, target, text.encode("utf-8", "surrogatepass"))


def scope() -> dict[str, Any]:
    """Give the values that expressions are worked out over, those of a caller who means no good among them."""
    deep: Any = 1
    for _ in range(30):
        deep = {"a": [deep]}
    return {
        "n": 7, "s": "한글 abc", "l": [1, Decimal("2.5"), None, "a"],
        "c": {"a": 1, "b": [1, 2], "key with space": {"a": 2}},
        "d": date(2025, 1, 20), "두 단어": datetime(2025, 1, 20, 9, tzinfo=UTC), "전력(kW)": timedelta(hours=5),
        "nothing": None, "r": [{"a": k, "b": str(k)} for k in range(30)], "deep": deep, "many": list(range(5_000)),
        "long": "ab " * 5_000, "?": 5,
    }  # fmt: skip


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.left = 0

    def feel(self) -> str:
        return self.crooked(self.expression, LONGEST)

    def unary(self) -> str:
        return self.crooked(self.tests, LONGEST if self.rng.random() < 0.3 else 2_000)

    def crooked(self, make: Callable[[], str], most: int) -> str:
        """Write something straight, something changed, or something repeated."""
        rng, way = self.rng, self.rng.random()
        self.left = rng.choice((4, 12, 40, 150))
        text = make()
        if way < 0.33:
            return text
        if way < 0.75:
            return self.changed(text)[:most]
        parts = [rng.choice((*_WORDS, *_LITERALS, *_OPERATORS, *_NAMES)) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            parts.append(f"{rng.choice(tuple(BUILTINS))}(")
        unit = rng.choice(("", " ")).join(parts) + rng.choice(("", " "))
        count = rng.choice((10, 38, 100, 210, 1_000, most))
        before, after = rng.choice((("", ""), (text, ""), ("", text), ("[", "]"), ("", rng.choice(_WORDS) * count)))
        return (before + unit * max(1, min(count, (most - len(before)) // len(unit))) + after)[:most]

    def changed(self, text: str) -> str:
        """Cut, double, move and put in words, as a mistyped or a hostile text has them."""
        rng = self.rng
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            at = rng.randint(0, len(text))
            to = min(len(text), at + rng.choice((0, 0, 1, 2, 5, 30)))
            way = rng.random()
            if way < 0.45:
                text = text[:at] + rng.choice((*_WORDS, *_OPERATORS, *_LITERALS)) + text[to:]
            elif way < 0.65:
                text = text[:at] + text[to:]
            elif way < 0.8:
                text = text[:to] + text[at:to] * rng.choice((1, 3, 50)) + text[to:]
            else:
                other = rng.randint(0, len(text))
                text = text[:at] + text[other : other + 40] + text[to:]
        return text

    def expression(self, level: int = 0) -> str:
        rng = self.rng
        self.left -= 1
        if self.left < 0 or level > 9:
            return rng.choice((*_LITERALS, *_NAMES))

        def sub() -> str:
            return self.expression(level + 1)

        name = rng.choice(("i", "j", "x", "item", *_NAMES[:6]))
        ways: tuple[Callable[[], str], ...] = (
            lambda: f"{sub()} {rng.choice(_OPERATORS)} {sub()}",
            lambda: f"{sub()} {rng.choice(_OPERATORS)} {sub()}",
            lambda: f"({sub()})",
            lambda: f"-{sub()}",
            lambda: f"if {sub()} then {sub()} else {sub()}",
            lambda: f"for {name} in {sub()} return {sub()}",
            lambda: f"for {name} in {sub()}..{sub()}, j in {sub()} return count(partial) + {sub()}",
            lambda: f"{rng.choice(('some', 'every'))} {name} in {sub()} satisfies {sub()}",
            lambda: f"{sub()} between {sub()} and {sub()}",
            lambda: f"{sub()} in ({self.tests(level + 1)})",
            lambda: f"{sub()} in {sub()}",
            lambda: f"{sub()} instance of {rng.choice(_TYPES)}",
            lambda: f"[{', '.join(sub() for _ in range(rng.randint(0, 4)))}]",
            lambda: "{" + ", ".join(f"{rng.choice(_KEYS)}: {sub()}" for _ in range(rng.randint(0, 3))) + "}",
            lambda: f"{sub()}[{sub()}]",
            lambda: f"{sub()}[item {rng.choice(_OPERATORS)} {sub()}]",
            lambda: f"{sub()}.{rng.choice(('a', 'b', 'key with space', 'year', 'start included', 'time offset'))}",
            lambda: f"{rng.choice('[(]')}{sub()}..{sub()}{rng.choice('])[')}",
            lambda: f"function({name}: {rng.choice(_TYPES)}) {sub()}",
            lambda: f"(function({name}, y) {sub()})({sub()}, {sub()})",
            lambda: f"{{f: function(x) {sub()}, v: f({sub()})}}.v",
            self.literal,
            *(lambda: self.value(rng.choice(tuple(_OF_KIND)), level + 1),) * 30,
            lambda: self.call(level),
            lambda: self.call(level),
            lambda: self.call(level),
            lambda: self.call(level),
        )  # fmt: skip
        return rng.choice(ways)()

    def literal(self) -> str:
        return self.rng.choice((*_LITERALS, *_NAMES))

    def value(self, kind: str, level: int) -> str:
        """Write something that most often is of this kind."""
        rng = self.rng
        self.left -= 1
        if rng.random() < 0.03:
            return self.expression(level + 1)
        kind = rng.choice(_POINTS) if kind == "point" else kind if kind in _OF_KIND else "any"
        if kind == "any":
            kind = rng.choice(tuple(_OF_KIND))
        if self.left < 0 or level > 12 or kind not in _TYPED or rng.random() < 0.3:
            return rng.choice(_OF_KIND[kind])
        if rng.random() < 0.2:
            return self.call(level + 1)
        form = rng.choice(_TYPED[kind])
        text = form.format_map({one: f"\0{one}\0" for one in _OF_KIND})
        return "".join(
            self.value(part, level + 1) if place % 2 else part for place, part in enumerate(text.split("\0"))
        )

    def call(self, level: int) -> str:
        rng = self.rng
        function = BUILTINS[rng.choice(tuple(BUILTINS))]
        form = rng.choice(function.forms)
        count = max(0, len(form.parameters) + rng.choice((0, 0, 0, 0, -1, 1)) + (2 if form.variadic else 0))
        kinds = [one.domain.name for one in form.parameters] or ["any"]
        given = [self.value(kinds[min(place, len(kinds) - 1)], level + 1) for place in range(count)]
        if rng.random() < 0.15:
            named = zip(form.parameters, given, strict=False)
            return f"{function.name}({', '.join(f'{one.name}: {text}' for one, text in named)})"
        return f"{function.name}({', '.join(given)})"

    def tests(self, level: int = 0) -> str:
        rng = self.rng
        ways: tuple[Callable[[], str], ...] = (
            lambda: "-",
            lambda: f"{rng.choice(('<', '<=', '>', '>=', '=', '!='))} {self.expression(level + 1)}",
            lambda: f"[{self.literal()}..{self.literal()})",
            lambda: ", ".join(self.literal() for _ in range(rng.randint(1, 5))),
            lambda: f"not({self.tests(level + 1) if level < 6 else '1'})",
            lambda: f"? > {self.expression(level + 1)}",
            lambda: self.expression(level + 1),
        )
        return ", ".join(rng.choice(ways)() for _ in range(rng.choice((1, 1, 1, 2, 4))))

    # Tables

    def cell(self) -> str:
        """Write a cell, most often one that reads."""
        rng = self.rng
        if rng.random() < 0.04:
            return self.crooked(self.tests, 2_500)
        number = str(rng.choice((0, 1, 5, 10, 10, 20, "2.5")))
        return rng.choice(
            ("-", f"> {number}", f"<= {number}", f"[{number}..20)", number, f"not({number})", f"{number}, 7")
        )

    def table(self) -> str:
        rng = self.rng
        inputs = [f"in{place}" for place in range(rng.choice((1, 2, 3, 6, 20)))]
        outputs = [f"out{place}" for place in range(rng.choice((1, 1, 2)))]
        kinds = ("number",) * 20 + ("any", "any", "string", "date")
        form: dict[str, Any] = {
            "name": "t",
            "hit_policy": rng.choice(_POLICIES),
            "inputs": [{"name": name, "type": rng.choice(kinds)} for name in inputs],
            "outputs": [{"name": name, "type": rng.choice(("any", "number")), "values": [1, 2, 3]} for name in outputs],
            "rules": [
                {
                    "when": {name: self.cell() for name in inputs if rng.random() < 0.7},
                    "then": {
                        name: rng.choice((1, 2, 3, {"feel": rng.choice(("1 + 1", "in0", "in0 + 1", self.text()))}))
                        for name in outputs
                    },
                }
                for _ in range(rng.choice((1, 3, 8, 8, 30)))
            ],
        }
        if rng.random() < 0.3:
            form["examples"] = [{"in": {inputs[0]: 5}, "out": "not matched"}]
        if rng.random() < 0.3:
            form["default"] = dict.fromkeys(outputs, 1)
        if rng.random() < 0.4:
            self.spoil(form)
        text = json.dumps(form, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1)))
        return text if rng.random() < 0.6 else self.changed(text)

    def spoil(self, part: Any) -> None:
        """Put something else in some place of a form."""
        rng = self.rng
        odd: tuple[Any, ...] = (
            None, "", [], {}, 0, -1, 1e308, "x" * 11_000, [[]] * 50, {"feel": None}, {"feel": self.feel()}, True,
            "\ud800", ["-"] * 200, 10**400, {"a": {"b": [None]}}, "n" * 201, self.feel(), ["1", "1"], "0" * 500,
        )  # fmt: skip
        for _ in range(20):
            keys = list(part) if isinstance(part, dict) else list(range(len(part))) if isinstance(part, list) else []
            if not keys:
                return
            key = rng.choice(keys)
            if rng.random() < 0.4 or not isinstance(part[key], dict | list):
                part[key] = rng.choice(odd)
                return
            part = part[key]

    # Models

    def boxed(self, level: int = 0) -> str:
        rng = self.rng
        self.left -= 1

        def sub() -> str:
            return self.boxed(level + 1)

        ways: tuple[Callable[[], str], ...] = (
            lambda: f"<literalExpression><text>{escape(self.text())}</text></literalExpression>",
            self.grid,
            lambda: f"<context><contextEntry><variable name='e'/>{sub()}</contextEntry>"
            f"<contextEntry>{sub()}</contextEntry></context>",
            lambda: f"<relation><column name='a'/><column name='b'/><row>{sub()}{sub()}</row></relation>",
            lambda: f"<list>{sub()}{sub()}</list>",
            lambda: f"<invocation>{sub()}<binding><parameter name='p'/>{sub()}</binding></invocation>",
            lambda: f"<functionDefinition><formalParameter name='p'/>{sub()}</functionDefinition>",
            lambda: f"<conditional><if>{sub()}</if><then>{sub()}</then><else>{sub()}</else></conditional>",
            lambda: f"<filter><in>{sub()}</in><match>{sub()}</match></filter>",
            lambda: f"<for iteratorVariable='i'><in>{sub()}</in><return>{sub()}</return></for>",
            lambda: f"<some iteratorVariable='i'><in>{sub()}</in><satisfies>{sub()}</satisfies></some>",
        )  # fmt: skip
        return ways[0]() if self.left < 0 or level > 12 else rng.choice(ways)()

    def text(self) -> str:
        rng = self.rng
        if rng.random() < 0.2:
            return self.crooked(self.expression, 3_000)
        return rng.choice(
            ("n", "n + 1", "d0", "d1", "f(n)", "f(p)", "p", "i", "s(n)", "[n, 1, 2]", "x.a", "x[item > 1]", "count(x)")
        )

    def grid(self) -> str:
        rng = self.rng
        columns, results = rng.randint(1, 3), rng.randint(1, 2)
        made = [f"<decisionTable hitPolicy='{rng.choice(_DMN_POLICIES)}'>"]
        made += [
            f"<input><inputExpression><text>{escape(self.text())}</text></inputExpression></input>"
            for _ in range(columns)
        ]
        made += [f"<output name='o{place}'/>" for place in range(results)]
        for _ in range(rng.choice((1, 2, 10))):
            made += ["<rule>", *(_entry("inputEntry", self.cell()) for _ in range(columns))]
            made += [*(_entry("outputEntry", self.text()) for _ in range(results)), "</rule>"]
        return "".join([*made, "</decisionTable>"])

    def xml(self) -> str:
        rng = self.rng
        self.left = rng.choice((3, 10, 40))
        kinds = ("number", "tA", "tB", "string", "Any", "tC")
        typed = f"typeRef='{rng.choice(kinds)}'"
        base = rng.choice(kinds)
        needs = "".join(
            f"<informationRequirement><required{what} href='#{where}'/></informationRequirement>"
            for what, where in (("Input", "n"), ("Input", "x"), ("Decision", f"d{rng.randint(0, 5)}"))
            if rng.random() < 0.7
        )
        knows = "<knowledgeRequirement><requiredKnowledge href='#f'/></knowledgeRequirement>"
        head = f"<itemDefinition name='tA' isCollection='{rng.choice(('true', 'false'))}'>"
        parts = [
            f"{head}<typeRef>{base}</typeRef>{_entry('allowedValues', self.cell())}</itemDefinition>",
            "<itemDefinition name='tB'><itemComponent name='a'><typeRef>tA</typeRef></itemComponent></itemDefinition>",
            f"<inputData id='n' name='n'><variable name='n' {typed}/></inputData>",
            "<inputData id='x' name='x'><variable name='x'/></inputData>",
            self.logic(typed, knows if rng.random() < 0.2 else ""),
            "<decisionService id='s' name='s'><outputDecision href='#d0'/><inputData href='#n'/></decisionService>",
        ]
        for k in range(rng.choice((1, 2, 6))):
            start = f"<decision id='d{k}' name='d{k}'><variable name='d{k}'/>{needs if k else ''}"
            parts.append(f"{start}{knows}{self.boxed()}</decision>")
        rng.shuffle(parts)
        text = f"<definitions xmlns='{_MODEL}' namespace='urn:fuzz' name='m'>{''.join(parts)}</definitions>"
        way = rng.random()
        if way < 0.55:
            return text
        if way < 0.85:
            return self.changed_xml(text)
        tag = rng.choice(_TAGS)
        count = rng.choice((5, 90, 110, 2_000))
        inner = "".join(f"<{rng.choice(_TAGS) if rng.random() < 0.05 else tag}>" for _ in range(count))
        open_ends = inner if rng.random() < 0.3 else f"<{tag}>" * count + f"</{tag}>" * count
        wide = f"<{tag}/>" * count
        return text.replace("</definitions>", rng.choice((open_ends, wide)) + "</definitions>")

    def logic(self, typed: str, knows: str) -> str:
        body = f"<encapsulatedLogic><formalParameter name='p' {typed}/>{self.boxed()}</encapsulatedLogic>"
        return f"<businessKnowledgeModel id='f' name='f'><variable name='f'/>{body}{knows}</businessKnowledgeModel>"

    def changed_xml(self, text: str) -> str:
        rng = self.rng
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randint(0, len(text))
            to = min(len(text), at + rng.choice((0, 1, 8, 60)))
            way = rng.random()
            if way < 0.6:
                text = text[:at] + rng.choice(_PATCHES) + text[to:]
            elif way < 0.75:
                text = text[:to] + text[at:to] * rng.choice((1, 20)) + text[to:]
            else:
                tag, other = rng.choice(_TAGS), rng.choice(_TAGS)
                text = text.replace(tag, other, rng.choice((1, 2, 100)))
        return text


def _entry(kind: str, text: str) -> str:
    return f"<{kind}><text>{escape(text)}</text></{kind}>"
