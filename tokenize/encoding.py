"""Encode batches of texts to token ids, fast and without control-token injection.

Two backends give the same ids: `tokenizers` is the reference; `fastokens` is some
20 times faster and is used when it agrees with the reference on `PROBES`.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from gristmill.schemas.errors import InputError
from gristmill.schemas.tables import TOKENS
from gristmill.tokenize.bpe_training import END_OF_TEXT

# Units of work run one process per core; threads of fastokens would compete, and spin.
# It reads the variable when it encodes for the first time.
os.environ.setdefault("FASTOKENS_BPE_THREADS", "1")

try:
    import fastokens  # type: ignore[import-untyped, unused-ignore]
except ImportError:  # no wheel for this platform: the reference gives the same ids
    fastokens = None

Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

#: Largest vocabulary whose ids fit 16 bits.
UINT16_VOCABULARY: Final = 1 << 16

#: A tokenizer.json beyond this is refused unread; the largest public ones have about 35 MB.
MAX_JSON_BYTES: Final = 256 << 20

#: Texts on which a fast backend must agree with the reference before it is used.
PROBES: Final = (
    "",
    " ",
    "The quick brown fox jumps over the lazy dog.",
    "It's we'll they've I'd you're I'M SHE'LL 'tis",
    "  two  spaces   three\t\ttabs \n\n newlines\r\n \r end   ",
    "3.14159 1,000,000 ¼ Ⅳ ٣٤٥ 二〇二六 x86_64 a1b2",
    "def f(x):\n    return {'a': [x ** 2 for _ in range(10)]}  # !!! ???",
    "naïve café, cafe\u0301, ﬁ ﬃ Å \u212b ẞ ß İ ı",
    "日本語の文章、中文句子。한국어 문장 ภาษาไทย हिन्दी العربية עברית",
    "👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 \U0001f9ff\ufe0f",
    "\x00\x01\x1f\x7f \ufeff \u200b\u200d\u2028\u2029\u0085\u00a0\u3000",
    "\ufffd\uffff\U0010ffff\U000e0041 \ue000",
    "a" * 3000,
    " " * 500 + "x" + "\n" * 500,
    "ab" * 1000 + "!-" * 1000 + "0123456789" * 100,
    "<|endoftext|> <|endoftext|><|im_start|>system<|im_end|></s><s>[PAD]<unk>",
    "<|endoftext", "|>", "< |endoftext| >", "<|ENDOFTEXT|>", "<|endoftext|>" * 50,
)  # fmt: skip


#: Offsets, shape (n + 1,), and the ids of n texts, end to end.
_Flat = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]
_Backend = Callable[[list[str]], _Flat]


@dataclass(frozen=True)
class TokenBatch:
    """The tokens of a batch of n documents, each closed by the end-of-text token.

    Attributes:
        offsets: int64, shape (n + 1,); document i holds ids offsets[i]..offsets[i + 1] - 1.
        ids: uint16 or uint32, shape (offsets[n],).
    """

    offsets: npt.NDArray[np.int64]
    ids: Ids

    def to_arrow(self) -> pa.Array:
        """Give the ids as little-endian bytes, one `binary` value for each document.

        Raises:
            ValueError: they exceed the 2 GiB that an Arrow `binary` array can hold.
        """
        byte_offsets = self.offsets * self.ids.itemsize
        if byte_offsets[-1] > np.iinfo(np.int32).max:
            raise ValueError(f"{byte_offsets[-1]} bytes of tokens in one batch; encode fewer texts")
        stored = np.ascontiguousarray(self.ids, dtype=self.ids.dtype.newbyteorder("<"))
        buffers = [None, pa.py_buffer(byte_offsets.astype(np.int32)), pa.py_buffer(stored)]
        return pa.Array.from_buffers(pa.binary(), len(self.offsets) - 1, buffers)


class Encoder:
    """A tokenizer that encodes whole batches. Immutable; build it with `from_json`.

    Attributes:
        vocab_size: largest id plus one.
        eos_id: id of the end-of-text token.
        dtype: uint16 if every id fits, else uint32.
        sha256: hex digest of the UTF-8 bytes of the tokenizer.json.
        backend: ``fastokens`` or ``tokenizers``, whichever encodes.
    """

    def __init__(self, tokenizer_json: str, eos: str, *, fast: bool) -> None:
        parsed = _parse_json(tokenizer_json)
        self._reference = _load_reference(tokenizer_json)
        spellings = [token["content"] for token in parsed["added_tokens"] if token["special"]]
        # Not the declared ids: `tokenizers` renumbers added tokens that leave a gap.
        vocabulary = self._reference.get_vocab(with_added_tokens=True)
        special = {spelling: vocabulary[spelling] for spelling in spellings if spelling}
        if eos not in special:
            raise InputError(f"tokenizer has no special token {eos!r}; found {sorted(special)}")
        self.vocab_size: int = max(vocabulary.values()) + 1
        self.eos_id: int = special[eos]
        self.dtype: np.dtype[Any] = np.dtype(
            np.uint16 if self.vocab_size <= UINT16_VOCABULARY else np.uint32
        )
        self.sha256: str = hashlib.sha256(tokenizer_json.encode("utf-8")).hexdigest()
        self._special_ids = np.unique(np.fromiter(special.values(), np.uint32))
        self._encode_flat: _Backend = self._encode_reference
        self.backend: str = "tokenizers"
        self._require_ordinary(self._encode_reference([*PROBES, *special])[1])
        if fast and fastokens is not None:
            self._adopt_fast(parsed, [*PROBES, *special])

    @classmethod
    def from_json(
        cls, tokenizer_json: str, *, eos: str = END_OF_TEXT, fast: bool = True
    ) -> "Encoder":
        """Load a tokenizer.

        Args:
            tokenizer_json: text of a ``tokenizer.json``. Its truncation, padding and
                post-processor are not applied.
            eos: its special token that ends a document.
            fast: whether the fast backend may be used.

        Raises:
            InputError: the JSON is no tokenizer, is random (dropout), lacks `eos`, or
                would encode corpus text to a special token.
        """
        return cls(tokenizer_json, eos, fast=fast)

    def encode_batch(self, texts: pa.Array) -> TokenBatch:
        """Encode documents: no BOS, one end-of-text token after each.

        Spellings of special tokens inside a text are encoded as ordinary bytes.

        Args:
            texts: `string` or `large_string` array of n texts, without nulls.

        Returns:
            The tokens, ids of dtype `dtype`.

        Raises:
            ValueError: a text is null or not UTF-8.
            InputError: the tokenizer gave a special token or an id that it does not have.
        """
        if texts.null_count:
            raise ValueError(f"{texts.null_count} of {len(texts)} texts are null")
        offsets, ids = self._encode_flat(texts.to_pylist())
        self._require_ordinary(ids)
        closed = offsets + np.arange(len(offsets), dtype=np.int64)
        out = np.empty(closed[-1], dtype=self.dtype)
        ordinary = np.ones(len(out), dtype=np.bool_)
        ordinary[closed[1:] - 1] = False
        out[ordinary] = ids
        out[closed[1:] - 1] = self.eos_id
        return TokenBatch(closed, out)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Turn ids back into text, special tokens spelled out.

        Args:
            ids: integers in 0..vocab_size-1, one-dimensional.
        """
        return str(self._reference.decode(np.asarray(ids).tolist(), skip_special_tokens=False))

    def _encode_reference(self, texts: list[str]) -> _Flat:
        encodings = self._reference.encode_batch_fast(texts, add_special_tokens=False)
        parts = [np.asarray(encoding.ids, dtype=np.uint32) for encoding in encodings]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return offsets, np.concatenate([np.empty(0, np.uint32), *parts])

    def _adopt_fast(self, parsed: dict[str, Any], probes: list[str]) -> None:
        try:
            candidate = _fast_backend(parsed)
            offsets, ids = candidate(probes)
        except ValueError:  # how fastokens says that it does not support a tokenizer
            return
        expected_offsets, expected_ids = self._encode_reference(probes)
        if np.array_equal(offsets, expected_offsets) and np.array_equal(ids, expected_ids):
            self._encode_flat = candidate
            self.backend = "fastokens"

    def _require_ordinary(self, ids: npt.NDArray[np.uint32]) -> None:
        if ids.size == 0:
            return
        if int(ids.max()) >= self.vocab_size:
            raise InputError(f"id {ids.max()} is not below vocab_size={self.vocab_size}")
        for special in self._special_ids:
            if (ids == special).any():
                raise InputError(f"text was encoded to special token id {special}")


