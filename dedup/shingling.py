"""Shingles: the runs of words by which texts are compared.

A shingle is ``words_per_shingle`` consecutive words of the normalised text
(`gristmill.dedup.text_folding`), kept as a 64-bit hash. Words are hashed once and
combined: with word hashes w and a fixed odd K, prefixes are
``P[i] = P[i-1] * K + w[i]`` and the shingle that ends at word i is
``mix(P[i] - P[i-n] * K**n)``, all modulo 2**64; `mix` is the finaliser of MurmurHash3.

Digits are folded into ``0`` (FineWeb) where candidates are searched, so that pages that
differ in dates and counters meet. Where it is decided whether one of them may go,
digits count as they are written (``fold_digits=False``): tables, listings and function
calls that differ in nothing but their numbers are different documents.

The hashes are fast, public and not cryptographic. Two shingles collide by chance
with probability 2**-64; whether whole texts are equal is decided by `dedup_ids`, a
cryptographic hash, so that nobody can craft a text that passes for another one.
"""

import hashlib
import itertools
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.radix_sort import sort_distinct
from gristmill.dedup.text_folding import TextBytes, normalize_texts
from gristmill.schemas.identity import ID_BYTES

#: FineWeb (arXiv:2406.17557) compares runs of five words.
WORDS_PER_SHINGLE: Final = 5

#: Marin compares the first half million characters of a text; more does not change verdicts.
MAX_TEXT_CHARS: Final = 500_000

#: Names the hash of words and shingles wherever shingles are recorded.
SHINGLE_HASH: Final = "packed-murmur64-polynomial"

# Odd constants with balanced bits: 2**64 / golden ratio, and the two of MurmurHash3's fmix64.
_SEED = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
# K = 3 modulo 4, so that K - 1 has a single factor of two and swapped words differ.
_PREFIX_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_SPACE = 0x20
_DIGIT_0, _DIGIT_9 = 0x30, 0x39


