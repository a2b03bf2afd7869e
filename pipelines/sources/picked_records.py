"""Records that an index picked: read from slices of their files, and checked against the index."""

import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from gristmill.cleaning import arc_records, warc_records
from gristmill.cleaning.record_checks import match_payload
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.schemas.fates import Damaged

BATCH_ROWS = 1024
#: What a file of slices is called; its picks lie beside it as Parquet.
SLICES_SUFFIX = ".slices"
_ARC_ENDINGS = (".arc", ".arc.gz")


class Pick(NamedTuple):
    """A record that an index names, and how much of it came."""

    filename: str
    offset: int
    length: int
    digest: str | None  # SHA-1 of its payload in base32; None: unknown
    held: int = 0


class _Slice(io.BytesIO):
    """A part of a file that says of each byte where it lies in the whole."""

    def __init__(self, payload: bytes, offset: int) -> None:
        super().__init__(payload)
        self._offset = offset

    def tell(self) -> int:
        return self._offset + super().tell()


def iterate_slices(path: Path, document_bytes: int) -> Iterator[WarcRecord | Damaged]:
    """Read the records of a file of slices: exactly one item for each pick, in order.

    Args:
        path: as `slices.hold_slices` yields it.
        document_bytes: longest record block.

    Yields:
        The record that the index named, its offset that in its own file; or `Damaged`
        where that is not one whole record with the payload that the index says.
    """
    with path.open("rb") as stream, pq.ParquetFile(path.with_suffix(".parquet")) as table:
        for batch in table.iter_batches(BATCH_ROWS, use_threads=False):
            for pick in batch.to_pylist():
                payload = None
                if pick["held"] >= 0:
                    payload = stream.read(pick["held"])
                    stream.seek(pick["length"] - len(payload), os.SEEK_CUR)
                yield read_slice(payload, Pick(**pick), document_bytes)


def read_slice(payload: bytes | None, pick: Pick, document_bytes: int) -> WarcRecord | Damaged:
    """Read the one record of a slice.

    Args:
        payload: what came of it; None: it was too large to ask for.
        pick: what the index says of it.
        document_bytes: longest record block.
    """
    filename, offset, length, digest, _ = pick
    if payload is None:
        return Damaged("too_large", f"{length} bytes by the index", offset, length)
    if len(payload) < length:
        detail = (
            f"the file ends {length - len(payload)} bytes before the record that the index names"
        )
        return Damaged("truncated_record", detail, offset, length)
    reader = arc_records if filename.endswith(_ARC_ENDINGS) else warc_records
    found: Iterator[WarcRecord | Damaged] = reader.iterate(
        _Slice(payload, offset), max_record_bytes=document_bytes
    )
    first, second = [*itertools.islice(found, 2), None, None][:2]
    if isinstance(first, Damaged):
        return first._replace(offset=offset, length=length)
    if first is None or second is not None or first.offset != offset:
        return Damaged("damaged_record", "not the one record that the index names", offset, length)
    if digest is not None and first.record_type == "response" and not _has_digest(first, digest):
        return Damaged(
            "damaged_record",
            "its payload is not the one that the index names",
            offset,
            length,
            first.record_id,
            first.url,
        )
    return first


def _has_digest(record: WarcRecord, digest: str) -> bool:
    """Whether a record is the one that an index has a payload's SHA-1 of.

    It is if it says the same of itself; whether that is true of its payload is another
    matter, on which a source has its policy.
    """
    declared = record.fields.get("warc-payload-digest", "").upper().removeprefix("SHA1:")
    return declared == digest or bool(match_payload(record, f"sha1:{digest}"))
