"""Telephone numbers in a text, by form, numbering plan and the words around them.

Digits alone are far more often dates, prices, codes or measures than telephone numbers.
So a number counts only

* with its country (``+44 20 7946 0958``), if the plan of that country has it;
* in a form that North America writes and nobody else ((212) 555-0123), if its plan has it;
* or else beside a word that says so (``Tel.``, ``call me at``, ``... office``).

Numbering plans are Google's, as the package phonenumbers holds them.
"""

from typing import Final

import phonenumbers
import re2

from gristmill.cleaning.pii_surroundings import (
    Bounds,
    compile_words,
    ends_number,
    is_separate_number,
    read_after,
    read_before,
    starts_number,
)

_GAP: Final = r"(?:[ .\-/()]|\x{A0}|[\x{2010}-\x{2013}])"
_RUN: Final = re2.compile(
    rf"[+]?[(]?[0-9](?:{_GAP}{{0,3}}[0-9]){{5,}}(?: ?(?:x|ext\.?) ?[0-9]{{1,5}})?"
)
#: What may be glued to a number.
_WORD: Final = re2.compile("[A-Z][a-z]")
_EXTENSION: Final = " ?(?:x|ext\\.?) ?[0-9]{1,5}"
_TEN_DIGITS: Final = (
    r"(?:\([2-9][0-9]{2}\)[ \-]?[2-9][0-9]{2}[ \-.][0-9]{4}"
    r"|[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}"
    r"|[2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}"
    r"|[2-9][0-9]{2}/[2-9][0-9]{2}-[0-9]{4})"
)
_NORTH_AMERICA: Final = re2.compile(r"(?:\+?1[ .\-]?)?" + _TEN_DIGITS)
_WITHOUT_COUNTRY: Final = re2.compile(_TEN_DIGITS)
_COUNTRY: Final = re2.compile(r"\+?1[ .\-]?$")
_DATES: Final = re2.compile(
    r"(?:19|20)[0-9]{2}[ \-./][0-9]{1,2}[ \-./][0-9]{1,2}.*"
    r"|[0-9]{1,2}[ \-./][0-9]{1,2}[ \-./](?:19|20)[0-9]{2}.*"
    r"|[0-9]{1,2}[\-./][0-9]{1,2}[\-./][0-9]{2}"
    r"|(?:19|20)[0-9]{2} ?(?:[\-/]|\x{2013}) ?(?:19|20)[0-9]{2}"
)
_BEFORE: Final = compile_words(
    (
        "tel", "te?l[eé]fono", "telefone?", "telefonnummer", "t[eé]l[eé]phone", "phone", "phones", "ph",
        "t[eé]l", "fax", "telefax", "faks", "mobile", "mob", "mobil", "cell", "cellphone", "cellular",
        "call(?: me| us)?(?: on| at)?", "whatsapp", "viber", "hotline", "helpline", "voicemail", "dial",
        "toll[ -]free", "desk", "reach (?:me|us|her|him|them) (?:on|at)", "portable", "gsm", "handy", "rufnummer", "m[oó]vil", "celular", "cel", "telp",
        "telefoon", "puh", "puhelin", "tlf", "telefon[iy]?", "тел", "телефоны?", "факс", "моб", "τηλ",
        "τηλέφωνο", "điện thoại", "đt", "sđt", "هاتف", "تلفن", "الهاتف", "טלפון", "טל", "फ़ोन", "फोन",
        "电话", "電話", "手机", "手機", "传真", "傳真", "热线", "熱線", "전화", "휴대폰", "팩스", "携帯",
        "ファックス", "โทร", "โทรศัพท์",
    ),
    r"[^0-9\[\]{}\x{2022}*|]{0,16}",
)  # fmt: skip
_AFTER: Final = re2.compile(r"(?i)^[ \-(,]{1,2}(?:tel|phone|fax|mobile|cell|office|home|work)\b")
_CHAIN: Final = re2.compile(r"(?i)[ ,;/|&]{1,4}(?:(?:or|and|und|et|y|e|o)[ ]{1,2})?")
_WINDOW: Final = 48


