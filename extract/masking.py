"""What identifies the patient, or another person of the file, is masked in the file's own text.

The identifying texts of one file become regular expressions, which are matched against folded text: lower case,
without diacritics, in characters of usual width (Unicode NFKD), so that MUELLER, Muller and Müller are the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple
from unicodedata import combining, normalize

MASK = "***"

Kind = Literal["name", "id", "order id", "date", "telephone", "address"]

# Words by which equipment names itself, and words of ImageType (PS3.3 C.7.6.1.1.2): left alone in the rows that the
# seed marks `keep`, since phantoms are called SIEMENS^PHANTOM.
EQUIPMENT_WORDS = frozenset(
    """AGFA ALOKA AXIAL BRUKER CANON CARESTREAM COMPANY CORPORATION DEPUY DERIVED ELECTRIC ELEKTA ESAOTE FISCHER FONAR
    FUJI FUJIFILM GENERAL HEALTH HEALTHCARE HEALTHINEERS HITACHI HOLOGIC IMAGING INFINITT INSTRUMENTARIUM KODAK KONICA
    LOCALIZER LUMISYS LUNAR MEDICAL MEDISON MINDRAY MINOLTA NEUSOFT NUCLEAR ORIGINAL PHILIPS PICKER PLANMECA PRIMARY
    RAYENCE SAMSUNG SECONDARY SHIMADZU SIEMENS SIRONA SONOSITE SOREDEX SUPERSONIC SWISSRAY SYSTEMS TECHNOLOGIES TOSHIBA
    TROPHY ULTRASOUND UNITED VAREX VARIAN VATECH VIEWORKS ZIEHM""".split()  # noqa: SIM905
)

_DIGIT = re.compile("[0-9]")
_NAME_SEPARATOR = r"[\s^_,.\-'`]"
_WORD_END = re.compile(r"[\s^=,;/()_.\-'`]+")
_ID_SEPARATOR = r"[-\s_./]?"
# Han, Hangul and kana: a name of two characters is whole.
_IDEOGRAPHIC = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Burmese, Khmer
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "æ": "ae", "œ": "oe"})
_ALIKE = str.maketrans({"\u2019": "'", "\u00b4": "'", "\u00b7": ".", "\u30fb": "."})  # apostrophes, middle dots
_NOT_COMPOSED = _ALIKE | str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


class Rule(NamedTuple):
    """One identifying text; where `in_digits`, what has no digit cannot hold it, and no pattern is made in vain."""

    kind: Kind
    text: str
    spared: frozenset[str]
    in_digits: bool


@dataclass(frozen=True, eq=False)
class Masking:
    """What to mask in the texts of one file."""

    rules: tuple[Rule, ...]


@lru_cache(maxsize=8192)  # the files of a series repeat each other
def masked(masking: Masking, text: str) -> tuple[str, int]:
    """Return the text with MASK for what identifies, and how often."""
    places: Sequence[int]
    if text.isascii():
        folded, places = text.lower(), range(len(text))
    else:
        text = normalize("NFC", text)
        pieces = [_folded(character) for character in text]
        folded = "".join(pieces)
        places = [at for at, piece in enumerate(pieces) for _ in piece]
    with_digits = _DIGIT.search(folded) is not None
    patterns = [_pattern(r.kind, r.text, r.spared) for r in masking.rules if with_digits or not r.in_digits]
    spans = sorted(match.span() for pattern in patterns if pattern for match in pattern.finditer(folded))
    if not spans:
        return text, 0
    kept: list[str] = []
    end = done = 0
    for first, last in spans:
        if first < done:  # it overlaps the one before
            done = max(done, last)
        else:
            kept.append(text[end : places[first]])
            done = last
        end = places[done - 1] + 1
        while end < len(text) and combining(text[end]):
            end += 1
    return MASK.join([*kept, text[end:]]), len(kept)


@lru_cache(maxsize=256)
def masking(identifying: tuple[tuple[Kind, str], ...], spared: frozenset[str] = frozenset()) -> Masking | None:
    """Return what masks these texts, None where there is nothing. `spared` are words in upper case, never masked.

    - Names (PS3.5 6.2.1.1): each word of 4 letters and more, of 2 in Han, Hangul and kana; the words of a name in a
      row, in any rotation, with or without separators. Titles (prefix, suffix) count as words only.
    - Ids, of 4 characters and more: with and without separators and leading zeros; numbers of 6 digits and more also
      within a word. An id without a digit is a name. Ids of an order or a study are masked only where they have a
      digit, for some write what was done there.
    - Dates of birth: in every usual order and notation with day, month and year. Telephone numbers: the last 8 digits.
      Addresses: as a whole, and each of their lines that has a number.
    """
    rules = []
    for kind, text in dict.fromkeys(identifying):
        words = {text.strip().upper(), *_WORD_END.split(text.upper()), *re.split(r"[\W\d_]+", text.upper())}
        in_digits = kind in ("id", "order id", "date") and all(map(_DIGIT.search, re.split(r"[\\^]", text)))
        rules.append(Rule(kind, text, spared & words, in_digits))
    return Masking(tuple(rules)) if rules else None


@lru_cache(maxsize=4096)  # a name or a birth date is met in many files, beside new ids of orders
def _pattern(kind: Kind, text: str, spared: frozenset[str]) -> re.Pattern[str] | None:
    values = filter(str.strip, text.split("\\"))
    alternatives = {alternative for value in values for alternative in _WAYS[kind](value, spared)}
    return re.compile("|".join(sorted(alternatives, key=len, reverse=True))) if alternatives else None


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    parts = normalize("NFKD", character.casefold().translate(_NOT_COMPOSED))
    return normalize("NFC", "".join(part for part in parts if not combining(part)))


def _fold(text: str) -> str:
    return "".join(map(_folded, normalize("NFC", text)))


def _spelling(word: str) -> str:
    """Return a pattern for a word's spellings: ä, ae and a are one."""
    plain = _fold(normalize("NFC", word).casefold().translate(_UMLAUTS))
    return re.sub("([aou])e", r"\1e?", re.escape(plain))


