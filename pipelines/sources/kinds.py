"""The source kinds: how a file of each is read, and how one item becomes a fate.

`iterate` is cheap and lazy; `extract` is the costly part, run under a deadline.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gristmill.pipelines.sources import (
    common_crawl,
    huggingface,
    openwebtext,
    rows,
    text,
    wikipedia,
)
from gristmill.schemas.fates import Damaged, Found, Refused

Iterate = Callable[..., Iterator[Any]]
Extract = Callable[[Any, Any, int], Found | Refused | Damaged]
Cut = Callable[[Path, int, int], list[int]]


@dataclass(frozen=True)
class Piece:
    """What a unit reads: a file, or of one that can be cut the records that begin in a range.

    Attributes:
        path: the file, on this machine.
        start: offset of the first record, one that `SourceKind.cut` gave.
        stop: offset of the first record of the next piece; None is the end of the file.
        document_bytes: longest document.
    """

    path: Path
    start: int
    stop: int | None
    document_bytes: int

    def count_bytes(self) -> int:
        """Bytes of the file between start and stop."""
        return (self.path.stat().st_size if self.stop is None else self.stop) - self.start


@dataclass(frozen=True)
class SourceKind:
    """Reader and extractor of one kind.

    Attributes:
        iterate: takes (path, source, document_bytes) and yields raw items; of a kind that
            can be cut also `start` and `stop`.
        extract: takes (item, source, document_bytes).
        cut: takes (path, bytes between two cuts, document_bytes) and gives the offsets at which a piece of the
            file may begin, 0 first; None: files of this kind are read as a whole.
    """

    iterate: Iterate
    extract: Extract
    cut: Cut | None = None

    def is_split(self, size: int, split_bytes: int) -> bool:
        """Whether a file of some size is read in ranges of about `split_bytes`."""
        return self.cut is not None and size > 2 * split_bytes

    def count_units(self, size: int, split_bytes: int) -> int:
        """Units that a file of some size is read in."""
        return size // split_bytes if self.is_split(size, split_bytes) else 1

    def read(self, piece: Piece, source: Any) -> Iterator[Any]:
        """Yield the raw items of a piece."""
        if self.cut is None:
            return self.iterate(piece.path, source, piece.document_bytes)
        return self.iterate(
            piece.path, source, piece.document_bytes, start=piece.start, stop=piece.stop
        )


SOURCE_KINDS: Mapping[str, SourceKind] = MappingProxyType(
    {
        "commoncrawl": SourceKind(
            common_crawl.iterate_file, common_crawl.extract_item, common_crawl.cut_file
        ),
        "wikipedia": SourceKind(wikipedia.iterate_file, wikipedia.extract_item, wikipedia.cut_file),
        "openwebtext": SourceKind(openwebtext.iterate_file, openwebtext.extract_item),
        "jsonl": SourceKind(rows.iterate_json, rows.extract_json),
        "parquet": SourceKind(rows.iterate_parquet, rows.extract_parquet),
        "text": SourceKind(text.iterate_file, text.extract_item),
        "huggingface": SourceKind(huggingface.iterate_file, huggingface.extract_item),
    }
)