def find_phones(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find telephone numbers between two places of a text."""
    found: list[Bounds] = []
    for match in _RUN.finditer(text, start, end):
        first, last = match.span()
        chained = bool(found) and _CHAIN.fullmatch(text, found[-1][1], first) is not None
        span = _judge_run(text, first, last, chained)
        found += _find_american(text, first, last) if span is None else [span]
    return found


def _find_american(text: bytes, first: int, last: int) -> list[Bounds]:
    """Find numbers as North America writes them beside other digits: after a zip code, in a row.

    Pages glue a word to them at times, as in ``(212) 555-0123Call us``.
    """
    found = []
    for match in _WITHOUT_COUNTRY.finditer(text, first, last):
        start, end = match.span()
        lead = text[max(first, start - 3) : start]
        country = _COUNTRY.search(lead)
        if country is not None and starts_number(text, start - len(lead) + country.start()):
            start -= len(lead) - country.start()
        elif not starts_number(text, start):
            continue
        ends = ends_number(text, end) or _WORD.match(text, end, end + 2)
        if ends and _is_planned("1" + _keep_digits(match.group())):
            found.append((start, end))
    return found


def _judge_run(text: bytes, first: int, last: int, chained: bool) -> Bounds | None:
    """Find the number in a longest run of digits and what joins them."""
    international = text[first] == 0x2B
    if international:
        span = _trim_international(text, first, last)
        if span is not None:
            return span
    run = text[first:last]
    if not is_separate_number(text, first, last) or _DATES.fullmatch(run):
        return None
    digits = _keep_digits(run)
    if _is_self_evident(run, digits):
        return first, last
    if not (8 if international else 6) < len(digits) <= 15:
        return None
    if chained or _BEFORE.search(read_before(text, first, _WINDOW, 1)):
        return first, last
    return (first, last) if _AFTER.search(read_after(text, last, 10)) else None


def _is_self_evident(run: bytes, digits: str) -> bool:
    """Tell whether a number needs no words: as North America writes it, or dialled abroad."""
    number = _NORTH_AMERICA.match(run)
    if number is not None and _is_extension(run[number.end() :]):
        return _is_planned("1" + _keep_digits(number.group())[-10:])
    return len(digits) <= 18 and digits.startswith("00") and _is_planned(digits[2:])


def _is_extension(rest: bytes) -> bool:
    return not rest or re2.fullmatch(_EXTENSION, rest) is not None


def _trim_international(text: bytes, first: int, last: int) -> Bounds | None:
    """Leave out what follows a number with its country: a year, the next number."""
    for _ in range(4):
        run = text[first:last]
        digits = _keep_digits(run.partition(b"x")[0].replace(b"(0)", b""))
        if len(digits) < 7:
            return None
        if len(digits) <= 15 and _is_planned(digits):
            return (first, last) if is_separate_number(text, first, last) else None
        cut = max(run.rfind(b" "), run.rfind(b"/"))
        if cut < 0:
            return None
        last = first + len(run[:cut].rstrip(b" -/.("))
    return None


def _keep_digits(run: bytes) -> str:
    return "".join(chr(byte) for byte in run if 0x30 <= byte <= 0x39)


def _is_planned(digits: str) -> bool:
    """Tell whether the plan of its country has this number, which starts with the country.

    Many write the zero that is dialled inside the country; some countries have it anywhere.
    """
    for width in (1, 2, 3):
        code, national = int(digits[:width]), digits[width:]
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return _is_national(code, national) or (
                national.startswith("0") and _is_national(code, national[1:])
            )
    return False


def _is_national(code: int, national: str) -> bool:
    """Tell whether a country, given by its calling code, has this number."""
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if plan is None or plan.general_desc is None:
        return False
    if len(national) not in plan.general_desc.possible_length:
        return False
    zeros = len(national) - len(national.lstrip("0"))
    number = phonenumbers.PhoneNumber(
        country_code=code,
        national_number=int(national),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros or None,
    )
    return phonenumbers.is_valid_number(number)
