"""What is wrong with a text that is no expression: in words, and at which character.

`judgify.decision.feel` refuses it when it is compiled; nothing of it is worked out.
"""

from typing import Any

import pytest

from judgify.decision.feel import FeelError, Mode, compile_expression, compile_unary_tests
from judgify.decision.limit import MAX_EXPRESSION

MISTAKES: list[tuple[str, str, int]] = [
    ("1 +", "a value is expected here, not the end", 4),
    ("(1", ") is expected here, not the end", 3),
    ("[1, 2", "the list is not closed before the end", 6),
    ("{a: 1", ", is expected here, not the end", 6),
    ("{a 1}", ": is expected here, not }", 5),
    ("{1: 2}", "a name is expected here, not 1", 2),
    ('{"a": 1, a(b: 2}', ": is expected here, not (", 11),
    ("a.", "a name is expected after the dot, not the end", 3),
    ("a.1", ".1 is not expected here", 2),
    ('"abc', "the text is not closed", 1),
    ('"\\q"', "\\q is no escape of a text", 2),
    ('"\\uD800"', "\\uD800 is no character", 2),
    ('"\\UFFFFFF"', "\\UFFFFFF is no character", 2),
    ('@"x"', '"x" is not read by @', 1),
    ("@1", "@ takes a text in double quotes", 2),
    ("1 2", "2 is not expected here", 3),
    ("a b c d(", "a value is expected here, not the end", 9),
    ("a == 1", "== is no comparison", 4),
    ("a <> 1", "<> is no comparison", 4),
    ("a && b", "the character '&' means nothing here", 3),
    ("a ! b", "the character '!' means nothing here", 3),
    ("'x'", 'the character "\'" means nothing here', 1),
    ("#", "the character '#' means nothing here", 1),
    ("a := 1", ": is not expected here", 3),
    ("a instance 1", "of is expected here, not 1", 12),
    ("a instance of", "a type is expected here, not the end", 14),
    ("a instance of (1)", "a type is expected here, not (", 15),
    ("a instance of list<", "a type is expected here, not the end", 20),
    ("a instance of list<number, string>", "list takes one type", 35),
    ("a instance of list<number", ", is expected here, not the end", 26),
    ("a instance of context<a>", ": is expected here, not the end", 25),
    ("a instance of function<number> -> tNone", "there is no type function", 15),
    ("a instance of tNo.such", "there is no type tNo.such", 15),
    ("if a then 1", "else is expected here, not the end", 12),
    ("if a 1 else 2", "then is expected here, not else", 8),
    ("if a then 1 else if b then 2", "else is expected here, not the end", 29),
    ("for i return 1", "in is expected here, not the end", 15),
    ("for i in a 1", "return is expected here, not the end", 13),
    ("for 1 in a return 1", "a name is expected here, not 1", 5),
    ("some i in a", "satisfies is expected here, not the end", 12),
    ("every i in a return 1", "satisfies is expected here, not return", 14),
    ("function(x", ", is expected here, not the end", 11),
    ("function x", "( is expected here, not x", 10),
    ("function(x: ) x", "a type is expected here, not )", 13),
    ("a between 1", "and is expected here, not the end", 12),
    ("a between 1 or 2", "and is expected here, not or", 13),
    ("a in", "a value is expected here, not the end", 5),
    ("a in ()", "a value is expected here, not )", 7),
    ("a in (1", ") is expected here, not the end", 8),
    ("[1..", "a value is expected here, not the end", 5),
    ("[1..2", "the range is not closed before the end", 6),
    ("]1..2", "the range is not closed before the end", 6),
    ("(1..2", "the range is not closed before the end", 6),
    ("not(1", ") is expected here, not the end", 6),
    ("sum(1,", "a value is expected here, not the end", 7),
    ("sum(a: 1, 2)", "a name is expected here, not 2", 11),
    ("sum(1, a: 2)", ") is expected here, not :", 9),
    ("sum(a: 1, a: 2)", "sum does not take these arguments", 1),
    ("-", "a value is expected here, not the end", 2),
    ("**", "a value is expected here, not **", 1),
    ("1 ** ", "a value is expected here, not the end", 6),
    ("1.", "a name is expected after the dot, not the end", 3),
    ("1..2", ".. is not expected here", 2),
    ("12345678901234567890e99999", "the exponent of the number is out of range", 1),
    ('date("x")', '"x" is not read by date', 1),
    ('duration("x")', '"x" is not read by duration', 1),
    ('time("x")', '"x" is not read by time', 1),
    ('date and time("x")', '"x" is not read by date and time', 1),
    ("a <", "a value is expected here, not the end", 4),
    ("< a", "a value is expected here, not <", 1),
    ("null < 1", "a null is compared with a number", 6),
    ("1 < 2 < 3", "a boolean is compared with a number", 7),
    ("1 = 2 = 3", "a boolean is compared with a number", 7),
    ("a[", "a value is expected here, not the end", 3),
    ("a[1", "] is expected here, not the end", 4),
    ("a[]", "a value is expected here, not the end", 4),
    ("[,]", "a value is expected here, not ,", 2),
    ("{,}", "a name is expected here, not ,", 2),
    ("f(,)", "a value is expected here, not ,", 3),
    ("return", "a value is expected here, not return", 1),
    ("then", "a value is expected here, not then", 1),
    ("and", "a value is expected here, not and", 1),
    ("in", "a value is expected here, not in", 1),
    ("list<number>", "a value is expected here, not the end", 13),
    ("range<number>", "a value is expected here, not the end", 14),
    ("x instance of range", "there is no type range", 15),
    ("/* never closed", "a value is expected here, not /", 1),
    ("// only a comment", "a value is expected here, not the end", 18),
    ("1e", "e is not expected here", 2),
    ("0x10", "x10 is not expected here", 2),
    ("٣", "the character '٣' means nothing here", 1),
    ('"""', "the text is not closed", 3),
]
FINE = [
    "a ? b",
    "a instance of function<number>",
    "for in a return 1",
    ".5",
    "{}",
    "of",
    "context",
    "1 // after",
    "/* before */ 1",
    "1 /* in */ + 1",
    "a.b.c.d",
    "3.e",
    "1e5",
    '"\\u0041\\U01F40E\\n\\t\\r\\"\\\'\\\\"',
]
CELLS: list[tuple[str, str, int]] = [
    (">", "a value is expected here, not the end", 2),
    ("> null", "null has no order: > null", 1),
    ("1,", "a value is expected here, not the end", 3),
    ("not", "( is expected here, not the end", 4),
    ("not(", "a value is expected here, not the end", 5),
    ("not(1), 2", "not(…) has to be the whole cell", 7),
    ("not(1) x", "x is not expected here", 8),
    ("- 1 x", "x is not expected here", 5),
    ("[1..2", "the range is not closed before the end", 6),
    ("[2..1]", "no value lies in the range", 1),
    ("(1..1)", "no value lies in the range", 1),
    ('[@"09:00:00"..@"10:00:00Z"]', "one end of the range has a time zone, the other has none", 1),
    ('["a"..1]', "a string is compared with a number", 1),
    ("'a'", 'the character "\'" means nothing here', 1),
    ("== 1", "== is no comparison", 2),
    ("1 2", "2 is not expected here", 3),
    ("? >", "a value is expected here, not the end", 4),
    ("", "the cell is empty", 1),
]


