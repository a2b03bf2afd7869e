"""What makes a national identity number valid: dates, ranges and check digits by country.

Every function takes a number without separators, letters as capitals, of the right shape.
"""

from typing import Final

from gristmill.cleaning.pii_checksums import (
    has_luhn,
    has_mod_11_10,
    is_date,
    is_short_date,
    sum_weighted,
)

# What a sign at an odd place counts for: digits, and the same for A to J, then K to Z.
_FISCAL_DIGITS: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_FISCAL_LETTERS: Final = (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_FISCAL_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (*_FISCAL_DIGITS, *_FISCAL_DIGITS, *_FISCAL_LETTERS),
        strict=True,
    )
)
_FISCAL_MONTHS: Final = "ABCDEHLMPRST"
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_SIGNS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CURP_SIGNS: Final = "0123456789ABCDEFGHIJKLMN\u00d1OPQRSTUVWXYZ"
_TAIWAN_PLACES: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
# The first two digits of a region's code (GB/T 2260).
_CHINA_PROVINCES: Final = frozenset(
    map(str, [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55)])
) | frozenset(map(str, [*range(61, 66), 71, 81, 82, 83]))


def is_ssn(number: str) -> bool:
    """United States: social security and taxpayer numbers have no check digit."""
    area, group, serial = number[:3], number[3:5], number[5:]
    if area in ("000", "666") or group == "00" or serial == "0000":
        return False
    return area < "900" or "50" <= group <= "99"


def is_sin(number: str) -> bool:
    """Canada: Luhn; 0 and 8 start no number of a person."""
    return number[0] not in "08" and has_luhn(number)


def is_curp(number: str) -> bool:
    """Mexico: birth date, and a check digit over the letters' places."""
    total = sum(
        _CURP_SIGNS.index(sign) * weight
        for sign, weight in zip(number[:17], range(18, 1, -1), strict=True)
    )
    return is_short_date(number[4:10]) and number[17] == str(-total % 10)


def is_cpf(number: str) -> bool:
    """Brazil, a person: two check digits; all the same digit is no number."""
    if len(set(number)) == 1:
        return False
    first = sum_weighted(number, range(10, 1, -1)) * 10 % 11 % 10
    second = sum_weighted(number, range(11, 1, -1)) * 10 % 11 % 10
    return number[9:] == f"{first}{second}"


def is_cnpj(number: str) -> bool:
    """Brazil, a business, often of one person: two check digits."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = sum_weighted(number[:12], weights[1:]) * 10 % 11 % 10
    second = sum_weighted(number[:13], weights) * 10 % 11 % 10
    return len(set(number)) > 1 and number[12:] == f"{first}{second}"


def is_rut(number: str) -> bool:
    """Chile: weights 2 to 7 from the right, remainder 10 is a K."""
    body = number[:-1][::-1]
    check = -sum_weighted(body, (2, 3, 4, 5, 6, 7, 2, 3)) % 11
    return number[-1] == ("K" if check == 10 else "0" if check == 11 else str(check))


def is_nino(number: str) -> bool:
    """United Kingdom: prefixes that are given out; no check digit."""
    return number[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def is_steuer_id(number: str) -> bool:
    """Germany: one of the first ten digits comes twice or three times; ISO 7064 MOD 11,10."""
    counts = sorted(number[:10].count(digit) for digit in set(number[:10]))
    return number[0] != "0" and counts[-1] in (2, 3) and counts[-2] == 1 and has_mod_11_10(number)


def is_nir(number: str) -> bool:
    """France: sex, month, and 97 less the remainder of the rest."""
    month = int(number[3:5])
    if number[0] not in "1278" or not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    return 97 - int(number[:13]) % 97 == int(number[13:])


def is_dni(number: str) -> bool:
    """Spain: the letter is the number modulo 23; residents' X, Y, Z stand for 0, 1, 2."""
    value = int(number[:-1].translate({88: "0", 89: "1", 90: "2"}))
    return number[-1] == _DNI_LETTERS[value % 23]


def is_codice_fiscale(number: str) -> bool:
    """Italy: month letter, day, and a check letter over odd and even places."""
    day = int(number[9:11])
    if number[8] not in _FISCAL_MONTHS or not (1 <= day <= 31 or 41 <= day <= 71):
        return False
    odd = sum(_FISCAL_ODD[sign] for sign in number[0:15:2])
    even = sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in number[1:15:2])
    return number[15] == chr(65 + (odd + even) % 26)


def is_bsn(number: str) -> bool:
    """The Netherlands: weights 9 to 2, and -1 for the last digit, modulo 11."""
    return int(number) > 0 and sum_weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def is_belgian(number: str) -> bool:
    """Belgium: birth date, and 97 less the remainder; births since 2000 put a 2 in front."""
    month = int(number[2:4])
    if month > 12 or int(number[4:6]) > 31:
        return False
    checks = (97 - int(century + number[:9]) % 97 for century in ("", "2"))
    return int(number[9:]) in checks