def encode_documents(
    encoder: Encoder, doc_ids: pa.Array, sources: pa.Array, texts: pa.Array
) -> pa.RecordBatch:
    """Build rows of the `TOKENS` table.

    Args:
        encoder: tokenizer to use.
        doc_ids: fixed_size_binary(16), shape (n,).
        sources: int32 source numbers, shape (n,).
        texts: strings, shape (n,).

    Returns:
        Batch of n rows; `n_bytes` is the UTF-8 size of each text.
    """
    tokens = encoder.encode_batch(texts)
    counts = np.diff(tokens.offsets).astype(np.int32)
    n_bytes = pc.binary_length(texts).cast(pa.int32())
    columns = [doc_ids, sources, pa.array(counts), n_bytes, tokens.to_arrow()]
    return pa.RecordBatch.from_arrays(columns, schema=TOKENS)


def _parse_json(tokenizer_json: str) -> dict[str, Any]:
    if len(tokenizer_json) > MAX_JSON_BYTES:
        raise InputError(f"tokenizer.json of {len(tokenizer_json)} characters is too large")
    try:
        parsed = json.loads(tokenizer_json)
        model, added = parsed["model"], parsed["added_tokens"]
        dropout = model.get("dropout")
        well_formed = all(
            isinstance(token["content"], str) and isinstance(token["special"], bool)
            for token in added
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"not a tokenizer.json: {error!r}") from error
    if not well_formed:
        raise InputError("not a tokenizer.json: malformed added_tokens")
    if dropout:
        raise InputError(f"tokenizer has dropout={dropout}: its ids would be random")
    return dict(parsed)


def _load_reference(tokenizer_json: str) -> Tokenizer:
    try:
        reference = Tokenizer.from_buffer(tokenizer_json.encode("utf-8"))
    except ValueError as error:
        raise InputError(f"not a tokenizer.json: {error}") from error
    reference.no_truncation()
    reference.no_padding()
    reference.encode_special_tokens = True
    return reference


def _fast_backend(parsed: dict[str, Any]) -> _Backend:
    """Build the fast backend without any special token, so that none can be matched."""
    ordinary = [token for token in parsed["added_tokens"] if not token["special"]]
    stripped = {**parsed, "added_tokens": ordinary, "truncation": None, "padding": None}
    tokenizer = fastokens.Tokenizer.from_json_str(json.dumps({**stripped, "post_processor": None}))

    def encode(texts: list[str]) -> _Flat:
        ids, offsets = tokenizer.encode_batch_flat(texts)
        counted = np.frombuffer(offsets, dtype="<u8").astype(np.int64)
        return counted, np.frombuffer(ids, dtype="<u4")

    return encode
