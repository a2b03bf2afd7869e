"""What a fastText model sees of a text: words, character n-grams and word n-grams as rows.

fastText splits at seven bytes (six spaces and NUL), ends every text with the token
``</s>`` and reads nothing after it, even where the text itself spells that token. n-grams
have no entry of their own: they share buckets, by a 32-bit hash of their bytes.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.fasttext_format import END_OF_LINE, LABEL_PREFIX, Bytes, Dictionary, Ints
from gristmill.cleaning.fasttext_format import ModelSettings as Settings
from gristmill.schemas.errors import InputError

Int32s = npt.NDArray[np.int32]
Words64 = npt.NDArray[np.uint64]

#: Room that `list_subwords` needs beyond the n-grams of one start.
SUBWORD_ROOM: Final = 4096

#: fastText's hash of ``</s>``.
END_HASH: Final = np.int32(-677604519)

_HASH_SEED: Final = np.uint32(2166136261)  # FNV-1a, 32 bits
_HASH_PRIME: Final = np.uint32(16777619)
_NGRAM_FACTOR: Final = np.uint64(116049371)
_SPACES: Final = 1 << 0 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 32
_OPENING: Final = np.uint8(ord("<"))
_CLOSING: Final = np.uint8(ord(">"))
_PREFIX: Final = tuple(LABEL_PREFIX.encode())
_END: Final = tuple(END_OF_LINE)
_LONGEST_PROBE: Final = 10_000
_SIX: Final = np.uint64(6)
_LOW_SIX: Final = np.uint64(63)
_ONE: Final = np.uint64(1)

# Places in `FeatureTables.limits`.
WORD_NGRAMS: Final = 0
MIN_N: Final = 1
MAX_N: Final = 2
BUCKET: Final = 3
WORD_COUNT: Final = 4
PRUNED: Final = 5
END_ENTRY: Final = 6
_LIMITS: Final = 7


class FeatureTables(NamedTuple):
    """All that turns bytes into rows of the input matrix.

    `blob`, `ends`: the entries, as in `Dictionary`. `slots`: entry numbers by hash, open
    addressing, -1 for none. `marks` has a bit per bucket that pruning kept, `ranks` the
    bits before each of its words, `rows` a row per bit and one more. `limits`: see the names above;
    `END_ENTRY` is the entry of ``</s>`` or -1.
    """

    blob: Bytes
    ends: Ints
    slots: Int32s
    marks: Words64
    ranks: Int32s
    rows: Int32s
    limits: Ints


@numba.njit(cache=True, nogil=True, forceinline=True)
def is_separator(byte: int) -> bool:
    """Tell whether a byte ends a word."""
    return byte <= 32 and (_SPACES >> byte) & 1 == 1


@numba.njit(cache=True, nogil=True, forceinline=True)
def _extend_hash(state: np.uint32, byte: np.uint8) -> np.uint32:
    # fastText hashes signed chars: a byte from 128 on flips the upper bits too.
    return np.uint32((state ^ np.uint32(np.int32(np.int8(byte)))) * _HASH_PRIME)


@numba.njit(cache=True, nogil=True, forceinline=True)
def hash_word(data: Bytes, start: int, end: int) -> np.uint32:
    """Hash the bytes of a word."""
    state = _HASH_SEED
    for position in range(start, end):
        state = _extend_hash(state, data[position])
    return state


@numba.njit(cache=True, nogil=True, forceinline=True)
def _slot_of(state: np.uint32, mask: int) -> np.int64:
    # The low bits of FNV alone cluster.
    return np.int64((np.uint64(state) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask


@numba.njit(cache=True, nogil=True, forceinline=True)
def _is_entry(blob: Bytes, first: int, after: int, data: Bytes, start: int, end: int) -> bool:
    same = after - first == end - start
    step = 0
    while same and step < end - start:
        same = blob[first + step] == data[start + step]
        step += 1
    return same


@numba.njit(cache=True, nogil=True, forceinline=True)
def find_entry(
    tables: FeatureTables, data: Bytes, start: int, end: int, state: np.uint32
) -> np.int64:
    """Find the word or label that some bytes spell; -1 if there is none."""
    mask = tables.slots.size - 1
    slot = _slot_of(state, mask)
    entry = np.int64(tables.slots[slot])
    while entry >= 0 and not _is_entry(
        tables.blob, tables.ends[entry], tables.ends[entry + 1], data, start, end
    ):
        slot = (slot + 1) & mask
        entry = np.int64(tables.slots[slot])
    return entry


@numba.njit(cache=True, nogil=True)
def _fill_slots(blob: Bytes, ends: Ints, slots: Int32s) -> bool:
    """Enter every word and label; the last of equal ones stays. False if too many collide."""
    mask = slots.size - 1
    for entry in range(ends.size - 1):
        first, after = ends[entry], ends[entry + 1]
        slot, probes = _slot_of(hash_word(blob, first, after), mask), 0
        while slots[slot] >= 0 and not _is_entry(
            blob, ends[slots[slot]], ends[slots[slot] + 1], blob, first, after
        ):
            slot, probes = (slot + 1) & mask, probes + 1
            if probes > _LONGEST_PROBE:
                return False
        slots[slot] = entry
    return True


def build_tables(dictionary: Dictionary, settings: Settings) -> FeatureTables:
    """Index a dictionary for reading texts.

    Raises:
        InputError: entries of the dictionary were made to collide.
    """
    size = 1 << max(4, (2 * len(dictionary.counts)).bit_length())
    slots = np.full(size, -1, np.int32)
    if not _fill_slots(dictionary.blob, dictionary.ends, slots):
        raise InputError("the words of a fastText model all have one hash: do not use this model")
    marks, ranks, rows = _index_buckets(dictionary, settings)
    limits = np.zeros(_LIMITS, np.int64)
    limits[[WORD_NGRAMS, MIN_N, MAX_N]] = settings.word_ngrams, settings.min_n, settings.max_n
    limits[[BUCKET, WORD_COUNT]] = settings.bucket, dictionary.word_count
    limits[PRUNED] = dictionary.kept is not None
    tables = FeatureTables(dictionary.blob, dictionary.ends, slots, marks, ranks, rows, limits)
    ending = np.frombuffer(END_OF_LINE, np.uint8)
    hashed = hash_word(ending, 0, ending.size)
    found = int(find_entry(tables, ending, 0, ending.size, hashed))
    limits[END_ENTRY] = found if found < dictionary.word_count else -1
    return tables


def _index_buckets(dictionary: Dictionary, settings: Settings) -> tuple[Words64, Int32s, Int32s]:
    if dictionary.kept is None:
        return np.zeros(1, np.uint64), np.zeros(1, np.int32), np.full(1, -1, np.int32)
    bucket, number = dictionary.kept.T.astype(np.int64)
    inside = (bucket >= 0) & (bucket < settings.bucket)
    # The last of equal buckets counts, as in fastText's map.
    buckets, last = np.unique(bucket[inside][::-1], return_index=True)
    rows = np.append(number[inside][::-1][last] + dictionary.word_count, -1).astype(np.int32)
    marks = np.zeros(settings.bucket // 64 + 1, np.uint64)
    np.bitwise_or.at(marks, buckets // 64, np.uint64(1) << (buckets % 64).astype(np.uint64))
    ranks = np.searchsorted(buckets, np.arange(marks.size) * 64).astype(np.int32)
    return marks, ranks, rows


@numba.njit(cache=True, nogil=True, forceinline=True)
def _count_bits(bits: np.uint64) -> np.int64:
    bits = bits - ((bits >> _ONE) & np.uint64(0x5555555555555555))
    pairs = np.uint64(0x3333333333333333)
    bits = (bits & pairs) + ((bits >> np.uint64(2)) & pairs)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(cache=True, nogil=True, forceinline=True)
def bucket_row(tables: FeatureTables, bucket: int) -> np.int64:
    """Find the row of a bucket; -1 if pruning removed it."""
    if tables.limits[PRUNED] == 0:
        return np.int64(tables.limits[WORD_COUNT] + bucket)
    place = np.uint64(bucket)
    bits = tables.marks[place >> _SIX]
    bit = place & _LOW_SIX
    before = _count_bits(bits & ((_ONE << bit) - _ONE))
    # Without a branch, which would be guessed wrong half of the time.
    row = np.int64(tables.rows[tables.ranks[place >> _SIX] + before])
    kept = np.int64((bits >> bit) & _ONE)
    return (row + 1) * kept - 1


@numba.njit(cache=True, nogil=True, forceinline=True)
def _wrap_hash(state: np.uint32, bucket: int, inverse: float) -> np.int64:
    """Compute a remainder without the processor's slow division; exact for 32 bits."""
    value = np.int64(state)
    rest: np.int64 = value - np.int64(value * inverse) * np.int64(bucket)
    if rest < 0:
        rest += bucket
    elif rest >= bucket:
        rest -= bucket
    return rest


