"""Keys and tokens in a text: those of known forms, and random values named as secrets."""

import base64
import binascii
import json
import math
from collections import Counter
from typing import Final

import re2

from gristmill.cleaning.pii_surroundings import DIGITS, Bounds, is_separate_word, join_spans

# Forms that the issuers publish. No two start alike.
_TOKENS: Final = (
    "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",  # AWS access keys
    "gh[pousr]_[A-Za-z0-9]{36,250}",  # GitHub
    "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    r"glpat-[A-Za-z0-9_\-]{20,64}",  # GitLab
    r"xox[abeprs]-[A-Za-z0-9\-]{20,250}",  # Slack
    r"hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,26}",
    r"AIza[A-Za-z0-9_\-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_\-]{30,500}",
    r"GOCSPX-[A-Za-z0-9_\-]{28}",
    "[rs]k_(?:live|test)_[A-Za-z0-9]{20,250}",  # Stripe
    "whsec_[A-Za-z0-9]{32,64}",
    r"sk-ant-[A-Za-z0-9_\-]{40,200}",  # Anthropic
    r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_\-]{20,100}T3BlbkFJ[A-Za-z0-9_\-]{20,100}",  # OpenAI
    "hf_[A-Za-z0-9]{34}",  # Hugging Face
    "npm_[A-Za-z0-9]{36}",
    r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_\-]{50,500}",
    r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}",  # SendGrid
    "do[por]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}",  # Telegram
    "sq0(?:atp|csp)-[A-Za-z0-9_\\-]{22,43}",  # Square
    "shp(?:at|ca|pa|ss)_[0-9a-f]{32}",  # Shopify
    "AGE-SECRET-KEY-1[0-9A-Z]{58}",
)
# Each is bounded, or else a search that gives up late would be begun again at every hit.
_TOKEN: Final = re2.compile("|".join(_TOKENS))
_WEB_TOKEN: Final = re2.compile(
    r"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{2,}\.[A-Za-z0-9_\-]{16,}"
)
_NAMES: Final = (
    r"(?:api|access|secret|private|auth|account|client|encryption|signing|app)[ _\-]?(?:key|token|secret)"
    r"|secret[ _\-]?access[ _\-]?key|secret|token|bearer|passw(?:or)?d|pwd|credentials?|apikey"
)
_ASSIGNMENT: Final = re2.compile(
    rf"(?i)(?:{_NAMES})(?:['\"]\]?)? {{0,3}}(?::=|=>|=|:) {{0,3}}(?:bearer )?['\"]?"
    r"([A-Za-z0-9+/_\-]{16,}={0,2})"
)
_BEGIN: Final = re2.compile("-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
#: The rest of a key that stands on one line, as in JSON: line breaks are spaces or escapes.
_REST: Final = re2.compile(
    r"(?: ?[A-Za-z0-9+/]{16,}={0,2}|\\[nr])*(?: ?[A-Za-z0-9+/]{0,15}={0,2}(?:\\[nr]| )*"
    "-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?"
)
_KEY_LINE: Final = re2.compile(
    r"[ \t>]{0,8}(?:[A-Za-z0-9+/]{20,100}={0,2}|[A-Za-z0-9+/]{1,76}={1,2}|=[A-Za-z0-9+/]{4}"
    r"|(?:Proc-Type|DEK-Info|Version|Comment|Hash): .{0,80}"
    r"|-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----)[ \t\r]{0,8}"
)
#: Lines of the longest key, 16,384 bits in PEM, and some more.
_MOST_LINES: Final = 300

# Bits a character. Of 16 random characters, hexadecimal ones have about 3.3, others 3.8.
_LEAST_ENTROPY: Final = 3.5
_LEAST_HEX_ENTROPY: Final = 2.9
_HEX: Final = frozenset("0123456789abcdefABCDEF")


def find_secrets(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find keys and tokens between two places of a text; no span holds a line break."""
    found = list(_find_key_blocks(text, start, end))
    for pattern, is_genuine in ((_TOKEN, _is_no_example), (_WEB_TOKEN, _is_web_token)):
        for match in pattern.finditer(text, start, end):
            if is_separate_word(text, *match.span()) and is_genuine(match.group()):
                found.append(match.span())
    for match in _ASSIGNMENT.finditer(text, start, end):
        if is_random(match.group(1).decode("ascii")) and _ends_value(text, match.end(1)):
            found.append(match.span(1))
    return join_spans(found)


def _find_key_blocks(text: bytes, start: int, end: int) -> list[Bounds]:
    """Find the lines of private keys: the first, and those that can belong to a key."""
    found, free = [], start
    for match in _BEGIN.finditer(text, start, end):
        if match.start() < free:
            continue
        rest = _REST.match(text, match.end(), end)
        last = match.end() if rest is None else rest.end()
        found.append((match.start(), last))
        free = last
        for _ in range(_MOST_LINES):
            first = text.find(b"\n", free, free + 10) + 1
            if not first or text[free : first - 1].strip():
                break
            stop = text.find(b"\n", first, first + 140)
            stop = min(end, first + 140) if stop < 0 else stop
            line = text[first:stop]
            if not line.strip(b" \t\r>"):
                free = stop
                continue
            if not _KEY_LINE.fullmatch(line):
                break
            left = first + len(line) - len(line.lstrip(b" \t>"))
            free = first + len(line.rstrip())
            found.append((left, free))
    return found


def _is_no_example(token: bytes) -> bool:
    """Refuse the examples of manuals, and names: a key has digits among its letters."""
    if token.endswith(b"EXAMPLE") or len(set(token[-16:])) < 5:
        return False
    return any(byte in DIGITS for byte in token)


def _is_web_token(token: bytes) -> bool:
    """Tell whether the first part is the header of a JSON web token."""
    header = token.partition(b".")[0]
    if len(header) < 16 or not any(byte in DIGITS for byte in header):
        return False
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "alg" in fields


def _ends_value(text: bytes, end: int) -> bool:
    """Tell whether a value ends here, rather than going on as a path, a call or a name."""
    after = text[end : end + 2]
    return (
        not after
        or after[0] not in b".:(@[]{}$%\\_"
        or (after[:1] == b"." and not after[1:].strip())
    )


def measure_entropy(value: str) -> float:
    """Shannon entropy of the characters of a value, in bits a character."""
    total = len(value)
    return sum(count / total * math.log2(total / count) for count in Counter(value).values())


def is_random(value: str) -> bool:
    """Tell whether a value is more like a random key than like words, a path or a number."""
    value = value.rstrip("=")
    digits = sum(letter.isdigit() for letter in value)
    letters = sum(letter.isalpha() for letter in value)
    if not letters or digits < 2 or value.count("/") > 2:
        return False
    if set(value) <= _HEX:
        return measure_entropy(value) >= _LEAST_HEX_ENTROPY
    if max(map(len, value.replace("_", "-").split("-"))) < 12:
        return False
    return measure_entropy(value) >= _LEAST_ENTROPY
