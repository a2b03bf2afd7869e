"""MinHash signatures: short samples of shingle sets that estimate Jaccard similarity.

Two families of hash functions, both exact in wrapping integer arithmetic:

``multiply_shift``  slot i is the smallest ``(a_i * x + b_i mod 2**64) >> 32`` over the
    upper 32 bits x of the shingle hashes: strongly universal for 32-bit keys
    (Dietzfelbinger 1996).
``affine32``  slot i is the smallest ``a_i * fmix32(x) + b_i mod 2**32`` with odd a_i and
    the multipliers that datasketch 2 draws, so that rows can be wrapped as
    ``datasketch.MinHash(hashvalues=row, scheme="affine32", seed=seed)``.
"""

import functools
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.dedup.character_folding import FOLDING
from gristmill.dedup.shingling import MAX_TEXT_CHARS, SHINGLE_HASH, WORDS_PER_SHINGLE, Shingles
from gristmill.schemas.identity import hash_parts

#: Every slot of a document without shingles.
EMPTY_SLOT: Final = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class MinHashSettings:
    """Near-duplicate settings, passed whole to every stage that needs them.

    Defaults follow FineWeb (arXiv:2406.17557): word 5-grams, 14 bands of 8 rows. Each
    pair that they propose is checked on the shingle sets, which FineWeb does not do.

    Attributes:
        words_per_shingle: words in a shingle.
        bands: number of bands.
        rows_per_band: signature slots in a band.
        seed: of the hash family; kept, so that signatures of two runs compare.
        min_similarity: a pair below it is no duplicate (Dolma 3 uses 0.8 as well).
        similarity: what is measured, see `gristmill.dedup.verification`.
        family: hash family, see the module.
        max_shingle_text_chars: longer texts are compared by their beginning.
        max_representatives: in clusters of more than `all_pairs_nodes` texts, with how
            many earlier ones a text is compared at most (Marin uses 64).
        all_pairs_nodes: clusters up to this many different texts are compared in full.

    Raises:
        ValueError: names every field out of range.
    """

    words_per_shingle: int = WORDS_PER_SHINGLE
    bands: int = 14
    rows_per_band: int = 8
    seed: int = 1
    min_similarity: float = 0.8
    similarity: Literal["jaccard", "containment"] = "jaccard"
    family: Literal["multiply_shift", "affine32"] = "multiply_shift"
    max_shingle_text_chars: int = MAX_TEXT_CHARS
    max_representatives: int = 64
    all_pairs_nodes: int = 64

    def __post_init__(self) -> None:
        counts = {
            name: getattr(self, name)
            for name in (
                "words_per_shingle",
                "bands",
                "rows_per_band",
                "max_shingle_text_chars",
                "max_representatives",
                "all_pairs_nodes",
            )
        }
        mistakes = [f"{name}={value} < 1" for name, value in counts.items() if value < 1]
        if not 0 <= self.seed < 1 << 32:
            mistakes.append(f"seed={self.seed} outside [0, 2**32)")
        if not 0 < self.min_similarity <= 1:
            mistakes.append(f"min_similarity={self.min_similarity} outside (0, 1]")
        if self.similarity not in ("jaccard", "containment"):
            mistakes.append(f"similarity={self.similarity!r} is not jaccard or containment")
        if self.family not in ("multiply_shift", "affine32"):
            mistakes.append(f"family={self.family!r} is not multiply_shift or affine32")
        if mistakes:
            raise ValueError("; ".join(mistakes))

    @property
    def slots(self) -> int:
        """Length of a signature."""
        return self.bands * self.rows_per_band

    @property
    def signature_version(self) -> str:
        """Name what signatures depend on; only signatures of one version compare."""
        return (
            f"{FOLDING}/digits-0/{SHINGLE_HASH}/{self.words_per_shingle}-words"
            f"/{self.max_shingle_text_chars}-chars/{self.family}/seed-{self.seed}"
            f"/{self.bands}x{self.rows_per_band}"
        )

    @property
    def version(self) -> str:
        """Name everything that decides who is a duplicate of whom."""
        return (
            f"{self.signature_version}/digits-as-written/{self.similarity}>={self.min_similarity}"
            f"/{self.max_representatives}-of-{self.all_pairs_nodes}"
        )


class HashFunctions(NamedTuple):
    """Multipliers and addends of a family, each shape (slots,), uint64."""

    multipliers: npt.NDArray[np.uint64]
    addends: npt.NDArray[np.uint64]