@numba.njit(cache=True, nogil=True, forceinline=True)
def write_brackets(data: Bytes, start: int, end: int, word: Bytes) -> int:
    """Copy a word between ``<`` and ``>`` to `word`; returns the bytes written."""
    word[0] = _OPENING
    for step in range(end - start):
        word[step + 1] = data[start + step]
    word[end - start + 1] = _CLOSING
    return end - start + 2


@numba.njit(cache=True, nogil=True, forceinline=True)
def list_subwords(
    tables: FeatureTables, word: Bytes, size: int, begin: int, ids: Int32s
) -> tuple[int, int]:
    """List rows of the character n-grams of a word, of those that start from `begin` on.

    Args:
        tables: of the model.
        word: what `write_brackets` wrote.
        size: bytes of it.
        begin: 0, or what the last call returned.
        ids: room for `SUBWORD_ROOM` rows and the n-grams of one start.

    Returns:
        (rows listed, where to go on); `size` when all are listed.
    """
    min_n, max_n = tables.limits[MIN_N], tables.limits[MAX_N]
    bucket = tables.limits[BUCKET]
    inverse = 1.0 / max(bucket, 1)
    listed, position = 0, begin
    while position < size and listed < SUBWORD_ROOM:
        state, place, chars = _HASH_SEED, position, 0
        starts = word[position] & 0xC0 != 0x80
        while starts and place < size and chars < max_n:
            state = _extend_hash(state, word[place])
            place += 1
            while place < size and word[place] & 0xC0 == 0x80:
                state = _extend_hash(state, word[place])
                place += 1
            chars += 1
            alone = chars == 1 and (position == 0 or place == size)
            if chars >= min_n and not alone:
                row = bucket_row(tables, _wrap_hash(state, bucket, inverse))
                ids[listed] = row
                listed += row >= 0
        position += 1
    return listed, position


