"""Cut lines into the pieces of a SentencePiece unigram model, without SentencePiece.

The model file is a protocol buffer of which four fields matter; it is read here, with
every length checked, and its pieces and normaliser are given to `tokenizers`.
"""

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers

from gristmill.schemas.errors import InputError

#: Cap on a model file, in bytes; cc_net's hold about 1 MB.
MAX_MODEL_BYTES: Final = 64 << 20
_SPACE: Final = "\u2581"

# Wire types of protocol buffers.
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
# Types of pieces.
_NORMAL: Final = 1
_UNKNOWN: Final = 2
_USER_DEFINED: Final = 4
_BYTE: Final = 6
_UNIGRAM: Final = 1


class _Malformed(ValueError):
    """The bytes are no protocol buffer; says where."""


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _Malformed(f"no number at byte {position}")


def _iterate_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a message; fixed-width values as bytes."""
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise _Malformed(f"wire type {kind} at byte {position}")
        if length > len(data) - position:
            raise _Malformed(f"{length} bytes are missing at byte {position}")
        yield tag >> 3, data[position : position + length]
        position += length


def _read_piece(data: bytes) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, _NORMAL
    for number, value in _iterate_fields(data):
        if number == 1 and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            (score,) = struct.unpack("<f", value)
        elif number == 3 and isinstance(value, int):
            kind = value
    return text, score, kind


def _check_charsmap(data: bytes) -> bytes:
    """See that no step in a normaliser's trie leads out of it, and return it.

    The map is a double-array trie (its bytes, their number before them) and the strings,
    each ended by a zero, that its leaves point into. `tokenizers` takes it at its word.
    """
    size = int.from_bytes(data[:4], "little")
    if size % 4 or not 0 < size <= len(data) - 4:
        raise _Malformed(f"normaliser with a trie of {size} bytes in {len(data)}")
    units = np.frombuffer(data, "<u4", size // 4, 4).astype(np.int64)
    strings = np.frombuffer(data, np.uint8, offset=4 + size)
    data[4 + size :].decode("utf-8")
    offsets = (units >> 10) << ((units & (1 << 9)) >> 6)
    targets = np.arange(units.size) ^ offsets
    is_node = units >> 31 == 0  # others hold a value, and match no byte
    is_node[0] = True
    if ((targets[is_node] | 0xFF) >= units.size).any():
        raise _Malformed("normaliser whose trie leads out of itself")
    leaves = targets[is_node & (units >> 8 & 1 == 1)]
    places = units[leaves] & 0x7FFFFFFF
    if (places >= strings.size).any() or (strings[places] & 0xC0 == 0x80).any():
        raise _Malformed("normaliser whose trie points beside its strings")
    return data


class PieceModel:
    """A SentencePiece unigram model, read-only once loaded.

    Args:
        path: the ``.model`` file.

    Raises:
        InputError: the file is missing, too large, damaged, or of a kind other than
            unigram with its own normaliser.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > MAX_MODEL_BYTES:
                raise InputError(f"{path}: over {MAX_MODEL_BYTES} bytes; is it a .model file?")
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"SentencePiece model {path}: {error.strerror}") from error
        try:
            self._build(data)
        except (_Malformed, UnicodeDecodeError, ValueError) as error:
            raise InputError(f"{path} is no SentencePiece unigram model: {error}") from error

    def _build(self, data: bytes) -> None:
        pieces: list[tuple[str, float]] = []
        unknown, charsmap, algorithm = None, b"", _UNIGRAM
        for number, value in _iterate_fields(data):
            if not isinstance(value, bytes):
                continue
            if number == 1:
                text, score, kind = _read_piece(value)
                if kind in (_USER_DEFINED, _BYTE):
                    raise _Malformed(f"piece {len(pieces)} is user-defined or a byte")
                if not text or not math.isfinite(score):
                    raise _Malformed(f"piece {len(pieces)} is empty or has the score {score}")
                unknown = len(pieces) if kind == _UNKNOWN else unknown
                # Control symbols stand for no text; a noncharacter never comes up in one.
                pieces.append((text, score) if kind == _NORMAL else (f"\uffff{len(pieces)}", score))
            elif number == 2:
                fields = dict(_iterate_fields(value))
                algorithm = int(fields.get(3) or _UNIGRAM)
            elif number == 3:
                found = dict(_iterate_fields(value)).get(2, b"")
                charsmap = found if isinstance(found, bytes) else b""
        if algorithm != _UNIGRAM or unknown is None:
            raise _Malformed(f"algorithm {algorithm}, unknown piece {unknown}")
        self._unknown = unknown
        self._normalizer = normalizers.Precompiled(_check_charsmap(charsmap)) if charsmap else None
        self._spaces = normalizers.Replace(Regex("[ \u2581]+"), _SPACE)
        self._tokenizer = Tokenizer(models.Unigram(pieces, unknown, False))

    def cut_lines(self, text: str) -> str:
        """Cut every line into pieces with a space between them.

        Args:
            text: lines end at newlines alone.

        Returns:
            As many lines. What no piece covers stands as it is, one piece a run.
        """
        lines = [self._prepare(line) for line in text.split("\n")]
        encoded = self._tokenizer.encode_batch(lines, add_special_tokens=False)
        return "\n".join(
            " ".join(
                line[slice(*offsets)] if number == self._unknown else token
                for token, number, offsets in zip(
                    encoding.tokens, encoding.ids, encoding.offsets, strict=True
                )
            )
            for line, encoding in zip(lines, encoded, strict=True)
        )

    def _prepare(self, line: str) -> str:
        """Normalise, with one mark for every run of spaces and one in front."""
        if self._normalizer is not None:
            line = self._normalizer.normalize_str(line)
        line = self._spaces.normalize_str(line).strip(_SPACE)
        return _SPACE + line if line else ""