@dataclass(frozen=True)
class Shingles:
    """Shingle hashes of n documents.

    Attributes:
        offsets: shape (n + 1,), int64.
        hashes: uint64; ``hashes[offsets[i]:offsets[i + 1]]`` is the set of document i,
            ascending and distinct.
    """

    offsets: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of distinct shingles per document, shape (n,), int64."""
        return np.diff(self.offsets)

    def of(self, row: int) -> npt.NDArray[np.uint64]:
        """Return the shingle set of one document."""
        return self.hashes[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: npt.NDArray[np.int64]) -> "Shingles":
        """Select documents, in the order of `rows` (int64, may repeat)."""
        counts = self.counts[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        shifts = np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts)
        return Shingles(offsets, self.hashes[np.arange(offsets[-1]) + shifts])


@numba.njit(cache=True, nogil=True)
def mix_bits(value: np.uint64) -> np.uint64:
    """Spread 64 bits over 64 bits, one to one (fmix64 of MurmurHash3)."""
    value = (value ^ value >> np.uint64(33)) * _MIX_1
    value = (value ^ value >> np.uint64(33)) * _MIX_2
    return value ^ value >> np.uint64(33)


@numba.njit(cache=True, nogil=True)
def _hash_prefixes(
    text: npt.NDArray[np.uint8],
    max_text_chars: int,
    fold_digits: bool,
    prefixes: npt.NDArray[np.uint64],
) -> int:
    """Hash every prefix of the words of one normalised text; returns their number.

    A word is read in chunks of eight bytes; its last chunk, of at most seven, carries
    its length plus one in the free byte, so that no two words are packed alike.
    """
    prefixes[0] = np.uint64(0)
    packed, word_hash = np.uint64(0), _SEED
    packed_bytes = words = chars = 0
    for position in range(len(text) + 1 if len(text) else 0):
        byte = _SPACE if position == len(text) else np.int64(text[position])
        if byte != _SPACE:
            if fold_digits and _DIGIT_0 <= byte <= _DIGIT_9:
                byte = _DIGIT_0
            packed = packed << np.uint64(8) | np.uint64(byte)
            packed_bytes += 1
            chars += byte & 0xC0 != 0x80
            if packed_bytes == 8:
                word_hash = (word_hash ^ packed) * _MIX_1
                word_hash ^= word_hash >> np.uint64(32)
                packed, packed_bytes = np.uint64(0), 0
            continue
        if words and chars > max_text_chars:
            break
        chars += 1
        packed |= np.uint64(packed_bytes + 1) << np.uint64(56)
        prefixes[words + 1] = prefixes[words] * _PREFIX_FACTOR + mix_bits(word_hash ^ packed)
        words += 1
        packed, packed_bytes, word_hash = np.uint64(0), 0, _SEED
    return words


@numba.njit(cache=True, nogil=True)
def _combine_prefixes(
    prefixes: npt.NDArray[np.uint64], words_per_shingle: int, hashes: npt.NDArray[np.uint64]
) -> int:
    """Hash the shingles between prefixes, in reading order; returns their number."""
    width = min(words_per_shingle, len(prefixes) - 1)
    if width == 0:
        return 0
    factor = np.uint64(1)
    for _ in range(width):
        factor *= _PREFIX_FACTOR
    count = len(prefixes) - width
    for i in range(count):
        hashes[i] = mix_bits(prefixes[i + width] - prefixes[i] * factor)
    return count


@numba.njit(cache=True, nogil=True)
def _shingle_batch(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    words_per_shingle: int,
    max_text_chars: int,
    fold_digits: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    # Normalised words take two bytes at least, the space between them included.
    most_words = (np.diff(offsets) + 1) // 2
    prefixes = np.empty(most_words.max() + 1 if len(most_words) else 1, dtype=np.uint64)
    scratch = np.empty_like(prefixes)
    hashes = np.empty(most_words.sum(), dtype=np.uint64)
    ends = np.zeros(len(offsets), dtype=np.int64)
    for i in range(len(offsets) - 1):
        text = data[offsets[i] : offsets[i + 1]]
        words = _hash_prefixes(text, max_text_chars, fold_digits, prefixes)
        free = hashes[ends[i] :]
        count = _combine_prefixes(prefixes[: words + 1], words_per_shingle, free)
        ends[i + 1] = ends[i] + sort_distinct(free[:count], scratch)
    return ends, hashes[: ends[-1]].copy()


def shingle_normalized(
    normalized: TextBytes,
    words_per_shingle: int = WORDS_PER_SHINGLE,
    max_text_chars: int = MAX_TEXT_CHARS,
    *,
    fold_digits: bool = True,
) -> Shingles:
    """Hash the shingles of texts that `normalize_texts` made; see `shingle`.

    Raises:
        ValueError: for a number below 1.
    """
    if words_per_shingle < 1 or max_text_chars < 1:
        raise ValueError(
            f"words_per_shingle={words_per_shingle} and max_text_chars={max_text_chars} "
            "must both be at least 1"
        )
    offsets, hashes = _shingle_batch(
        normalized.offsets, normalized.data, words_per_shingle, max_text_chars, fold_digits
    )
    return Shingles(offsets, hashes)


def shingle(
    texts: pa.Array,
    words_per_shingle: int = WORDS_PER_SHINGLE,
    max_text_chars: int = MAX_TEXT_CHARS,
    *,
    fold_digits: bool = True,
) -> Shingles:
    """Hash the shingles of texts.

    A text of fewer words than a shingle has one shingle, all its words (peers never
    compare such texts); a text without words has none and is nobody's duplicate.

    Args:
        texts: Arrow `string` or `large_string` without nulls; may be a slice.
        words_per_shingle: words in a shingle, at least 1.
        max_text_chars: words count that end within so many characters of the
            normalised text; the first word always does. Longer texts are compared by
            their beginning.
        fold_digits: take all digits for the same, to search candidates; False to verify
            them (`gristmill.dedup.verification.shingle_texts`).

    Returns:
        The set of shingle hashes of each text.

    Raises:
        ValueError: for nulls, another type, or a number below 1.
    """
    return shingle_normalized(
        normalize_texts(texts), words_per_shingle, max_text_chars, fold_digits=fold_digits
    )


def identify_normalized(normalized: TextBytes) -> pa.Array:
    """Compute `dedup_ids` of texts that `normalize_texts` made."""
    data = normalized.data.data
    offsets = normalized.offsets.tolist()
    digests = [
        hashlib.blake2b(data[start:end], digest_size=ID_BYTES).digest()
        for start, end in itertools.pairwise(offsets)
    ]
    return pa.array(digests, type=pa.binary(ID_BYTES))


def dedup_ids(texts: pa.Array) -> pa.Array:
    """Identify texts by their normalised words, digits as written: equal ids, equal words.

    Args:
        texts: Arrow `string` or `large_string` without nulls; may be a slice.

    Returns:
        Arrow `binary(16)`: BLAKE2b of the whole normalised text, without a cap. A
        cryptographic hash costs about a tenth of a signature here, and an equal id
        removes a document without another look.
    """
    return identify_normalized(normalize_texts(texts))


# kernels of: 1fd2e353b129c729