@numba.njit(cache=True, nogil=True, forceinline=True)
def spells_end(data: Bytes, start: int, end: int) -> bool:
    """Tell whether a word is the token that ends a text."""
    return end - start == len(_END) and (
        data[start] == _END[0]
        and data[start + 1] == _END[1]
        and data[start + 2] == _END[2]
        and data[start + 3] == _END[3]
    )


@numba.njit(cache=True, nogil=True, forceinline=True)
def spells_label(data: Bytes, start: int, end: int) -> bool:
    """Tell whether a word begins as labels do: unknown labels are skipped."""
    same = end - start >= len(_PREFIX)
    step = 0
    while same and step < len(_PREFIX):
        same = data[start + step] == _PREFIX[step]
        step += 1
    return same


@numba.njit(cache=True, nogil=True, forceinline=True)
def list_word_ngrams(
    tables: FeatureTables, hashes: Int32s, count: int, first: int, ids: Int32s
) -> int:
    """List rows of the word n-grams that begin with word `first`.

    Args:
        tables: of the model.
        hashes: of the words of a text, (count,) as int32, which is how fastText chains them.
        count: of words.
        first: the word.
        ids: room for as many rows as an n-gram has words.
    """
    listed = 0
    state = np.uint64(np.int64(hashes[first]))
    bucket = np.uint64(tables.limits[BUCKET])
    for place in range(first + 1, min(count, first + tables.limits[WORD_NGRAMS])):
        state = state * _NGRAM_FACTOR + np.uint64(np.int64(hashes[place]))
        row = bucket_row(tables, np.int64(state % bucket))
        ids[listed] = row
        listed += row >= 0
    return listed


# kernels of: ba63fce1a1e9a83b
