"""Sets of characters in the regular expressions of XML Schema: ranges, classes, Unicode categories and blocks."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Span = tuple[int, int]
_CATEGORIES: Final = (
    "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po Z Zs Zl Zp S Sm Sc Sk So C Cc Cf Co Cn"
)
CATEGORIES: Final = frozenset(_CATEGORIES.split(" "))
"""The categories that XML Schema names; surrogates (Cs) are no characters."""
_MAX: Final = 0x10FFFF

# Names of Unicode blocks as XML Schema writes them (without spaces), with first and last code point.
_BLOCKS: Final = """
BasicLatin 0 7F|Latin-1Supplement 80 FF|LatinExtended-A 100 17F|LatinExtended-B 180 24F|IPAExtensions 250 2AF
SpacingModifierLetters 2B0 2FF|CombiningDiacriticalMarks 300 36F|Greek 370 3FF|GreekandCoptic 370 3FF|Cyrillic 400 4FF
CyrillicSupplement 500 52F|Armenian 530 58F|Hebrew 590 5FF|Arabic 600 6FF|Syriac 700 74F|ArabicSupplement 750 77F
Thaana 780 7BF|NKo 7C0 7FF|Devanagari 900 97F|Bengali 980 9FF|Gurmukhi A00 A7F|Gujarati A80 AFF|Oriya B00 B7F
Tamil B80 BFF|Telugu C00 C7F|Kannada C80 CFF|Malayalam D00 D7F|Sinhala D80 DFF|Thai E00 E7F|Lao E80 EFF
Tibetan F00 FFF|Myanmar 1000 109F|Georgian 10A0 10FF|HangulJamo 1100 11FF|Ethiopic 1200 137F|Cherokee 13A0 13FF
UnifiedCanadianAboriginalSyllabics 1400 167F|Ogham 1680 169F|Runic 16A0 16FF|Tagalog 1700 171F|Hanunoo 1720 173F
Buhid 1740 175F|Tagbanwa 1760 177F|Khmer 1780 17FF|Mongolian 1800 18AF|Limbu 1900 194F|TaiLe 1950 197F
KhmerSymbols 19E0 19FF|PhoneticExtensions 1D00 1D7F|LatinExtendedAdditional 1E00 1EFF|GreekExtended 1F00 1FFF
GeneralPunctuation 2000 206F|SuperscriptsandSubscripts 2070 209F|CurrencySymbols 20A0 20CF
CombiningMarksforSymbols 20D0 20FF|CombiningDiacriticalMarksforSymbols 20D0 20FF|LetterlikeSymbols 2100 214F
NumberForms 2150 218F|Arrows 2190 21FF|MathematicalOperators 2200 22FF|MiscellaneousTechnical 2300 23FF
ControlPictures 2400 243F|OpticalCharacterRecognition 2440 245F|EnclosedAlphanumerics 2460 24FF|BoxDrawing 2500 257F
BlockElements 2580 259F|GeometricShapes 25A0 25FF|MiscellaneousSymbols 2600 26FF|Dingbats 2700 27BF
MiscellaneousMathematicalSymbols-A 27C0 27EF|SupplementalArrows-A 27F0 27FF|BraillePatterns 2800 28FF
SupplementalArrows-B 2900 297F|MiscellaneousMathematicalSymbols-B 2980 29FF|SupplementalMathematicalOperators 2A00 2AFF
MiscellaneousSymbolsandArrows 2B00 2BFF|CJKRadicalsSupplement 2E80 2EFF|KangxiRadicals 2F00 2FDF
IdeographicDescriptionCharacters 2FF0 2FFF|CJKSymbolsandPunctuation 3000 303F|Hiragana 3040 309F|Katakana 30A0 30FF
Bopomofo 3100 312F|HangulCompatibilityJamo 3130 318F|Kanbun 3190 319F|BopomofoExtended 31A0 31BF
KatakanaPhoneticExtensions 31F0 31FF|EnclosedCJKLettersandMonths 3200 32FF|CJKCompatibility 3300 33FF
CJKUnifiedIdeographsExtensionA 3400 4DBF|YijingHexagramSymbols 4DC0 4DFF|CJKUnifiedIdeographs 4E00 9FFF
YiSyllables A000 A48F|YiRadicals A490 A4CF|HangulJamoExtended-A A960 A97F|HangulSyllables AC00 D7AF
HangulJamoExtended-B D7B0 D7FF|PrivateUse E000 F8FF|PrivateUseArea E000 F8FF|CJKCompatibilityIdeographs F900 FAFF
AlphabeticPresentationForms FB00 FB4F|ArabicPresentationForms-A FB50 FDFF|VariationSelectors FE00 FE0F
CombiningHalfMarks FE20 FE2F|CJKCompatibilityForms FE30 FE4F|SmallFormVariants FE50 FE6F
ArabicPresentationForms-B FE70 FEFF|HalfwidthandFullwidthForms FF00 FFEF|Specials FFF0 FFFF
LinearBSyllabary 10000 1007F|LinearBIdeograms 10080 100FF|AegeanNumbers 10100 1013F|OldItalic 10300 1032F
Gothic 10330 1034F|Ugaritic 10380 1039F|Deseret 10400 1044F|Shavian 10450 1047F|Osmanya 10480 104AF
CypriotSyllabary 10800 1083F|ByzantineMusicalSymbols 1D000 1D0FF|MusicalSymbols 1D100 1D1FF
TaiXuanJingSymbols 1D300 1D35F|MathematicalAlphanumericSymbols 1D400 1D7FF|Emoticons 1F600 1F64F
CJKUnifiedIdeographsExtensionB 20000 2A6DF|CJKCompatibilityIdeographsSupplement 2F800 2FA1F|Tags E0000 E007F
VariationSelectorsSupplement E0100 E01EF|SupplementaryPrivateUseArea-A F0000 FFFFF
SupplementaryPrivateUseArea-B 100000 10FFFF
"""


@lru_cache(maxsize=1)
def _blocks() -> dict[str, Span]:
    entries = (entry.split() for entry in _BLOCKS.strip().replace("\n", "|").split("|"))
    return {name: (int(first, 16), int(last, 16)) for name, first, last in entries}


_NAME_START: Final[tuple[Span, ...]] = (
    (0x3A, 0x3A),
    (0x41, 0x5A),
    (0x5F, 0x5F),
    (0x61, 0x7A),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0x2FF),
    (0x370, 0x37D),
    (0x37F, 0x1FFF),
    (0x200C, 0x200D),
    (0x2070, 0x218F),
    (0x2C00, 0x2FEF),
    (0x3001, 0xD7FF),
    (0xF900, 0xFDCF),
    (0xFDF0, 0xFFFD),
    (0x10000, 0xEFFFF),
)
_NAME: Final[tuple[Span, ...]] = (
    *_NAME_START,
    (0x2D, 0x2E),
    (0x30, 0x39),
    (0xB7, 0xB7),
    (0x300, 0x36F),
    (0x203F, 0x2040),
)
# Letters with more than the two forms that upper() and lower() lead to.
_CASES: Final = "kK\u212a sSſ åÅ\u212b ωΩ\u2126 µμΜ βϐΒ θϑΘϴ φϕΦ πϖΠ κϰΚ ρϱΡ εϵΕ σςΣ ι\u1fbeΙ ßẞ ǆǅǄ ǉǈǇ ǌǋǊ ǳǲǱ ṡẛṠ"
_MORE: Final = {letter: frozenset(group) for group in _CASES.split() for letter in group}


@lru_cache(maxsize=4096)
def variants(letter: str) -> frozenset[str]:
    """Give a character with its other cases, each of them one character."""
    found = {letter, *_MORE.get(letter, ())}
    found |= {form for form in (letter.lower(), letter.upper(), letter.title()) if len(form) == 1}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class CharSet:
    """A set of characters.

    Attributes:
        spans: Ranges of code points.
        categories: Tests that the case of letters does not touch.
        negated: Whether it holds all others instead.
        without: Another set, whose characters it does not hold.
    """

    spans: tuple[Span, ...] = ()
    categories: tuple[Callable[[str], bool], ...] = ()
    negated: bool = False
    without: "CharSet | None" = None

    def holds(self, letter: str, *, fold: bool = False) -> bool:
        """Tell whether a character is in the set; with `fold`, in whatever case."""
        forms = variants(letter) if fold else (letter,)
        inside = any(first <= ord(form) <= last for form in forms for first, last in self.spans)
        inside = inside or any(test(letter) for test in self.categories)
        if inside == self.negated:
            return False
        return self.without is None or not self.without.holds(letter, fold=fold)


_REMEMBERED: Final = 2_048


class Members(dict[str, bool]):
    """Remembers of the first characters seen whether the set holds them."""

    def __init__(self, chars: CharSet, *, fold: bool) -> None:
        super().__init__()
        self._chars = chars
        self._fold = fold

    def __missing__(self, letter: str) -> bool:
        held = self._chars.holds(letter, fold=self._fold)
        if len(self) < _REMEMBERED:
            self[letter] = held
        return held


def single(letter: str) -> CharSet:
    """Make the set of one character."""
    return CharSet(((ord(letter), ord(letter)),))


def _category(name: str) -> CharSet:
    return CharSet(categories=(lambda letter: unicodedata.category(letter).startswith(name),))


def _is_word(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "PZC"


def named(name: str) -> CharSet | None:
    r"""Give the set that `\p{name}` stands for: a category or a block (`IsHangulSyllables`); None for neither."""
    if name in CATEGORIES:
        return _category(name)
    span = _blocks().get(name[2:]) if name.startswith("Is") else None
    # A block is a range, but like a category it is not touched by the flag i.
    return None if span is None else CharSet(categories=(lambda letter: span[0] <= ord(letter) <= span[1],))


def inverse(chars: CharSet) -> CharSet:
    """Give the set of all other characters, as a test that the case of letters does not touch."""
    return CharSet(categories=(lambda letter: not chars.holds(letter),))


def _fixed(spans: tuple[Span, ...]) -> CharSet:
    return CharSet(categories=(lambda letter: any(first <= ord(letter) <= last for first, last in spans),))


_SPACE: Final = _fixed(((0x9, 0xA), (0xD, 0xD), (0x20, 0x20)))
_DIGIT: Final = _category("Nd")
_WORD: Final = CharSet(categories=(_is_word,))
_CLASSES: Final = {"s": _SPACE, "d": _DIGIT, "w": _WORD, "i": _fixed(_NAME_START), "c": _fixed(_NAME)}
CLASSES: Final[dict[str, CharSet]] = _CLASSES | {name.upper(): inverse(chars) for name, chars in _CLASSES.items()}
"""What the escapes of many characters stand for: \\s \\d \\w \\i \\c, and in capitals all others."""
ANY: Final = CharSet(((0, _MAX),))
"""Every character."""
LINE: Final = CharSet(((0xA, 0xA), (0xD, 0xD)), negated=True)
"""Every character but those that end a line."""