def is_pesel(number: str) -> bool:
    """Poland: birth date, with the century in the month; weights 1, 3, 7, 9."""
    month = str(int(number[2:4]) % 20).zfill(2)
    if not is_short_date(number[:2] + month + number[4:6]):
        return False
    return sum_weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def is_personnummer(number: str) -> bool:
    """Sweden: birth date (a coordination number adds 60 to the day), and Luhn."""
    short = number[-10:]
    day = int(short[4:6]) % 60
    return is_short_date(short[:4] + str(day).zfill(2)) and has_luhn(short)


def is_hetu(number: str) -> bool:
    """Finland: birth date, and the remainder by 31 as a letter."""
    if not is_short_date(number[4:6] + number[2:4] + number[:2]):
        return False
    return number[-1] == _HETU_SIGNS[int(number[:6] + number[-4:-1]) % 31]


def is_cpr(number: str) -> bool:
    """Denmark: birth date; numbers given since 2007 need no check digit."""
    return is_short_date(number[4:6] + number[2:4] + number[:2])


def is_fodselsnummer(number: str) -> bool:
    """Norway: birth date (D-numbers add 40 to the day), and two check digits modulo 11."""
    day = str(int(number[:2]) % 40).zfill(2)
    if not is_short_date(number[4:6] + number[2:4] + day):
        return False
    first = sum_weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    return first == 0 and sum_weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_ahv(number: str) -> bool:
    """Switzerland: the check digit of EAN-13."""
    return sum_weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def is_nif(number: str) -> bool:
    """Portugal: weights 9 to 2, modulo 11."""
    check = -sum_weighted(number, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return number[0] in "123" and int(number[8]) == (0 if check == 10 else check)


def is_snils(number: str) -> bool:
    """Russia: weights 9 to 1, modulo 101; 100 counts as 0."""
    return sum_weighted(number, range(9, 0, -1)) % 101 % 100 == int(number[9:])


def is_tckn(number: str) -> bool:
    """Turkey: two check digits, over odd and even places and over all."""
    digits = [int(digit) for digit in number]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] > 0 and digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_resident_id(number: str) -> bool:
    """China: province, birth date, and ISO 7064 MOD 11-2."""
    if number[:2] not in _CHINA_PROVINCES or not "1900" <= number[6:10] <= "2099":
        return False
    if not is_date(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum_weighted(number[:17], weights) % 11] == number[17]


def is_rrn(number: str) -> bool:
    """Korea: birth date and sex. Numbers given since October 2020 have no check digit."""
    return is_short_date(number[:6]) and number[6] in "12345678"


def is_checked_rrn(number: str) -> bool:
    """Korea, before October 2020: weights 2 to 9 and 2 to 5, modulo 11."""
    total = sum_weighted(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return is_rrn(number) and int(number[12]) == (11 - total % 11) % 10


def is_my_number(number: str) -> bool:
    """Japan: weights 6 to 2 and 7 to 2, modulo 11."""
    remainder = sum_weighted(number, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return int(number[11]) == (0 if remainder <= 1 else 11 - remainder)


def is_hkid(number: str) -> bool:
    """Hong Kong: letters from 10, a missing first one 36; weights 9 to 1 modulo 11."""
    signs = [36 if sign == " " else int(sign, 36) for sign in number.rjust(9)]
    return sum(sign * weight for sign, weight in zip(signs, range(9, 0, -1), strict=True)) % 11 == 0


def is_nric(number: str) -> bool:
    """Singapore: weights 2, 7, 6, 5, 4, 3, 2; 4 more since 2000; letters by prefix."""
    total = sum_weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2))
    total += 4 if number[0] in "TG" else 3 if number[0] == "M" else 0
    letters = {"S": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
    family = {"T": "S", "G": "F"}.get(number[0], number[0])
    remainder = total % 11
    return number[8] == letters[family][10 - remainder if family == "M" else remainder]


def is_taiwanese(number: str) -> bool:
    """Taiwan: the letter stands for a place from 10; weights modulo 10."""
    place = _TAIWAN_PLACES.index(number[0]) + 10
    total = place // 10 + place % 10 * 9 + sum_weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return total % 10 == 0


def is_south_african(number: str) -> bool:
    """South Africa: birth date, citizenship, and Luhn."""
    return is_short_date(number[:6]) and number[10] in "012" and has_luhn(number)


def is_tfn(number: str) -> bool:
    """Australia: weights modulo 11."""
    return int(number) > 0 and sum_weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def is_teudat_zehut(number: str) -> bool:
    """Israel: Luhn."""
    return int(number) > 0 and has_luhn(number)
