"""Addresses of Bitcoin and Ethereum wallets in a text, by alphabet, length and checksum."""

import hashlib
from typing import Final

import re2

from gristmill.cleaning.pii_surroundings import Bounds, is_separate_word

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
#: The remainder of a valid address: BIP 173 and, since version 1, BIP 350.
_BECH32_REMAINDERS: Final = (1, 0x2BC830A3)
_WALLET: Final = re2.compile(
    "bc1[02-9ac-hj-np-z]{39,59}|0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34}"
)


def find_wallets(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find wallet addresses between two places of a text."""
    spans = (match.span() for match in _WALLET.finditer(text, start, end))
    return [span for span in spans if is_separate_word(text, *span) and _is_wallet(text, *span)]


def _is_wallet(text: bytes, start: int, end: int) -> bool:
    address = text[start:end].decode("ascii")
    if address.startswith("0x"):
        return len(set(address[2:])) > 4
    return _has_bech32(address) if address.startswith("bc1") else _has_base58(address)


def _has_bech32(address: str) -> bool:
    """Check the remainder of the polynomial of BIP 173."""
    values = [3, 3, 0, 2, 3, *map(_BECH32.index, address[3:])]  # 3, 3, 0, 2, 3 spell "bc"
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, step in enumerate(_BECH32_STEPS):
            if top >> bit & 1:
                remainder ^= step
    return remainder in _BECH32_REMAINDERS


def _has_base58(address: str) -> bool:
    """Check the last four of 25 bytes: they start SHA-256 of SHA-256 of the rest."""
    value = 0
    for sign in address:
        value = value * 58 + _BASE58.index(sign)
    if value >= 1 << 200:
        return False
    payload = value.to_bytes(25, "big")
    digest = hashlib.sha256(hashlib.sha256(payload[:21]).digest()).digest()
    return payload[0] in (0, 5) and digest[:4] == payload[21:]
