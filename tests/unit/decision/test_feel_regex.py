"""Regular expressions of XPath: what they match, what is none, and that no pattern runs away."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function import BUILTINS
from judgify.decision.feel.function import regex as machine
from judgify.decision.feel.function.regex_set import CLASSES, variants


def matches(text: str, pattern: str, flags: str = "") -> bool:
    return machine.compiled(pattern, flags).search(text) is not None


def call(name: str, *arguments: Any) -> Any:
    return BUILTINS[name].run(*arguments)


@pytest.mark.parametrize(
    ("text", "pattern", "flags"),
    [
        ("서울 특별시", r"^\p{IsHangulSyllables}+\s", ""),
        ("ab", "^(a|b)*$", ""),
        ("x1", r"^\i\c*$", ""),
        ("hello", "^[a-z-[xyz]]+$", ""),
        ("a-b", "^[a-]+[-b]$", ""),
        ("a^b", "^[a^]+b$", ""),
        ("b", "^[^a]$", ""),
        (".", r"^\.$", ""),
        ("[", r"^\[$", ""),
        ("$", r"^\$$", ""),
        ("a\nb", "^a.b$", "s"),
        ("x\na\ny", "^a$", "m"),
        ("ABC", "abc", "i"),
        ("\u212a", "k", "i"),
        ("ſ", "S", "i"),
        ("ǆ", "Ǆ", "i"),
        ("a b", "a[ ] b ", "x"),
        ("a b", r"a\ sb", "x"),
        ("a.b", "a.b", "q"),
        ("A.B", "a.b", "qi"),
        ("aaa", "^a{3}$", ""),
        ("aaaa", "^a{2,}$", ""),
        ("aa", "^a{1,3}$", ""),
        ("abab", r"^(ab)\1$", ""),
        ("abAB", r"^(ab)\1$", "i"),
        ("b", r"^(a)?\1b$", ""),
        ("aaab", r"^(a*)*\1b$", ""),
        ("٣", r"^\d$", ""),
        ("é", r"^\w$", ""),
        (" ", r"^\W$", ""),
        ("x", r"^[\D]$", ""),
        ("x", r"^[\S\d]$", ""),
        ("é", r"^\P{Lu}\P{IsBasicLatin}?$", ""),
        ("-", r"^[\-]$", ""),
        ("", "^$", ""),
        ("abc", "^(?:a|ab)(?:c|bcd)?", ""),
        ("0123456789a", r"^(0)(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)\11?$", ""),
        ("00", r"^(0)\10?$", ""),
        ("\U0001f40e", "^.$", ""),
    ],
)  # fmt: skip
def test_what_is_found(text: str, pattern: str, flags: str) -> None:
    assert matches(text, pattern, flags)


@pytest.mark.parametrize(
    ("text", "pattern", "flags"),
    [
        ("a\nb", "^a.b$", ""),
        ("a\rb", "^a.b$", ""),
        ("x\na\ny", "^a$", ""),
        ("a\n", "^$", "m"),
        ("a\n", "a$", ""),
        ("x", "[a-z-[xyz]]", ""),
        ("q", "[^Q]", "i"),
        ("a", r"\p{Lu}", "i"),
        ("ab", "a.b", "q"),
        ("abAB", r"^(ab)\1$", ""),
        ("abxy", r"^(ab)\1$", "i"),
        ("ab1", r"^(ab)\1$", "i"),
        ("a b", "a b", "x"),
        ("1", r"^\i$", ""),
        ("a", "^(a|b){2}$", ""),
        ("", "a", ""),
    ],
)
def test_what_is_not_found(text: str, pattern: str, flags: str) -> None:
    assert not matches(text, pattern, flags)


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("a**", 3), ("*a", 1), ("a{2", 2), ("a{3,2}", 2), ("a{2,1001}", 2), ("a}", 2), ("(a", 3), ("a)", 2), ("[a", 3),
        ("[]", 2),
        ("[a-b-c]", 5), ("[z-a]", 5), ("[a-\\d]", 6), ("[a[b]", 3), ("[a-[b]c]", 7), (r"\b", 2), (r"\Z", 2), ("a\\", 3),
        (r"\p{Foo}", 3), (r"\pL", 3), (r"\p{IsNowhere}", 3), (r"(a)\2", 6), (r"(a\1)", 5), (r"(a)[\1]", 6),
        ("(?=a)", 2), ("]", 1), ("(" * 51, 52), ("[a-" * 51, 0),
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_refused_with_its_position(pattern: str, position: int) -> None:
    with pytest.raises(EvaluationError) as caught:
        machine.compiled(pattern, "")
    assert caught.value.code == "bad-pattern"
    assert not position or caught.value.params["position"] == str(position)


@pytest.mark.parametrize("pattern", ["a" * 1_001, "(a{100}){100}", "((a?){90}){90}"])
def test_what_is_too_long_is_refused(pattern: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        machine.compiled(pattern, "")
    assert caught.value.code == "bad-pattern"


def test_flags_are_known() -> None:
    with pytest.raises(EvaluationError) as caught:
        machine.compiled("a", "g")
    assert caught.value.code == "bad-flags"


def test_patterns_that_take_for_ever_elsewhere_end_at_once() -> None:
    assert not matches("a" * 500, "(a+)+b")
    assert not matches("a" * 500, "(a|aa)*b")
    assert not matches("a" * 2_000, "a*a*a*a*b")
    assert matches("a" * 300, "^" + "a?" * 300 + "a{300}$")


def test_a_search_that_costs_too_much_is_ended() -> None:
    with pytest.raises(LimitError) as caught:
        matches("a" * 40, r"(a*)*(a*)*\1b")
    assert caught.value.code == "slow-pattern"


def test_a_text_of_very_many_characters_is_searched() -> None:
    text = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 5_000))
    assert matches(text, r"^\p{Lo}+$")
    assert matches(text, r"^\p{Lo}+$")


def test_cases_of_letters() -> None:
    assert variants("k") == {"k", "K", "\u212a"}
    assert variants("ß") == {"ß", "ẞ"}
    assert variants("1") == {"1"}


def test_classes_and_their_opposites_part_all_characters() -> None:
    for letter in "a1 _-.:é한\n🐎":
        for name in "sdwic":
            assert CLASSES[name].holds(letter) != CLASSES[name.upper()].holds(letter)


# Where both languages say the same, Python's own engine is the judge.
LITERALS = st.sampled_from(["a", "b", "c", "[ab]", "[^b]", "."])
PATTERNS = st.recursive(
    LITERALS,
    lambda part: st.one_of(
        st.tuples(part, part).map("".join),
        st.tuples(part, part).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        part.map(lambda one: f"({one})"),
        st.tuples(part, st.sampled_from(["?", "*", "+", "*?", "+?", "??", "{2}", "{1,2}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("abc", max_size=8))
def test_matches_are_those_of_python(pattern: str, text: str) -> None:
    ours, theirs = machine.compiled(pattern, "").search(text), re.search(pattern, text)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert ours.start == theirs.start()
        # Where a reluctant repetition of nothing is repeated, engines differ in how far they go.
        assert ours.end == theirs.end() or (
            re.search(r"[*+?]\?", pattern) and len(re.findall(r"\)[*+?{]", pattern)) > 1
        )


@given(st.text("abc|()[]*+?{}1,\\^$-pdi", max_size=12), st.text("abc", max_size=5))
def test_any_text_is_a_pattern_or_refused(pattern: str, text: str) -> None:
    try:
        matches(text, pattern)
    except EvaluationError as error:
        assert error.code == "bad-pattern"  # noqa: PT017 - both ways out are right


def test_replacements() -> None:
    assert call("replace", "banana", "a", "o") == "bonono"
    assert call("replace", "abcd", "(ab)|(a)", "[1=$1][2=$2]") == "[1=ab][2=]cd"
    assert call("replace", "abc", "b", "<$0>") == "a<b>c"
    assert call("replace", "abc", "b", r"\$\\") == r"a$\c"
    assert call("replace", "abc", "(b)", "$10") == "ab0c"
    assert call("replace", "abc", "b", "$1") == "ac"
    assert call("replace", "a.c", ".", "$1", "q") == "a$1c"
    assert call("replace", "한글 테스트", r"\s", "_") == "한글_테스트"
    assert call("replace", "b" * 3, "(a)|b", "$1-") == "---"
    eleven = "".join(f"({letter})" for letter in "abcdefghijk")
    assert call("replace", "abcdefghijk", eleven, "$11$1") == "ka"


@pytest.mark.parametrize(
    ("pattern", "replacement", "code"),
    [
        ("a", "$", "bad-replacement"),
        ("a", "$x", "bad-replacement"),
        ("a", "\\", "bad-replacement"),
        ("a", "\\n", "bad-replacement"),
        ("a*", "x", "empty-match"),
        ("", "x", "empty-match"),
    ],
)
def test_replacements_that_mean_nothing(pattern: str, replacement: str, code: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        call("replace", "abc", pattern, replacement)
    assert caught.value.code == code


def test_results_that_grow_too_large_are_ended() -> None:
    with pytest.raises(LimitError) as caught:
        call("replace", "a" * 5_000, "a", "b" * 1_000)
    assert caught.value.code == "too-large"
    with pytest.raises(LimitError):
        call("string join", ["a" * 600_000, "b" * 600_000])


def test_splitting() -> None:
    assert call("split", "John Doe", r"\s") == ["John", "Doe"]
    assert call("split", "a;b;c;;", ";") == ["a", "b", "c", "", ""]
    assert call("split", "", ";") == [""]
    with pytest.raises(EvaluationError) as caught:
        call("split", "abc", "x?")
    assert caught.value.code == "empty-match"
