"""E-mail and public IP addresses in a text.

Addresses in private, reserved and documentation ranges identify nobody and are kept.
IPv6 is sought among global unicast addresses (2000::/3, RFC 4291) only, since
``a::b`` is code more often than an address.
"""

import ipaddress
from typing import Final

import re2

from gristmill.cleaning.pii_surroundings import (
    DIGITS,
    WORD_BYTES,
    Bounds,
    read_after,
    read_before,
)

# RFC 5322 dot-atoms without their rare symbols; letters of the scripts that addresses use.
_LETTERS: Final = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9"
_EMAIL: Final = re2.compile(
    rf"[{_LETTERS}][{_LETTERS}._%+'\-]*@[{_LETTERS}\-]+(?:\.[{_LETTERS}\-]+)*"
    r"\.[\p{Latin}\p{Greek}\p{Cyrillic}]{2,}"
)
#: A longest run of numbers and dots; it is an address if it has four parts.
_IPV4: Final = re2.compile(r"[0-9]+(?:\.[0-9]+)+")
_IPV6: Final = re2.compile(
    r"[23][0-9A-Fa-f]{3}(?:(?::[0-9A-Fa-f]{1,4}){7}"
    r"|(?::[0-9A-Fa-f]{1,4}){0,6}::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)"
)


def _read_networks(names: str) -> tuple[tuple[int, int], ...]:
    """Turn networks into (first bits, how many)."""
    networks = map(ipaddress.ip_network, names.split())
    return tuple(
        (
            int(network.network_address) >> network.max_prefixlen - network.prefixlen,
            network.prefixlen,
        )
        for network in networks
    )


# Blocks that are not globally reachable, by IANA's registries of special-purpose addresses.
# The interpreter's own tables differ from one of its releases to the next.
_SPECIAL_IPV4: Final = _read_networks(
    "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24"
)
_SPECIAL_OCTETS: Final = frozenset(network >> bits - 8 for network, bits in _SPECIAL_IPV4)
_SPECIAL_IPV6: Final = _read_networks("2001::/23 2001:db8::/32 2002::/16 3fff::/20")

#: Of addresses drawn at random, one in a thousand has no more than six digits.
_LONGEST_VERSION: Final = 9
_WINDOW: Final = 48
_VERSION: Final = re2.compile(
    r"(?:[A-Za-z0-9_][/\-]|(?i:\b(?:sections?|sec|chapter|version|ver|vers|release|rev|revision"
    r"|firmware|build|oid|v|table|figure|step)(?:[ .:]|\x{A0}){0,3})|\x{A7}[ \x{A0}]?)$"
)
_NETWORK: Final = (
    r"(?:ips?|ipv4|dns|nameservers?|address(?:es)?|servers?|hosts?|hostname|ping|proxy|proxies"
    r"|gateway|router|resolvers?|netmask|subnet|traceroute|client_ip|vpn|from|via)"
)
_NETWORK_BEFORE: Final = re2.compile(rf"(?i)\b{_NETWORK}\b[^\n]*$|(?://|@)$")
_NETWORK_AFTER: Final = re2.compile(rf"(?i)^(?:[:/][0-9]{{1,5}}|.*\b{_NETWORK}\b)")
#: Public resolvers, which nobody takes for versions.
_KNOWN_SERVERS: Final = frozenset((b"8.8.8.8", b"8.8.4.4", b"9.9.9.9"))

_HEX_OR_COLON: Final = frozenset(b"0123456789ABCDEFabcdef:")


def find_emails(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find e-mail addresses between two places of a text."""
    return [match.span() for match in _EMAIL.finditer(text, start, end)]


def find_ipv4(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find public IPv4 addresses between two places of a text."""
    spans = (match.span() for match in _IPV4.finditer(text, start, end))
    return [span for span in spans if _is_ipv4(text, *span)]


def find_ipv6(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find public IPv6 addresses between two places of a text."""
    spans = (match.span() for match in _IPV6.finditer(text, start, end))
    return [span for span in spans if _is_ipv6(text, *span)]


def _is_ipv4(text: bytes, start: int, end: int) -> bool:
    """Check four octets of a public address that no letter, digit or dot extends."""
    before = text[start - 1 : start]
    if before and (before[0] in WORD_BYTES or before in b".%"):
        return False
    if end < len(text) and text[end] in WORD_BYTES:
        return False
    parts = text[start:end].split(b".", 4)
    if len(parts) != 4 or max(map(len, parts)) > 3:
        return False
    return _is_public_ipv4(parts) and not _is_version(text, start, end)


def _is_version(text: bytes, start: int, end: int) -> bool:
    """Tell whether four numbers are a version or the number of a section.

    Few addresses have so few digits; if one has, its surroundings say that it is one.
    """
    before = read_before(text, start, _WINDOW, 1)
    if _VERSION.search(before):
        return True
    if end - start > _LONGEST_VERSION or text[start:end] in _KNOWN_SERVERS:
        return False
    after = read_after(text, end, _WINDOW)
    return not (_NETWORK_BEFORE.search(before) or _NETWORK_AFTER.search(after))


def _is_ipv6(text: bytes, start: int, end: int) -> bool:
    """Check a public address that no letter, digit, dot, colon or group extends."""
    before, after = text[start - 1 : start], text[end : end + 2]
    if before and (before[0] in WORD_BYTES or before in b".:"):
        return False
    if after and after[0] in WORD_BYTES:
        return False
    if after[:1] == b"." and after[1:] and after[1] in DIGITS:
        return False
    if after[:1] == b":" and after[1:] and after[1] in _HEX_OR_COLON:
        return False
    return _is_public_ipv6(text[start:end])


def _is_public_ipv4(parts: list[bytes]) -> bool:
    """Tell whether four numbers are an address that anybody can reach."""
    if any(len(part) > 1 and part[0] == 0x30 for part in parts):
        return False
    octets = [int(part) for part in parts]
    if max(octets) > 255 or not 0 < octets[0] < 224:
        return False
    if octets[0] not in _SPECIAL_OCTETS:
        return True
    value = octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]
    return not any(value >> 32 - bits == network for network, bits in _SPECIAL_IPV4)


def _is_public_ipv6(address: bytes) -> bool:
    """Tell whether this is an address, and one that anybody can reach."""
    try:
        value = int(ipaddress.IPv6Address(address.decode("ascii")))
    except ValueError:
        return False
    return not any(value >> 128 - bits == network for network, bits in _SPECIAL_IPV6)
