"""Check digits of card, account and identity numbers.

Each function takes a number as its digits say it, without separators, and tells whether
its check digits fit. All are published by who issues the numbers, or by ISO 7064.
"""

import datetime
from collections.abc import Sequence
from typing import Final

_VERHOEFF_PRODUCT: Final = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_PERMUTATION: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)

#: A is 10, Z is 35.
_LETTER_VALUES: Final = {ord("A") + place: str(10 + place) for place in range(26)}
_LUHN_DOUBLES: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def has_luhn(digits: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1), the last one."""
    doubled = sum(_LUHN_DOUBLES[int(digit)] for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + doubled) % 10 == 0


def has_mod_97(digits: str) -> bool:
    """Check an IBAN (ISO 13616, ISO 7064 MOD 97-10), in capitals."""
    return int((digits[4:] + digits[:4]).translate(_LETTER_VALUES)) % 97 == 1


def has_verhoeff(digits: str) -> bool:
    """Check the Verhoeff digit, the last one."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_PRODUCT[check][int(_VERHOEFF_PERMUTATION[place % 8][int(digit)])])
    return check == 0


def has_mod_11_10(digits: str) -> bool:
    """Check the last digit by ISO 7064 MOD 11,10, a recursive sum."""
    check = 10
    for digit in digits[:-1]:
        check = (check + int(digit)) % 10 or 10
        check = check * 2 % 11
    return (check + int(digits[-1])) % 10 == 1


def sum_weighted(digits: str, weights: Sequence[int]) -> int:
    """Sum the products of digits and weights, as far as the weights go."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """Tell whether a calendar has this day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def is_short_date(digits: str) -> bool:
    """Tell whether ``yymmdd`` is a day of some century; leap days count in any year."""
    return is_date(2000, int(digits[2:4]), int(digits[4:6]))
