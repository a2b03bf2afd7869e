"""Rows of a crawl's index: which of them a selection wants, and where their records lie.

A crawl is indexed as a table (Parquet) and as text (CDXJ, or CDX of eleven fields).
`cdx_lines` brings text to the columns of the table; here a selection turns a batch of
such columns into picks, one a record::

    url_host_name  fetch_status  content_languages  warc_filename  …  ->  filename, offset, length

Names in an index are input like any other: a file that is no plain relative name, or
an offset that is none, is no pick.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.schemas.errors import SchemaError
from gristmill.schemas.identity import hash_parts

#: A record that an index names; `offset` and `length` are compressed bytes of the file.
PICKS: Final = pa.schema(
    [
        pa.field("filename", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("digest", pa.string()),  # of the payload, SHA-1 in base32
    ]
)
#: Longest record, as it lies in its file, that is ever fetched.
MAX_RECORD_BYTES: Final = 1 << 30
_NEEDED: Final = ("warc_filename", "warc_record_offset", "warc_record_length")
_FILENAME: Final = r"^[A-Za-z0-9_.=+-]+(/[A-Za-z0-9_.=+-]+)*$"
_DOTS: Final = r"(^|/)\.\.?(/|$)"
_HOST: Final = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/:?#]*)"
_SHA1: Final = r"^[A-Z2-7]{32}$"
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})?")
_MAX_LABELS: Final = 127  # of a host name: RFC 1035 allows 255 bytes


@dataclass(frozen=True)
class RowFilter:
    """What a row must be; an empty collection asks for nothing."""

    status: Collection[int] = ()
    languages: Collection[str] = ()
    mime_types: Collection[str] = ()
    hosts: Collection[str] = ()
    domains: Collection[str] = ()
    truncated: bool = True  # false: only whole payloads


def list_columns(wanted: RowFilter, available: Collection[str]) -> list[str]:
    """Columns of a table that a filter reads.

    Raises:
        SchemaError: one that it cannot do without is missing.
    """
    columns = [*_NEEDED]
    if wanted.status:
        columns.append("fetch_status")
    if wanted.languages:
        columns.append("content_languages")
    if wanted.hosts or wanted.domains:
        columns.append("url_host_name" if "url_host_name" in available else "url")
    if wanted.mime_types:
        detected = "content_mime_detected" in available
        declared = "content_mime_type" in available or not detected
        columns += ["content_mime_detected"] * detected + ["content_mime_type"] * declared
    missing = [column for column in columns if column not in available]
    if missing:
        raise SchemaError(f"the index has no column {missing[0]!r}; it is no index of a crawl")
    optional = ["content_digest"] + ["content_truncated"] * (not wanted.truncated)
    return columns + [column for column in optional if column in available]


def select_picks(batch: pa.RecordBatch | pa.Table, wanted: RowFilter) -> pa.Table:
    """Picks of the rows that a filter wants, in the order of the rows.

    Args:
        batch: columns named as in Common Crawl's table, at least those of `list_columns`.
        wanted: the filter.

    Returns:
        A table of schema `PICKS`. Rows without a plain file name or without a sensible
        offset and length are not in it.

    Raises:
        SchemaError: a column is missing or of another type.
    """
    columns = list_columns(wanted, batch.schema.names)
    table = pa.table({name: batch.column(name) for name in columns})
    try:
        table = table.filter(_match_rows(table, wanted))
        return _shape_picks(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise SchemaError(f"the index has a column of another type: {error!s:.200}") from None


def _match_rows(table: pa.Table, wanted: RowFilter) -> pa.ChunkedArray:
    mask = pa.chunked_array([pa.array(np.ones(table.num_rows, bool))])
    if wanted.status:
        status = table["fetch_status"].cast(pa.int64())
        mask = pc.and_(mask, pc.is_in(status, pa.array(sorted(wanted.status), pa.int64())))
    if wanted.languages:
        mask = pc.and_(mask, _match_languages(table["content_languages"], wanted.languages))
    if wanted.mime_types:
        mask = pc.and_(mask, _match_types(table, wanted.mime_types))
    if wanted.hosts or wanted.domains:
        mask = pc.and_(mask, _match_hosts(table, wanted.hosts, wanted.domains))
    if not wanted.truncated and "content_truncated" in table.schema.names:
        cut = pc.fill_null(table["content_truncated"].cast(pa.string()), "")
        mask = pc.and_(mask, pc.equal(cut, ""))
    return pc.fill_null(mask, False)


def _match_languages(column: pa.ChunkedArray, languages: Collection[str]) -> pa.ChunkedArray:
    for language in languages:
        if not _LANGUAGE.fullmatch(language):
            raise SchemaError(f"{language!r} is no code of a language; an index has such as 'eng'")
    pattern = f"(^|,)({'|'.join(sorted(languages))})(,|$)"
    return pc.match_substring_regex(column.cast(pa.string()), pattern)


def _match_types(table: pa.Table, mime_types: Collection[str]) -> pa.ChunkedArray:
    columns = [
        table[name].cast(pa.string())
        for name in ("content_mime_detected", "content_mime_type")
        if name in table.schema.names
    ]
    first = pc.coalesce(*columns)
    plain = pc.replace_substring_regex(pc.utf8_lower(first), r"\s*;.*$", "")
    return pc.is_in(plain, pa.array(sorted(mime_types), pa.string()))


def _match_hosts(
    table: pa.Table, hosts: Collection[str], domains: Collection[str]
) -> pa.ChunkedArray:
    """Match hosts exactly; domains also by cutting one label after another off the front."""
    if "url_host_name" in table.schema.names:
        names = table["url_host_name"].cast(pa.string())
    else:
        names = pc.struct_field(pc.extract_regex(table["url"].cast(pa.string()), _HOST), "host")
    names = pc.utf8_rtrim(pc.utf8_lower(names), ".")
    matched = pc.is_in(names, pa.array(sorted(hosts), pa.string()))
    known = pa.array(sorted(domains), pa.string())
    for _ in range(_MAX_LABELS if domains else 0):
        matched = pc.or_(matched, pc.is_in(names, known))
        names = pc.replace_substring_regex(names, r"^[^.]*(\.|$)", "")
        if pc.max(pc.binary_length(names)).as_py() in (None, 0):
            break
    return matched


def _shape_picks(table: pa.Table) -> pa.Table:
    names = table["warc_filename"].cast(pa.string())
    offsets = table["warc_record_offset"].cast(pa.int64())
    lengths = table["warc_record_length"].cast(pa.int64())
    plain = pc.and_not(
        pc.match_substring_regex(names, _FILENAME), pc.match_substring_regex(names, _DOTS)
    )
    sensible = pc.and_(
        pc.and_(pc.greater_equal(offsets, 0), pc.less(offsets, 1 << 48)),
        pc.and_(pc.greater(lengths, 0), pc.less_equal(lengths, MAX_RECORD_BYTES)),
    )
    short = pc.less_equal(pc.binary_length(names), 1024)
    if "content_digest" in table.schema.names:
        digests = _read_digests(table["content_digest"].cast(pa.string()))
    else:
        digests = pa.nulls(table.num_rows, pa.string())
    picks = pa.table([names, offsets, lengths, digests], schema=PICKS)
    return picks.filter(pc.and_(short, pc.and_(plain, sensible)))


def _read_digests(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Digests in the one form that is compared; others, and none, are null."""
    bare = pc.replace_substring_regex(pc.utf8_upper(column), r"^SHA1:", "")
    return pc.if_else(pc.match_substring_regex(bare, _SHA1), bare, pa.scalar(None, pa.string()))