def refused(compiler: Any, text: str, mode: Mode = Mode.STRICT) -> FeelError:
    with pytest.raises(FeelError) as caught:
        compiler(text, mode=mode)
    return caught.value


@pytest.mark.parametrize(("text", "message", "position"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_named_and_placed(text: str, message: str, position: int) -> None:
    error = refused(compile_expression, text)
    assert (error.message, error.position) == (message, position)


@pytest.mark.parametrize("text", FINE)
def test_what_only_looks_strange_is_read(text: str) -> None:
    compile_expression(text)
    compile_expression(text, mode=Mode.STANDARD)


@pytest.mark.parametrize(("text", "message", "position"), CELLS, ids=[mistake[0] for mistake in CELLS])
def test_a_mistake_in_a_cell_is_named_and_placed(text: str, message: str, position: int) -> None:
    error = refused(compile_unary_tests, text)
    assert (error.message, error.position) == (message, position)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + "1" + ")" * 300,
        "1" + " + 1" * 5_000,
        "-" * 500 + "1",
        "[" * 300 + "]" * 300,
        "1" * 2_000,
        "x" * (MAX_EXPRESSION + 1),
        "if true then 1 else " * 400 + "2",
    ],
)
def test_what_is_too_long_or_too_deep_is_refused(text: str) -> None:
    for mode in Mode:
        refused(compile_expression, text, mode)
