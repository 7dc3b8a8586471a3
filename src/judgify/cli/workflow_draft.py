"""A first workflow from a file's header and values: types guessed and called guesses, one rule to be edited. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal

from judgify.cli.judgment_file import READERS

Lang = Literal["ko", "en"]
TYPES: Final = ("integer", "number", "boolean", "date", "date-time")
"""What a column may be guessed to be, tried in this order; else it is a text."""
SHARE: Final = Decimal("0.6")
"""A column is of a type when at least this share of its filled cells reads as one."""
_HANGUL: Final = re.compile("[가-힣]")
_PLAIN: Final = re.compile(r"[^\W\d_][\w-]*(?: ?\([\w/%℃°]+\))?")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_READ: Final[dict[str, type]] = {"integer": int, "number": Decimal, "boolean": bool}
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?")
_JSON: Final = {"integer": "integer", "number": "number", "boolean": "boolean"}
_MAX_VALUES: Final = 20


@dataclass(frozen=True, slots=True)
class Column:
    """What was seen of one column.

    Attributes:
        type: The guess.
        filled: How many of its cells are not empty.
        misfits: Row and text of the cells that do not read as the guessed type; the first few.
        misfit: How many there are.
        low, high: The least and the greatest number, where it is one.
        limit: The number above which the highest tenth lies, where it is one.
        values: The texts that occur, most frequent first, when there are few.
        cells: What stands in it, row by row.
    """

    name: str
    type: str
    rows: int
    filled: int
    misfit: int
    misfits: tuple[tuple[int, str], ...]
    low: Decimal | None = None
    high: Decimal | None = None
    limit: Decimal | None = None
    values: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether most rows have it; then a row without it is to be not evaluable. A guess, too."""
        return self.filled * 2 >= self.rows > 0

    def seen(self, lang: Lang) -> str:
        """Say what the guess rests on."""
        told = [f"{self.filled}/{self.rows} {'칸' if lang == 'ko' else 'cells'}"]
        if self.low is not None and self.high is not None:
            told.append(f"{_number(self.low)} … {_number(self.high)}")
        elif self.values and len(self.values) < self.filled:
            told.append(", ".join(self.values[:4]) + (" …" if len(self.values) > 4 else ""))
        if self.misfits:
            shown = ", ".join(f'"{text}" ({_row(number, lang)})' for number, text in self.misfits)
            more = " …" if self.misfit > len(self.misfits) else ""
            told.append(f"{'아닌 것' if lang == 'ko' else 'but'}: {shown}{more}")
        return "; ".join(told)