def order_picks(picks: pa.Table) -> pa.Table:
    """Sort picks by file and offset, each record once."""
    keys = [("filename", "ascending"), ("offset", "ascending"), ("length", "ascending")]
    ordered = picks.sort_by([*keys, ("digest", "ascending")]).combine_chunks()
    if ordered.num_rows < 2:
        return ordered
    offsets = ordered["offset"].to_numpy()
    names = number_files(ordered)
    first = np.ones(ordered.num_rows, bool)
    first[1:] = (offsets[1:] != offsets[:-1]) | (names[1:] != names[:-1])
    return ordered.filter(pa.array(first))


def number_files(picks: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each pick, the same for picks of the same file; int64, (rows,)."""
    numbers: npt.NDArray[np.int64] = _encode_files(picks).indices.to_numpy().astype(np.int64)
    return numbers


def _encode_files(picks: pa.Table) -> pa.DictionaryArray:
    encoded = pc.dictionary_encode(picks["filename"]).combine_chunks()
    return encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded


def draw_picks(picks: pa.Table, limit: int, seed: int = 0) -> pa.Table:
    """Draw a fair sample: the picks with the least hashes, whatever order they come in.

    A draw from several tables together is the draw from the draws of each.

    Args:
        picks: of schema `PICKS`, each record once.
        limit: how many to take at most.
        seed: changes the draw.
    """
    if picks.num_rows <= limit:
        return picks
    encoded = _encode_files(picks)
    seeds = np.array(
        [
            int.from_bytes(hash_parts("pick", seed, name, size=8), "little")
            for name in encoded.dictionary.to_pylist()
        ],
        np.uint64,
    )
    offsets = picks["offset"].to_numpy().astype(np.uint64)
    hashes = _mix(seeds[encoded.indices.to_numpy()] ^ _mix(offsets))
    chosen = np.sort(np.argsort(hashes, kind="stable")[:limit])
    return picks.take(pa.array(chosen))


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def key_prefixes(wanted: RowFilter) -> list[bytes]:
    """What the sort keys of the rows of a filter's hosts begin with; none: could be anything.

    An index is sorted by host name turned around: ``org,wikipedia,de)/wiki/``, without
    a leading ``www.``. So its row groups say which of them a host can be in.
    """
    prefixes = set()
    for name in (*wanted.hosts, *wanted.domains):
        labels = re.sub(r"^www[0-9]*\.", "", name).split(".")
        if len(labels) < 2 or labels[-1].isdigit() or not name.isascii() or "[" in name:
            return []
        prefixes.add(",".join(reversed(labels)).encode("ascii"))
    return sorted(prefixes)


def may_hold(least: bytes, most: bytes, prefixes: Sequence[bytes]) -> bool:
    """Whether sorted keys between two bounds, which may be cut short, can begin with a prefix."""
    return not prefixes or any(
        least[: len(prefix)] <= prefix and prefix[: len(most)] <= most[: len(prefix)]
        for prefix in prefixes
    )