def _name(text: str, spared: frozenset[str]) -> Iterator[str]:
    for group in text.translate(_ALIKE).split("="):  # alphabetic, ideographic, phonetic
        components = []
        for component in group.split("^"):
            words = []
            for word in re.split(r"[\s,;/()]+", component):
                if re.search("[0-9]", word):
                    yield from _id(word, spared)
                words.append([p for p in re.split(f"{_NAME_SEPARATOR}+", word) if p and p.upper() not in spared])
            pieces = [piece for parts in words for piece in parts]
            for phrase in ([[piece] for piece in pieces], words, [pieces]):
                yield from _phrases(phrase)
            components.append(pieces)
        family, given, middle = (*components, [], [], [])[:3]
        whole = [*family, *given, *middle]
        yield from _phrases([*whole[at:], *whole[:at]] for at in range(len(whole)))
        if middle:
            yield from _phrases([[*family, *given], [*given, *family]])


def _phrases(phrases: Iterable[list[str]]) -> Iterator[str]:
    for parts in phrases:
        length = len("".join(parts))
        separator = f"{_NAME_SEPARATOR}*"
        if any(map(_IDEOGRAPHIC.search, parts)):
            phrase = separator.join(map(_spelling, parts))
            # Particles and titles follow a name without a blank; two characters may well be part of another word.
            if length > 2:
                yield phrase
            elif length == 2:
                yield rf"(?<![^\W\d_a-z]){phrase}(?![^\W\d_a-z])"
            continue
        if length == 3 and len(parts) > 1:
            separator = f"{_NAME_SEPARATOR}+"
        elif length < 4 or "".join(parts).isdigit():
            continue
        phrase = separator.join(map(_spelling, parts))
        if any(map(_UNSPACED.search, parts)):
            yield phrase
        elif phrase.isascii():
            yield f"(?<![a-z]){phrase}(?![a-z])"
        else:
            yield rf"(?<![^\W\d_]){phrase}(?![^\W\d_])"


def _id(text: str, spared: frozenset[str]) -> Iterator[str]:
    if not re.search("[0-9]", text):
        yield from _name(text, spared)
        return
    first, caret, _ = text.partition("^")
    if caret:  # HL7 writes the issuer behind it
        yield from _id(first, spared) if re.search("[0-9]", first) else _name(first, spared)
    characters = [character for character in _fold(text) if character.isalnum()]
    if len(characters) < 4 or text.strip().upper() in spared:
        return
    whole = "".join(characters)
    if not re.fullmatch("[0-9]+", whole):
        if len(whole) < 6:  # separators only where letters and digits meet
            characters = re.findall("[0-9]+|[^0-9]+", whole)
        yield rf"(?<![^\W_]){_ID_SEPARATOR.join(map(re.escape, characters))}(?![^\W_])"
    elif len(whole) < 6:
        yield _short_number(whole)
    else:
        digits = whole.lstrip("0")
        yield rf"(?<![0-9])0*{_ID_SEPARATOR.join(digits if len(digits) > 5 else whole)}(?![0-9])"
        if 3 < len(digits) < 6:
            yield _short_number(digits)


