r"""Read n-gram models in ARPA format: ``\data\``, counts, one section per order, ``\end\``.

The file is untrusted and may be gigabytes: it is read in pieces, parsed by a kernel that
keeps nothing but keys and numbers, and refused with its line where it is malformed.
"""

import re
from pathlib import Path
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.bounded_streams import StreamError, open_decoded
from gristmill.cleaning.perplexity_tables import (
    MAX_ORDER,
    MISSING_UNKNOWN,
    NgramTable,
    extend_key,
    find_key,
    hash_word,
    insert_key,
    new_table,
)
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.errors import InputError

#: Caps on a file: decoded bytes, n-grams and bytes of a line.
MAX_FILE_BYTES: Final = 1 << 40
MAX_NGRAMS: Final = 1 << 32
MAX_LINE_BYTES: Final = 1 << 16
#: KenLM's binary formats begin so.
BINARY_MAGIC: Final = b"mmap lm http://kheafield.com/code"

_READ_BYTES: Final = 4 << 20
_COUNT: Final = re.compile(rb"ngram +(\d{1,2}) *= *(\d{1,12})")

# What the kernel found.
_MORE: Final = 0
_SECTION_END: Final = 1
_BAD_NUMBER: Final = 2
_BAD_WORDS: Final = 3
_DUPLICATE: Final = 4
_POSITIVE: Final = 5
_ORPHAN: Final = 6
_TOO_MANY: Final = 7
_FAULTS: Final = {
    _BAD_NUMBER: "has no number where one belongs",
    _BAD_WORDS: "has fewer words than its section's order",
    _DUPLICATE: "stands twice, or shares its hash with another n-gram",
    _POSITIVE: "has a log-probability over 0",
    _ORPHAN: "has a first word or an ending that the sections before do not have",
    _TOO_MANY: "is more than the header counts",
}


@numba.njit(cache=True, nogil=True, forceinline=True)
def _is_gap(byte: int) -> bool:
    return byte == 32 or byte == 9 or byte == 13


@numba.njit(cache=True, nogil=True)
def _skip_gap(data: Bytes, position: int, end: int) -> int:
    while position < end and _is_gap(data[position]):
        position += 1
    return position


@numba.njit(cache=True, nogil=True)
def _read_digits(data: Bytes, position: int, end: int) -> tuple[int, np.int64, int]:
    """Read decimal digits, at most 17 that count; returns (after them, value, read)."""
    value, count = np.int64(0), 0
    while position < end and 48 <= data[position] <= 57:
        if count < 17:
            value = value * 10 + (data[position] - 48)
        count += 1
        position += 1
    return position, value, count


@numba.njit(cache=True, nogil=True)
def _read_number(data: Bytes, start: int, end: int) -> tuple[int, float]:
    """Read a decimal number; returns (byte after it, value), or (-1, 0) if there is none.

    Up to 15 digits with an exponent up to 22 come out as the nearest float64.
    """
    position = start
    negative = position < end and data[position] == 45
    position += negative or (position < end and data[position] == 43)
    position, whole, count = _read_digits(data, position, end)
    value, digits, power = np.float64(whole), count, max(0, count - 17)
    if position < end and data[position] == 46:
        after, part, more = _read_digits(data, position + 1, end)
        used = min(more, 17 - min(17, count))
        for _ in range(min(more, 17) - used):
            part //= 10
        for _ in range(used):
            value *= 10.0
        value += part
        power -= used
        digits += more
        position = after
    if digits == 0:
        return -1, 0.0
    if position < end and (data[position] == 101 or data[position] == 69):
        sign = position + 1 < end and data[position + 1] == 45
        skip = sign or (position + 1 < end and data[position + 1] == 43)
        after, exponent, read = _read_digits(data, position + 1 + skip, end)
        if read == 0 or read > 4:
            return -1, 0.0
        power += -exponent if sign else exponent
        position = after
    value = value / 10.0**-power if power < 0 else value * 10.0**power
    return position, -value if negative else value


@numba.njit(cache=True, nogil=True)
def _store_ngram(
    words: npt.NDArray[np.uint64], log_prob: float, backoff: float, table: NgramTable
) -> int:
    """Store an n-gram whose first word and whose endings are there; else it is a fault."""
    order = words.size
    key = words[order - 1]
    for index in range(order - 2, -1, -1):
        if find_key(table.keys, key) < 0:
            return _ORPHAN
        key = extend_key(key, words[index])
    if order > 1 and find_key(table.keys, words[0]) < 0:
        return _ORPHAN
    return _MORE if insert_key(table, key, log_prob, backoff) else _DUPLICATE


@numba.njit(cache=True, nogil=True)
def _store_line(data: Bytes, start: int, end: int, order: int, table: NgramTable) -> int:
    """Parse and store one n-gram; returns `_MORE` or a fault."""
    position, log_prob = _read_number(data, start, end)
    if position < 0 or position >= end or not _is_gap(data[position]):
        return _BAD_NUMBER
    if log_prob > 0.0:
        return _POSITIVE
    words = np.empty(MAX_ORDER, np.uint64)
    count = 0
    position = _skip_gap(data, position, end)
    while count < order and position < end:
        first = position
        while position < end and not _is_gap(data[position]):
            position += 1
        words[count] = hash_word(data, first, position)
        count += 1
        position = _skip_gap(data, position, end)
    if count < order:
        return _BAD_WORDS
    backoff = 0.0
    if position < end:
        position, backoff = _read_number(data, position, end)
        if position < 0 or _skip_gap(data, position, end) < end:
            return _BAD_NUMBER
    found: int = _store_ngram(words[:order], log_prob, backoff, table)
    return found