def look(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Guess the type of every column that has a header from the values below it."""
    return [
        _column(name, [(row[place] if place < len(row) else "").strip() for row in rows])
        for place, name in enumerate(header)
        if name
    ]


def language(columns: Sequence[Column]) -> Lang:
    """Korean when a header is."""
    return "ko" if any(_HANGUL.search(column.name) for column in columns) else "en"


def subject(columns: Sequence[Column]) -> Column | None:
    """The column for the example rule: a measured number, else any number, else a text of few values."""
    varied = [column for column in columns if column.low is not None and column.low != column.high]
    measured = [column for column in varied if column.type == "number"] or varied
    few = [column for column in columns if column.values and 1 < len(column.values) < column.filled]
    return next(iter([*measured, *few]), None)


def draft(name: str, file: str, columns: Sequence[Column], lang: Lang) -> str:
    """Write the workflow document as YAML with remarks; it passes `judgify workflow check` as it is."""
    return "\n".join(_lines(name, file, columns, lang)) + "\n"


def _lines(name: str, file: str, columns: Sequence[Column], lang: Lang) -> Iterator[str]:
    ko = lang == "ko"
    yield f"# 초안. {file} 파일을 보고 만들었습니다." if ko else f"# A draft, made by looking at {file}."
    yield (
        "# '추측'이라고 적힌 것은 확인하고, '고칠 곳'은 직접 고치십시오. 그다음: judgify workflow check"
        if ko
        else "# What says guess is one; what says EDIT is yours to write. Afterwards: judgify workflow check"
    )
    yield f"name: {quoted(name)}"
    yield f"label: {quoted(name)}"
    yield "input_schema:"
    yield "  type: object"
    needed = ", ".join(quoted(column.name) for column in columns if column.needed)
    told = (
        "추측: 대부분의 행에 있는 열. 없으면 판정 불가" if ko else "guess: most rows have them; without: not evaluable"
    )
    yield f"  required: [{needed}]  # {told}"
    yield "  properties:"
    for column in columns:
        yield f"    {quoted(column.name)}: {{type: {_JSON.get(column.type, 'string')}}}"
    yield "files:"
    yield "  columns:"
    for column in columns:
        guess = "추측" if ko else "guess"
        seen = column.seen(lang).replace("\n", " ").replace("\r", " ")
        yield f"    - {{name: {quoted(column.name)}, type: {column.type}}}  # {guess}: {seen}"
    yield from _table(columns, lang)


def _table(columns: Sequence[Column], lang: Lang) -> Iterator[str]:
    ko = lang == "ko"
    taken = {column.name for column in columns}
    table = next(word for word in (("판정", "판정표", "판정 표 1") if ko else ("judge", "judgment", "table_1"))
                 if word not in taken)  # fmt: skip
    output, bad, good = ("결과", "이상", "정상") if ko else ("state", "alert", "ok")
    column = subject(columns)
    yield "tables:"
    yield f"  - name: {table}"
    first = "위에서부터 처음 맞는 규칙" if ko else "the first rule that matches, from the top"
    yield f"    hit_policy: F  # {first}"
    yield "    inputs:"
    for each in columns:
        kind = "number" if each.type == "integer" else each.type
        yield f"      - {{name: {quoted(each.name)}, type: {kind}}}"
    yield "    outputs:"
    yield f"      - {{name: {output}, type: string, values: [{bad}, {good}]}}"
    edit = (
        "고칠 곳: 경계값은 파일에서 상위 10%가 시작되는 값일 뿐입니다"
        if ko
        else "EDIT: only where the highest tenth begins"
    )
    if column is not None and column.limit is None:
        edit = "고칠 곳: 값 하나를 예로 골랐습니다" if ko else "EDIT: one of the values, as an example"
    yield "    rules:"
    if column is None:
        none = "고칠 곳: 값이 있는 열을 골라 규칙을 쓰십시오" if ko else "EDIT: choose a column and write rules"
        yield f"      - {{id: rule-1, then: {{{output}: {good}}}}}  # {none}"
    else:
        over, under, high, low = _tests(column)
        first, second = (_example(columns, column, text) for text in (high, low))
        key = quoted(column.name)
        yield f"      - {{id: {bad}, when: {{{key}: {over}}}, then: {{{output}: {bad}}}}}  # {edit}"
        yield f"      - {{id: {good}, when: {{{key}: {under}}}, then: {{{output}: {good}}}}}"
        told = "저장할 때마다 확인하는 예" if ko else "checked whenever this is saved"
        yield f"    examples:  # {told}"
        yield f"      - {{in: {{{first}}}, out: {{{output}: {bad}}}}}"
        yield f"      - {{in: {{{second}}}, out: {{{output}: {good}}}}}"
        yield "      - {in: {}, out: not evaluable}"
    yield f"result: {{table: {table}, output: {output}}}"


def _tests(column: Column) -> tuple[str, str, str, str]:
    if column.limit is not None and column.low is not None and column.high is not None:
        limit = _number(column.limit)
        return f'"> {limit}"', f'"<= {limit}"', _number(column.high), _number(column.low)
    one, other = column.values[0], column.values[1]
    text = _single(json.dumps(one, ensure_ascii=False))
    return f"'{text}'", f"'not({text})'", one, other


def _example(columns: Sequence[Column], column: Column, text: str) -> str:
    # A whole row of the file: a rule that is added for another column finds its value in the examples, too.
    row = next(row for row, cell in enumerate(column.cells) if _written(column, cell) == _written(column, text))
    pairs = ((each.name, _written(each, each.cells[row])) for each in columns if each.cells[row])
    return ", ".join(f"{quoted(name)}: {value}" for name, value in pairs)


def _written(column: Column, cell: str) -> str:
    value: Any = READERS[column.type](cell)
    if isinstance(value, bool):
        return str(value).lower()
    return _number(Decimal(value)) if isinstance(value, int | Decimal) else quoted(str(value))


def _column(name: str, cells: Sequence[str]) -> Column:
    filled = [(number, cell) for number, cell in enumerate(cells, 1) if cell]
    for kind in TYPES:
        wrong = [(number, cell) for number, cell in filled if not _is(kind, cell)]
        if filled and len(filled) - len(wrong) >= SHARE * len(filled):
            break
    else:
        kind, wrong = "string", []
    low = high = limit = None
    if kind in {"integer", "number"}:
        numbers = sorted(Decimal(READERS["number"](cell)) for _, cell in filled if _is("number", cell))
        low, high = numbers[0], numbers[-1]
        limit = _limit(numbers)
    counts = Counter(cell for _, cell in filled)
    few = tuple(text for text, _ in counts.most_common(_MAX_VALUES)) if len(counts) <= _MAX_VALUES else ()
    shown = tuple((number, cell[:30]) for number, cell in wrong[:3])
    values = few if kind == "string" else ()
    return Column(name, kind, len(cells), len(filled), len(wrong), shown, low, high, limit, values, tuple(cells))


def _is(kind: str, cell: str) -> bool:
    if kind in {"date", "date-time"}:
        return _is_time(cell) and (len(cell) == len("YYYY-MM-DD")) == (kind == "date")
    # 0 and 1 are numbers before they are anything else.
    value: Any = READERS[kind](cell)
    return isinstance(value, _READ[kind]) and (kind == "boolean") == isinstance(value, bool)


def _is_time(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return _TIME.fullmatch(cell) is not None


def _limit(numbers: Sequence[Decimal]) -> Decimal:
    # Always below the greatest and not below the least, so that both examples hold.
    found = numbers[min(len(numbers) * 9 // 10, len(numbers) - 1)]
    under = [number for number in numbers if number < numbers[-1]]
    found = min(found, under[-1]) if under else found
    places = Decimal(1).scaleb(min(0, max(-3, int(found.as_tuple().exponent))))
    rounded = found.quantize(places, ROUND_HALF_EVEN)
    return rounded if numbers[0] <= rounded < numbers[-1] else found


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _row(number: int, lang: Lang) -> str:
    return f"{number}행" if lang == "ko" else f"row {number}"


def _single(text: str) -> str:
    return text.replace("'", "''")


def quoted(text: str) -> str:
    """Give a text as YAML reads it: bare where that is safe, in quotes elsewhere."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)