def _short_number(digits: str) -> str:
    """Return a pattern for a number of 4 or 5 digits, which may well be a measure: only where it stands alone."""
    return rf"(?<![^\W_])(?<![0-9][.,]){digits}(?![^\W_]|[.,][0-9])"


def _order_id(text: str, spared: frozenset[str]) -> Iterator[str]:
    digits = len(re.findall("[0-9]", text))
    letters = re.sub(r"[\W\d_]+", "", text).upper()
    if digits > 2 or (digits and not re.search(r"\s", text.strip()) and letters not in spared):
        yield from _id(text, spared)


def _date(text: str, spared: frozenset[str]) -> Iterator[str]:
    digits = re.sub(r"[\s./-]", "", text)
    for pattern in ("(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})", "(?P<d>[0-9]{2})(?P<m>[0-9]{2})(?P<y>[0-9]{4})"):
        match = re.fullmatch(pattern, digits)
        if match and 1850 < int(match["y"]) < 2700 and 1 <= int(match["m"]) <= 12 and 1 <= int(match["d"]) <= 31:
            yield from _notations(match["y"], match["m"], match["d"])
            return
    yield from _id(text, spared) if digits else ()


def _notations(year: str, month: str, day: str) -> Iterator[str]:
    y, m, d = int(year), int(month), int(day)
    short = year[2:]
    two_digits = (short + month + day, day + month + short, month + day + short)
    four_digits = (year + month + day, day + month + year, month + day + year)
    yield rf"(?<![0-9])(?:{'|'.join(sorted({*two_digits, *four_digits}))})(?![0-9])"
    # With separators, unpadded too; the Buddhist year of Thailand beside the common one.
    full = f"(?:{year}|{y + 543})"
    m_, d_ = f"0?{m}", f"0?{d}"
    for years, between in ((full, r"\s?[-./_\s,]\s?"), (short, r"\s?[-./]\s?")):
        orders = ((years, m_, d_), (d_, m_, years), (m_, d_, years))
        yield rf"(?<![0-9])(?:{'|'.join(between.join(order) for order in orders)})(?![0-9])"
    # 13 Feb 1947, 13. Februar 1947, Feb 13, 1947: whatever the language of the month.
    yield rf"(?<![0-9])(?:{d_}[\W_]{{0,2}}[^\W\d_]{{3,12}}[\W_]{{0,2}}|{d_}[\W_]{{1,3}}){year}(?![0-9])"
    yield rf"(?<![0-9]){year}[\W_]{{0,2}}[^\W\d_]{{3,12}}[\W_]{{0,2}}{d_}(?![0-9])"
    # East Asia, with the years of Japanese eras and of the Republic of China.
    eras = "|".join(str(y - start) for start in (1867, 1911, 1925, 1988, 2018) if 0 < y - start < 100)
    numbers = f"(?:{year}|{short}|{eras})" if eras else f"(?:{year}|{short})"
    yield rf"(?<![0-9]){numbers}\s?[年년]\s?{m_}\s?[月월]\s?{d_}(?![0-9])\s?[日일]?"
    if eras:
        yield rf"(?<![^\W_])[mtshr]\s?(?:{eras})\s?[-./年]\s?{m_}\s?[-./月]\s?{d_}(?![0-9])"


def _telephone(text: str, spared: frozenset[str]) -> Iterator[str]:
    for address in re.findall(r"[^\s<>;,:=]+@[^\s<>;,]+", text):
        yield re.escape(_fold(address))
    for number in re.findall(r"[0-9][-0-9\s./()]{4,}[0-9]", text):
        digits = re.sub("[^0-9]", "", number)[-8:]
        if len(digits) > 5:
            yield r"[-\s./()]{0,2}".join(digits) + "(?![0-9])"


def _address(text: str, spared: frozenset[str]) -> Iterator[str]:
    lines = [line for line in re.split(r"[,;^\r\n]+", text) if re.search("[0-9]", line)]
    for phrase in (text, *lines):
        words = re.findall(r"[^\W_]+", phrase)
        if len(words) > 1:
            whole = r"[\W_]*".join(re.escape(_fold(word)) for word in words)
            yield rf"(?<![^\W_]){whole}(?![^\W_])"


_WAYS: dict[Kind, Callable[[str, frozenset[str]], Iterator[str]]] = {
    "name": _name,
    "id": _id,
    "order id": _order_id,
    "date": _date,
    "telephone": _telephone,
    "address": _address,
}
