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
    openwebtext,
    rows,
    wikipedia,
)
from gristmill.schemas.fates import Damaged, Found, Refused

Iterate = Callable[[Path, Any, int], Iterator[Any]]
Extract = Callable[[Any, Any, int], Found | Refused | Damaged]


@dataclass(frozen=True)
class SourceKind:
    """Reader and extractor of one kind: both take the source's recipe and the size cap."""

    iterate: Iterate
    extract: Extract


SOURCE_KINDS: Mapping[str, SourceKind] = MappingProxyType(
    {
        "commoncrawl": SourceKind(common_crawl.iterate_file, common_crawl.extract_item),
        "wikipedia": SourceKind(wikipedia.iterate_file, wikipedia.extract_item),
        "openwebtext": SourceKind(openwebtext.iterate_file, openwebtext.extract_item),
        "jsonl": SourceKind(rows.iterate_json, rows.extract_json),
        "parquet": SourceKind(rows.iterate_parquet, rows.extract_parquet),
    }
)
