"""Bank accounts (IBAN) and payment cards in a text, by length, issuer and check digits."""

from typing import Final

import re2

from gristmill.cleaning.pii_checksums import has_luhn, has_mod_97
from gristmill.cleaning.pii_surroundings import (
    Bounds,
    compile_words,
    is_separate_number,
    is_separate_word,
    read_before,
)

#: Characters of an IBAN by country (SWIFT's IBAN registry).
IBAN_LENGTHS: Final[dict[str, int]] = {
    country: int(length)
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_IBAN: Final = re2.compile("[A-Za-z]{2}[0-9]{2}(?: ?[0-9A-Za-z]{4}){2,7}(?: ?[0-9A-Za-z]{1,4})?")

# Length by first digits, each a range that both ends belong to (ISO/IEC 7812 ranges as the
# networks publish them).
_ISSUERS: Final = (
    ("1800", "1800", (15,)),  # JCB
    ("2131", "2131", (15,)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("2221", "2720", (16,)),  # Mastercard
    ("300", "305", (14, 16, 17, 18, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 17, 18, 19)),
    ("34", "34", (15,)),  # American Express
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("36", "36", (14, 15, 16, 17, 18, 19)),  # Diners Club
    ("37", "37", (15,)),  # American Express
    ("38", "39", (14, 16, 17, 18, 19)),  # Diners Club
    ("4", "4", (13, 16, 19)),  # Visa
    ("50", "50", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("51", "55", (16,)),  # Mastercard
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("60", "60", (16, 17, 18, 19)),  # Discover, RuPay
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("63", "63", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("644", "649", (16, 17, 18, 19)),  # Discover
    ("65", "65", (16, 17, 18, 19)),
    ("67", "67", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("81", "82", (16,)),  # RuPay
)
_DIGIT_RUN: Final = re2.compile("[0-9](?:[ \\-]?[0-9]){11,}")
#: As cards print them; and as one number, which needs a word that says what it is.
_GROUPED: Final = re2.compile(
    "(?:[0-9]{4} [0-9]{4} [0-9]{4} [0-9]{4}(?: [0-9]{3})?"
    "|[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}(?:-[0-9]{3})?"
    "|[0-9]{4} [0-9]{6} [0-9]{4,5}|[0-9]{4}-[0-9]{6}-[0-9]{4,5})"
)
_WHOLE: Final = re2.compile("[0-9]{12,19}")
_CARD_WORDS: Final = compile_words(
    (
        "cards?", "cc", "ccn", "credit", "debit", "visa", "mastercard", "maestro", "amex",
        "american express", "discover", "diners", "jcb", "unionpay", "pan", "kreditkarten?",
        "kreditkartennummer", "karten?nummer", "carte", "tarjeta", "carta", "cart[aã]o", "kort",
        "kortnummer", "karta", "карт[аыу]", "銀行卡", "银行卡", "信用卡", "カード番号", "카드번호",
    ),
    r"[^0-9]{0,40}",
)  # fmt: skip
_CARD_WINDOW: Final = 80


def find_ibans(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find account numbers whose country, length and check digits fit."""
    found = []
    for match in _IBAN.finditer(text, start, end):
        first, last = match.span()
        country = text[first : first + 2].decode("ascii").upper()
        length = IBAN_LENGTHS.get(country)
        if length is None:
            continue
        last = _skip_characters(text, first, last, length)
        number = text[first:last].decode("ascii")
        if " " in number and number != number.upper():
            continue
        number = number.replace(" ", "").upper()
        if len(number) == length and is_separate_word(text, first, last) and has_mod_97(number):
            found.append((first, last))
    return found


def _skip_characters(text: bytes, start: int, end: int, count: int) -> int:
    """Find where so many characters that are no spaces end."""
    for place in range(start, end):
        count -= text[place] != 0x20
        if not count:
            return place + 1
    return end


def find_cards(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find card numbers whose issuer, length, grouping and check digit fit."""
    found = []
    for match in _DIGIT_RUN.finditer(text, start, end):
        first, last = match.span()
        grouped = _GROUPED.match(text, first, last)
        card = grouped or _WHOLE.match(text, first, last)
        if card is None or not is_separate_number(text, *card.span()):
            continue
        digits = card.group().replace(b" ", b"").replace(b"-", b"").decode("ascii")
        if not (_is_issued(digits) and has_luhn(digits)):
            continue
        if grouped or _CARD_WORDS.search(read_before(text, first, _CARD_WINDOW, 1)):
            found.append(card.span())
    return found


def _is_issued(digits: str) -> bool:
    """Tell whether an issuer gives numbers that start so and are so long."""
    return any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _ISSUERS
    )
