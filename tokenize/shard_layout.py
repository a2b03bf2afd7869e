"""What the footer and page headers of a token shard say, checked."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.schemas.errors import CorruptFileError
from gristmill.tokenize.parquet_pages import (
    BYTE_ARRAY,
    DELTA_LENGTH_BYTE_ARRAY,
    FIXED_LEN_BYTE_ARRAY,
    INT32,
    PLAIN,
    Column,
    Page,
    check_page,
    locate_page,
    read_footer,
)

FORMAT: Final = "gristmill token shard 1"

#: Parquet encoding of each column; the values of all are found in the page as they are.
COLUMN_ENCODINGS: Final[Mapping[str, str]] = {
    "doc_id": PLAIN,
    "source": PLAIN,
    "n_tokens": PLAIN,
    "n_bytes": PLAIN,
    "tokens": DELTA_LENGTH_BYTE_ARRAY,
}

#: The schema in Parquet's terms; all required, so that pages hold no levels.
COLUMNS: Final = (
    Column("doc_id", FIXED_LEN_BYTE_ARRAY, 16, required=True),
    Column("source", INT32, 0, required=True),
    Column("n_tokens", INT32, 0, required=True),
    Column("n_bytes", INT32, 0, required=True),
    Column("tokens", BYTE_ARRAY, 0, required=True),
)

_KEY_PREFIX: Final = "gristmill."
_SELF_CHECK: Final = "gristmill.footer_sha256"
_MAX_VOCABULARY: Final = {"uint16": 1 << 16, "uint32": 1 << 32}


@dataclass(frozen=True)
class ShardHeader:
    """What the footer's key-values say about the tokens.

    Attributes:
        vocab_size: every id is below it.
        eos_id: last token of every document, and of no other place.
        dtype: ``uint16`` or ``uint32``, little-endian.
        tokenizer_sha256: hex digest of the tokenizer.json.
        rows: documents.
        tokens: their sum of `n_tokens`.
        text_bytes: their sum of `n_bytes`.
        tokens_sha256: hex digest of the bytes of all tokens in row order.
    """

    vocab_size: int
    eos_id: int
    dtype: str
    tokenizer_sha256: str
    rows: int
    tokens: int
    text_bytes: int
    tokens_sha256: str

    def to_key_values(self) -> dict[str, str]:
        """Write the header as footer key-values, with a digest that covers them."""
        values = {f"{_KEY_PREFIX}{name}": str(value) for name, value in vars(self).items()}
        values[f"{_KEY_PREFIX}format"] = FORMAT
        return {**values, _SELF_CHECK: _digest_values(values)}

    @classmethod
    def from_key_values(cls, found: Mapping[str, str]) -> "ShardHeader":
        """Read footer key-values back.

        Raises:
            ValueError: they are missing, damaged, or of another format.
        """
        values = {key: found[key] for key in found if key.startswith(_KEY_PREFIX)}
        check = values.pop(_SELF_CHECK, None)
        if values.get(f"{_KEY_PREFIX}format") != FORMAT:
            raise ValueError(f"not a {FORMAT}")
        if check != _digest_values(values):
            raise ValueError("footer key-values differ from their digest")
        fields = {
            name: kind(values[f"{_KEY_PREFIX}{name}"]) for name, kind in cls.__annotations__.items()
        }
        return cls(**fields)


@dataclass(frozen=True)
class ShardLayout:
    """Where the values of a shard lie.

    Attributes:
        header: from the footer.
        group_rows: int64, shape (g,): documents of each row group.
        pages: for each column the page of each row group.
    """

    header: ShardHeader
    group_rows: npt.NDArray[np.int64]
    pages: Mapping[str, tuple[Page, ...]]


def largest_vocabulary(dtype: np.dtype[Any]) -> int:
    """How many ids a dtype of tokens can tell apart.

    Raises:
        ValueError: `dtype` is neither uint16 nor uint32.
    """
    if dtype.name not in _MAX_VOCABULARY:
        raise ValueError(f"tokens are uint16 or uint32, not {dtype.name}")
    return _MAX_VOCABULARY[dtype.name]


def read_layout(data: memoryview, origin: str) -> ShardLayout:
    """Read footer and page headers of a shard.

    Args:
        data: the whole file.
        origin: its name for messages.

    Raises:
        CorruptFileError: it is no token shard, or damaged.
    """
    footer = read_footer(data, origin)
    try:
        header = ShardHeader.from_key_values(footer.key_values)
        if header.vocab_size > largest_vocabulary(np.dtype(header.dtype)):
            raise ValueError(f"vocab_size={header.vocab_size} exceeds {header.dtype}")
        if footer.columns != COLUMNS:
            raise ValueError(f"its columns are {footer.columns}")
        if any(len(group.chunks) != len(COLUMNS) for group in footer.row_groups):
            raise ValueError("a row group lacks a column")
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(f"{origin}: not a readable token shard: {error}") from error
    pages: dict[str, tuple[Page, ...]] = {}
    for column, (name, encoding) in enumerate(COLUMN_ENCODINGS.items()):
        pages[name] = tuple(
            locate_page(data, group.chunks[column], encoding, group.num_rows, origin)
            for group in footer.row_groups
        )
    rows = [group.num_rows for group in footer.row_groups]
    if not sum(rows) == header.rows == footer.num_rows:
        raise CorruptFileError(f"{origin}: {sum(rows)} rows, footer says {header.rows}")
    return ShardLayout(header, np.array(rows, dtype=np.int64), pages)


def read_plain(
    data: memoryview, layout: ShardLayout, column: str, origin: str, *, verify: bool
) -> npt.NDArray[np.uint8]:
    """Copy the bytes of a fixed-width PLAIN column out of a shard.

    Returns:
        uint8, shape (rows, width), 4 bytes wide or 16 for `doc_id`.

    Raises:
        CorruptFileError: a checksum differs or a page has another size.
    """
    width = 16 if column == "doc_id" else 4
    out = np.empty((layout.header.rows, width), dtype=np.uint8)
    row = 0
    for page, rows in zip(layout.pages[column], layout.group_rows.tolist(), strict=True):
        if page.body_bytes != rows * width:
            raise CorruptFileError(
                f"{origin}: page of {column!r} at offset {page.body_offset} has "
                f"{page.body_bytes} bytes, {rows} rows need {rows * width}"
            )
        if verify:
            check_page(data, page, origin)
        body = data[page.body_offset : page.body_offset + page.body_bytes]
        out[row : row + rows] = np.frombuffer(body, dtype=np.uint8).reshape(rows, width)
        row += rows
    return out


def _digest_values(values: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(values), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
