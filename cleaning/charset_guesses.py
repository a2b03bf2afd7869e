"""The encoding of bytes that declare none: uchardet's guess, and where it is known to err.

The corrections look only at bytes that tell two encodings apart, and leave the guess alone
where nothing speaks against it.
"""

from typing import Final

from resiliparse.parse.encoding import detect_encoding

from gristmill.cleaning.byte_patterns import compile_bytes
from gristmill.cleaning.charset_labels import map_label

DETECT_BYTES: Final = 64 << 10
_PRESCAN_BYTES: Final = 4096
_ASCII: Final = bytes(range(128))
_C1: Final = bytes(range(0x80, 0xA0))
#: Marks and signs, which are the same in most of windows-125x; the rest are letters.
_C1_AND_MARKS: Final = _C1 + bytes((0xA0, 0xA7, 0xA9, 0xAB, 0xAE, 0xB0, 0xB7, 0xBB))
#: Text has no C1 controls, so bytes there mean the Windows encoding of the same letters.
_WINDOWS: Final = {
    "iso8859-2": "cp1250",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-13": "cp1257",
}
_LATIN: Final = "cp1252"
# Greek capital alpha with tonos and the right quotation mark change places.
_GREEK_ISO: Final = compile_bytes(rb"\xb6[\xdc-\xfe]|[\xdc-\xfe]\xa2")
_GREEK_WINDOWS: Final = compile_bytes(rb"(?:^|[^\xc1-\xfe])\xa2[\xdc-\xfe]")
_KANA: Final = compile_bytes(rb"(?:[\xa4\xa5][\xa1-\xf6]){2,}")
#: Shares of the syllables 이 다 는 에 의 을 가 로 하 고 지 기 은 in Korean text add up to 0.2.
_KOREAN: Final = frozenset("이다는에의을가로하고지기은")
_MIN_KOREAN: Final = 0.08
_MIN_HANGUL: Final = 0.6


def guess_charset(payload: bytes) -> str:
    """Guess the encoding from the bytes alone; windows-1252 when nothing speaks for another."""
    head = payload[:DETECT_BYTES]
    if head.count(0) * 8 > len(head):
        return _guess_wide(head)
    if b"\x1b$)C" in head[:_PRESCAN_BYTES]:
        return "iso2022_kr"
    if head.isascii() and b"\x1b$" not in head and b"\x1b(" not in head:
        return "utf-8"
    label = detect_encoding(payload, DETECT_BYTES, False)
    return _correct_guess((map_label(label) if label else None) or _LATIN, head)


def _guess_wide(head: bytes) -> str:
    """Tell UTF-16 and UTF-32 without byte order mark by where their NUL bytes are."""
    nuls = [head[start::4].count(0) for start in range(4)]
    size = 32 if sum(nuls) > 0.6 * len(head) else 16
    # The most significant byte comes first in big-endian text, and is mostly zero.
    return f"utf-{size}-{'be' if nuls[0] > nuls[3] else 'le'}"


def _correct_guess(guess: str, head: bytes) -> str:
    high = head.translate(None, _ASCII)
    if guess == "iso8859-16":  # Romanian; the web never took it up
        guess = "cp1250"
    if guess in _WINDOWS and len(high.translate(None, _C1)) < len(high):
        guess = _WINDOWS[guess] if high.translate(None, _C1_AND_MARKS) else _LATIN
    if guess in ("cp1253", "iso8859-7"):
        return _tell_greek(guess, head, high)
    if guess == _LATIN and len(high) > 4:
        if 2 * sum(map(len, _KANA.findall(high))) > len(high):
            return "euc_jp"
        if 4 * len(high) > len(head) and _is_johab(head):
            return "johab"
    return guess


def _tell_greek(guess: str, head: bytes, high: bytes) -> str:
    if len(high.translate(None, _C1)) < len(high):
        return "cp1253"
    iso, windows = len(_GREEK_ISO.findall(head)), len(_GREEK_WINDOWS.findall(head))
    if iso == windows:
        return guess
    return "iso8859-7" if iso > windows else "cp1253"


def _is_johab(head: bytes) -> bool:
    """Say whether bytes are Korean in Johab, which uchardet does not know."""
    letters = [char for char in head.decode("johab", "replace") if char > "\x7f"]
    hangul = sum("\uac00" <= char <= "\ud7a3" for char in letters)
    common = sum(char in _KOREAN for char in letters)
    return hangul > _MIN_HANGUL * len(letters) and common > _MIN_KOREAN * len(letters)