@numba.njit(cache=True, nogil=True)
def _store_lines(data: Bytes, order: int, left: int, table: NgramTable) -> tuple[int, int, int]:
    """Store the n-grams of whole lines up to the end of the section.

    Returns:
        (what ended it, lines stored, byte after the last of them).
    """
    position, stored = 0, 0
    while position < data.size:
        end = position
        while data[end] != 10:
            end += 1
        after = _skip_gap(data, position, end)
        if after == end or data[position] == 92:
            return _SECTION_END, stored, position
        if stored == left:
            return _TOO_MANY, stored, position
        fault = _store_line(data, after, end, order, table)
        if fault:
            return fault, stored, position
        position = end + 1
        stored += 1
    return _MORE, stored, position


class _ArpaFile:
    """A model file as it is read: whole lines in a buffer, and where they stand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = path.open("rb")
        self._decoded = open_decoded(self._stream, max_bytes=MAX_FILE_BYTES)
        self.line = 1
        self.buffer = b""
        self._rest = b""

    def close(self) -> None:
        self._stream.close()

    def fail(self, what: str) -> InputError:
        return InputError(f"{self._path}, line {self.line}: {what}; is it an ARPA model?")

    def fill(self) -> bool:
        """Make the buffer hold at least one whole line; False at the end of the file."""
        while not self.buffer:
            try:
                chunk = self._decoded.read(_READ_BYTES)
            except StreamError as error:
                raise InputError(f"{self._path}: {error}") from error
            if not chunk:
                # A last line without its end still counts.
                self.buffer, self._rest = self._rest + b"\n" if self._rest else b"", b""
                return bool(self.buffer)
            whole, found, rest = chunk.rpartition(b"\n")
            self.buffer, self._rest = (
                (self._rest + whole + found, rest) if found else (b"", self._rest + rest)
            )
            if len(self._rest) > MAX_LINE_BYTES:
                raise self.fail(f"line of over {MAX_LINE_BYTES} bytes")
        return True

    def read_line(self) -> bytes:
        """Read the next line that is not blank; empty at the end of the file."""
        while self.fill():
            line, _, self.buffer = self.buffer.partition(b"\n")
            self.line += 1
            if line := line.strip():
                return line
        return b""


def _read_counts(file: _ArpaFile) -> list[int]:
    """Read the header; returns the counts of n-grams by order."""
    while (line := file.read_line()) != b"\\data\\":
        if not line or line.startswith(b"\\") or file.line > 1000:
            raise file.fail("the header \\data\\ is missing")
    counts: list[int] = []
    while match := _COUNT.fullmatch(line := file.read_line()):
        if int(match[1]) != len(counts) + 1 or len(counts) == MAX_ORDER:
            raise file.fail(f"order {int(match[1])} follows {len(counts)}, of at most {MAX_ORDER}")
        counts.append(int(match[2]))
    if not counts or not 0 < sum(counts) <= MAX_NGRAMS:
        raise file.fail(f"the header counts {sum(counts)} n-grams")
    if line != b"\\1-grams:":
        raise file.fail("\\1-grams: is missing")
    return counts


def _read_section(file: _ArpaFile, order: int, count: int, table: NgramTable) -> None:
    """Read the n-grams of one order, after the line that names it."""
    left = count
    while file.fill():
        data = np.frombuffer(file.buffer, np.uint8)
        found, stored, end = _store_lines(data, order, left, table)
        file.line += stored
        left -= stored
        file.buffer = file.buffer[end:]
        if found == _SECTION_END:
            break
        if found != _MORE:
            raise file.fail(f"the {order}-gram {_FAULTS[found]}")
    if left:
        raise file.fail(f"{left} of {count} {order}-grams are missing")


def _add_unknown(table: NgramTable) -> None:
    insert_key(table, table.specials[2], MISSING_UNKNOWN, 0.0)


def read_arpa(path: Path) -> tuple[NgramTable, int]:
    """Read a model.

    Args:
        path: ARPA text, plain or as gz, bz2, xz or zst.

    Returns:
        (its n-grams, order of the longest).

    Raises:
        InputError: the file is missing, damaged, no ARPA model, or lacks ``<s>`` or
            ``</s>``; names the line.
    """
    try:
        file = _ArpaFile(path)
    except OSError as error:
        raise InputError(f"language model {path}: {error.strerror}") from error
    try:
        counts = _read_counts(file)
        # Every n-gram takes four bytes of text: a header cannot ask for more memory than that.
        compressed_share = 100 if path.suffix in (".gz", ".bz2", ".xz", ".zst") else 1
        if sum(counts) > compressed_share * path.stat().st_size // 4:
            raise file.fail(f"the header counts {sum(counts)} n-grams, more than the file can hold")
        table = new_table(sum(counts) + 1)
        for order, count in enumerate(counts, 1):
            _read_section(file, order, count, table)
            wanted = b"\\%d-grams:" % (order + 1) if order < len(counts) else b"\\end\\"
            if file.read_line() != wanted:
                raise file.fail(f"{wanted.decode()} is missing")
    finally:
        file.close()
    for name, key in zip(("<s>", "</s>"), table.specials, strict=False):
        if find_key(table.keys, key) < 0:
            raise InputError(f"{path}: the model has no word {name}, so no line can be scored")
    _add_unknown(table)
    return table, len(counts)


# kernels of: 9504fd61f2432e3d
