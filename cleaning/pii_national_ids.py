"""National identity numbers in a text: a table of shapes, checks and the words beside them.

A shape is the number with ``9`` for a digit and ``A`` for a capital. A number counts if
its shape is in the table, its check accepts it, and, unless shape and check together
are rarely met by chance, a word before it says what it is.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import re2

from gristmill.cleaning import pii_id_checks as checks
from gristmill.cleaning.pii_checksums import has_verhoeff
from gristmill.cleaning.pii_surroundings import (
    Bounds,
    compile_words,
    is_separate_number,
    join_spans,
    read_before,
)


class NationalId(NamedTuple):
    """One kind of number.

    Attributes:
        country: ISO 3166 code.
        shapes: how it is written.
        accept: whether a number without separators is valid.
        words: patterns, one of which must stand before; empty if the number speaks for itself.
    """

    country: str
    shapes: tuple[str, ...]
    accept: Callable[[str], bool]
    words: tuple[str, ...] = ()


#: Facts as the issuing offices publish them.
NATIONAL_IDS: Final = (
    NationalId("US", ("999-99-9999", "999 99 9999", "999999999"), checks.is_ssn,
               ("ssns?", r"ss\s?#", "social[ -]security", "itin", r"taxpayer\s+id\w*")),
    NationalId("CA", ("999-999-999", "999 999 999", "999999999"), checks.is_sin,
               ("sin", "social insurance", "nas", "assurance sociale")),
    NationalId("MX", ("AAAA999999AAAAAA99", "AAAA999999AAAAAAA9"), checks.is_curp),
    NationalId("BR", ("999.999.999-99",), checks.is_cpf),
    NationalId("BR", ("99999999999",), checks.is_cpf, ("cpf",)),
    NationalId("BR", ("99.999.999/9999-99",), checks.is_cnpj),
    NationalId("BR", ("99999999999999",), checks.is_cnpj, ("cnpj",)),
    NationalId("CL", ("99.999.999-9", "9.999.999-9", "99.999.999-A", "9.999.999-A"), checks.is_rut),
    NationalId("CL", ("99999999-9", "9999999-9", "99999999-A"), checks.is_rut, ("rut", "run")),
    NationalId("GB", ("AA 99 99 99 A",), checks.is_nino),
    NationalId("GB", ("AA999999A", "AA 999999 A"), checks.is_nino,
               ("nino?", "national insurance", "ni number", r"ni\s+no")),
    NationalId("DE", ("99999999999", "99 999 999 999"), checks.is_steuer_id,
               ("steuer-?id", "idnr", r"steuer\w*nummer", "steueridentifikationsnummer", "tin")),
    NationalId("FR", ("9 99 99 99 999 999 99", "9 99 99 99 999 999 / 99"), checks.is_nir),
    NationalId("FR", ("999999999999999", "9999999999999 99"), checks.is_nir,
               ("nir", r"s[eé]curit[eé] sociale", "insee", r"n\W{0,2}\s?ss", "num[eé]ro de s[eé]cu")),
    NationalId("ES", ("99999999A", "99999999-A", "99.999.999-A"), checks.is_dni,
               ("dni", "nif", "d\\.n\\.i\\.?", "n\\.i\\.f\\.?", "documento")),
    NationalId("ES", ("A9999999A", "A-9999999-A"), checks.is_dni, ("nie", "nif", "n\\.i\\.e\\.?")),
    NationalId("IT", ("AAAAAA99A99A999A",), checks.is_codice_fiscale),
    NationalId("NL", ("999999999", "9999.99.999"), checks.is_bsn,
               ("bsn", "burgerservicenummer", "sofinummer", "sofi")),
    NationalId("BE", ("99.99.99-999.99", "99.99.99-999-99"), checks.is_belgian),
    NationalId("BE", ("99999999999",), checks.is_belgian,
               ("rijksregisternummer", r"num[eé]ro national", r"registre national", "insz", "niss")),
    NationalId("PL", ("99999999999",), checks.is_pesel, ("pesel",)),
    NationalId("SE", ("999999-9999", "99999999-9999", "999999+9999"), checks.is_personnummer,
               ("personnummer", r"pers\.?\s?nr", "samordningsnummer", "pnr", "personal number")),
    NationalId("FI", ("999999-999A", "999999-9999", "999999A999A", "999999A9999"), checks.is_hetu,
               ("hetu", r"henkilötunnus", "sotu", "personbeteckning", "personal identity code")),
    NationalId("DK", ("999999-9999", "9999999999"), checks.is_cpr,
               ("cpr", "cpr-?n(?:r|ummer)", "personnummer")),
    NationalId("NO", ("99999999999", "999999 99999"), checks.is_fodselsnummer,
               (r"f(?:ø|oe)dselsnummer", "personnummer", r"f\.?nr", "d-nummer")),
    NationalId("CH", ("999.9999.9999.99",), checks.is_ahv),
    NationalId("PT", ("999999999", "999 999 999"), checks.is_nif, ("nif", "contribuinte")),
    NationalId("RU", ("999-999-999 99", "999-999-999-99"), checks.is_snils),
    NationalId("TR", ("99999999999",), checks.is_tckn,
               ("tckn", r"t\.?c\.?\s?kimlik", "kimlik no", r"tc\s?no")),
    NationalId("IN", ("9999 9999 9999", "999999999999", "9999-9999-9999"),
               lambda number: number[0] not in "01" and has_verhoeff(number),
               ("aadh?aar", "uid", "uidai", "आधार")),
    NationalId("CN", ("999999999999999999", "99999999999999999A"), checks.is_resident_id),
    NationalId("KR", ("999999-9999999",), checks.is_checked_rrn),
    NationalId("KR", ("999999-9999999", "9999999999999"), checks.is_rrn,
               ("주민등록번호", "주민번호", "외국인등록번호", "resident registration n(?:o|umber)")),
    NationalId("JP", ("9999 9999 9999", "999999999999", "9999-9999-9999"), checks.is_my_number,
               ("マイナンバー", "個人番号", "my number")),
    NationalId("HK", ("A999999(9)", "A999999(A)", "AA999999(9)", "AA999999(A)"), checks.is_hkid),
    NationalId("SG", ("A9999999A",), checks.is_nric, ("nric", "fin", r"ic\s?no", "identity card")),
    NationalId("TW", ("A999999999",), checks.is_taiwanese, ("身分證", "身份證", r"id\s?(?:no|number)")),
    NationalId("ZA", ("9999999999999", "999999 9999 999", "999999 9999 99 9"), checks.is_south_african,
               (r"id\s?n(?:o|umber|r)", "identity", "sa id", "identiteitsnommer")),
    NationalId("AU", ("999 999 999", "999999999", "999-999-999"), checks.is_tfn,
               ("tfn", "tax file")),
    NationalId("IL", ("999999999", "99999999-9"), checks.is_teudat_zehut,
               ("teudat zehut", r"ת\.?ז", "תעודת זהות", 'ת"ז')),
)  # fmt: skip

_GAP: Final = r"[^0-9\[\]]{0,24}"
_WINDOW: Final = 64
_WORDS: Final = tuple(compile_words(row.words, _GAP) if row.words else None for row in NATIONAL_IDS)
_ROWS_BY_SHAPE: Final[dict[bytes, list[int]]] = {}
for _place, _row in enumerate(NATIONAL_IDS):
    for _shape in _row.shapes:
        _ROWS_BY_SHAPE.setdefault(_shape.encode("ascii"), []).append(_place)

_SHAPE: Final = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"9" * 10 + b"A" * 26)
_DIGIT_RUN: Final = re2.compile(
    r"[0-9](?:(?: / |[ .\-/+])?[0-9]){7,}(?:-?[A-Z]|[0-9A-Z])?|[0-9]{6}[\-A-FU-Y][0-9]{3}[0-9A-Y]"
)
_LETTERED: Final = re2.compile(
    r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]"
    r"|[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]"
    r"|[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
    r"|[XYZSTFGM]-?[0-9]{7}-?[A-Z]"
    r"|[A-Z]{1,2}[0-9]{6}\([0-9A]\)"
    r"|[A-Z][12][0-9]{8}"
)
#: Licences and passports have as many forms as offices: only their names tell them.
_LABELLED: Final = re2.compile(
    r"(?i)(?:(?:driver'?s?'?|driving) licen[cs]e|passport)(?: (?:number|no\.?|#))?"
    r"(?: is)?[:#]? {0,2}([A-Z]{0,3}[0-9](?:-?[0-9]){5,15}[A-Z]{0,3})"
)
_SEPARATORS: Final = b" .-/+()"
_LONGEST: Final = 40


def find_national_ids(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find identity numbers between two places of a text."""
    found: list[Bounds] = []
    for match in _DIGIT_RUN.finditer(text, start, end):
        found += _judge_run(text, *match.span())
    for match in _LETTERED.finditer(text, start, end):
        if _judge_number(text, *match.span()):
            found.append(match.span())
    for match in _LABELLED.finditer(text, start, end):
        if is_separate_number(text, *match.span(1)):
            found.append(match.span(1))
    return join_spans(found)


def _judge_run(text: bytes, first: int, last: int) -> list[Bounds]:
    """Judge a longest run of digits as one number, or else its parts between spaces."""
    if last - first <= _LONGEST and _judge_number(text, first, last):
        return [(first, last)]
    run, found, place = text[first:last], [], first
    if b" " in run:
        for part in run.split(b" "):
            if len(part) > 7 and _judge_number(text, place, place + len(part)):
                found.append((place, place + len(part)))
            place += len(part) + 1
    return found


def _judge_number(text: bytes, first: int, last: int) -> bool:
    """Tell whether some row of the table accepts this number here."""
    shaped = text[first:last].upper()
    rows = _ROWS_BY_SHAPE.get(shaped.translate(_SHAPE))
    if rows is None or not is_separate_number(text, first, last):
        return False
    number = shaped.translate(None, _SEPARATORS).decode("ascii")
    before = read_before(text, first, _WINDOW, 1)
    for place in rows:
        words = _WORDS[place]
        if (words is None or words.search(before)) and NATIONAL_IDS[place].accept(number):
            return True
    return False