def _draw_affine32(seed: int, slots: int) -> HashFunctions:
    # NumPy froze the stream of RandomState (NEP 19); Generator's may change.
    random = np.random.RandomState(seed)
    multipliers = random.randint(0, 1 << 31, slots, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    addends = random.randint(0, 1 << 32, slots, dtype=np.uint32)
    return HashFunctions(multipliers.astype(np.uint64), addends.astype(np.uint64))


@functools.lru_cache(maxsize=8)
def draw_functions(family: str, seed: int, slots: int) -> HashFunctions:
    """Draw the hash functions of a family: the same for the same arguments, everywhere."""
    if family == "affine32":
        return _draw_affine32(seed, slots)
    digests = b"".join(hash_parts("minhash", family, seed, slot) for slot in range(slots))
    drawn = np.frombuffer(digests, dtype="<u8").astype(np.uint64).reshape(slots, 2)
    return HashFunctions(drawn[:, 0].copy(), drawn[:, 1].copy())


@numba.njit(cache=True, nogil=True)
def _mix_32(value: np.uint64) -> np.uint64:
    """MurmurHash3's fmix32 on the lower half of a uint64."""
    mask = np.uint64(0xFFFFFFFF)
    value = ((value ^ value >> np.uint64(16)) * np.uint64(0x85EBCA6B)) & mask
    value = ((value ^ value >> np.uint64(13)) * np.uint64(0xC2B2AE35)) & mask
    return value ^ value >> np.uint64(16)


@numba.njit(cache=True, nogil=True)
def _sign_multiply_shift(
    offsets: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    multipliers: npt.NDArray[np.uint64],
    addends: npt.NDArray[np.uint64],
) -> npt.NDArray[np.uint32]:
    slots = len(multipliers)
    signatures = np.full((len(offsets) - 1, slots), EMPTY_SLOT, dtype=np.uint32)
    for row in range(len(offsets) - 1):
        keys = hashes[offsets[row] : offsets[row + 1]] >> np.uint64(32)
        for slot in range(slots):
            a, b = multipliers[slot], addends[slot]
            smallest = np.uint64(0xFFFFFFFFFFFFFFFF)
            for key in keys:
                smallest = min(smallest, a * key + b)
            signatures[row, slot] = np.uint32(smallest >> np.uint64(32))
    return signatures


@numba.njit(cache=True, nogil=True)
def _sign_affine32(
    offsets: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    multipliers: npt.NDArray[np.uint64],
    addends: npt.NDArray[np.uint64],
) -> npt.NDArray[np.uint32]:
    slots = len(multipliers)
    signatures = np.full((len(offsets) - 1, slots), EMPTY_SLOT, dtype=np.uint32)
    for row in range(len(offsets) - 1):
        keys = np.empty(offsets[row + 1] - offsets[row], dtype=np.uint32)
        for i in range(len(keys)):
            keys[i] = np.uint32(_mix_32(hashes[offsets[row] + i] >> np.uint64(32)))
        for slot in range(slots):
            a, b = np.uint32(multipliers[slot]), np.uint32(addends[slot])
            smallest = EMPTY_SLOT
            for key in keys:
                smallest = min(smallest, np.uint32(a * key + b))
            signatures[row, slot] = smallest
    return signatures


def sign(shingles: Shingles, settings: MinHashSettings) -> npt.NDArray[np.uint32]:
    """Compute the MinHash signature of each document.

    Args:
        shingles: sets of n documents.
        settings: gives the family, its seed and the number of slots.

    Returns:
        Shape (n, bands * rows_per_band), uint32; all `EMPTY_SLOT` for a document
        without shingles. The signature of a union is the slot-wise minimum.
    """
    functions = draw_functions(settings.family, settings.seed, settings.slots)
    kernel = _sign_affine32 if settings.family == "affine32" else _sign_multiply_shift
    signatures: npt.NDArray[np.uint32] = kernel(shingles.offsets, shingles.hashes, *functions)
    return signatures


def estimate_jaccard(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.float64]:
    """Estimate Jaccard similarity as the share of equal slots.

    Its standard deviation is ``sqrt(J * (1 - J) / slots)``: 0.038 at J = 0.8 and 112 slots.

    Args:
        left: signatures, shape (..., slots), uint32.
        right: signatures of the same shape.

    Returns:
        Shape (...), float64. Documents without shingles are similar to nothing: 0.
    """
    equal = np.mean(left == right, axis=-1, dtype=np.float64)
    empty = np.all(left == EMPTY_SLOT, axis=-1) | np.all(right == EMPTY_SLOT, axis=-1)
    return np.asarray(np.where(empty, 0.0, equal), dtype=np.float64)


# kernels of: 16eed61c1eb83de1
