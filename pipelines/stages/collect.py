"""Collect: input files to documents. A unit reads one file, or one range of a large one."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.downloads import hold_file
from gristmill.pipelines.part_files import BATCH_BYTES, BATCH_ROWS, PartWriter, write_part
from gristmill.pipelines.sources.kinds import SOURCE_KINDS, Piece, SourceKind
from gristmill.pipelines.watching import Watch
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.identity import content_id, doc_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.sources import HuggingFace, JsonLines, ParquetRows, Source, TextFiles
from gristmill.schemas.tables import DOCUMENTS, DROPPED, QUARANTINE

STAGE = "collect"
#: Offsets of a file at which a range may begin.
CUTS = pa.schema([pa.field("offset", pa.int64(), nullable=False)])
_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def collect_file(context: UnitContext) -> UnitResult:
    """Read one input file; every record ends as a row of one of three tables, or counted."""
    params = context.unit.params
    source = _SOURCE.validate_python(params["source"])
    kind = SOURCE_KINDS[source.kind]
    tables = _Tables(context.folder, source, params["name"])
    with hold_file(params, context.folder) as held:
        piece = Piece(held.path, params["start"], params["stop"], params["document_bytes"])
        with tables:
            for fate in _read_fates(kind, source, piece, context.watch):
                tables.add(fate)
        result = tables.count(piece.count_bytes())
        result.facts["input_sha256"] = held.sha256
        return result


def index_file(context: UnitContext) -> UnitResult:
    """Find where a large input file can be cut without cutting a record."""
    params = context.unit.params
    cut = SOURCE_KINDS[params["kind"]].cut
    assert cut is not None, "only kinds that can be cut are indexed"
    with hold_file(params, context.folder) as held:
        offsets = cut(held.path, params["split_bytes"], params["document_bytes"])
        bytes_in = held.path.stat().st_size
    rows = pa.table({"offset": pa.array(offsets, pa.int64())}, schema=CUTS)
    write_part(context.folder / "cuts.parquet", rows, CUTS)
    facts: dict[str, int | float | str] = {"rows:cuts.parquet": rows.num_rows}
    return UnitResult(records_in=0, kept=0, bytes_in=bytes_in, facts=facts)


def _read_fates(
    kind: SourceKind, source: Source, piece: Piece, watch: Watch
) -> Iterator[Found | Refused | Damaged]:
    """Read raw items and turn each into a fate."""
    for item, reason in watch_items(kind.read(piece, source), piece.path, watch):
        if isinstance(item, Refused | Damaged):
            yield item
        elif reason is None:
            yield kind.extract(item, source, piece.document_bytes)
        else:
            yield _set_aside(item, reason)


def watch_items(items: Iterator[Any], path: Path, watch: Watch) -> Iterator[tuple[Any, str | None]]:
    """Take items from a reader, telling the supervisor which is in flight until the next is asked.

    Args:
        items: what a reader yields.
        path: of the file that it reads.
        watch: of the unit.

    Yields:
        Each item, and why it must not be worked on, if an earlier child died of it. A
        `Damaged` stands for the rest of a file that cannot be read on.
    """
    stop = watch.refusals.stop_before
    for ordinal in itertools.count():
        if stop is not None and ordinal >= stop[0]:
            yield Damaged(stop[1], f"nothing after record {ordinal} can be read", 0, 0), None
            return
        watch.enter(ordinal)
        try:
            item = next(items, None)
        except InputError as error:
            yield Damaged("damaged_record", str(error).replace(str(path), path.name), 0, 0), None
            return
        if item is None:
            return
        yield item, watch.refusal(ordinal)


def _set_aside(item: Any, reason: str) -> Damaged:
    native_id = getattr(item, "record_id", None)
    url = getattr(item, "url", None)
    return Damaged(
        reason, "killed while this record was read", item.offset, item.length, native_id, url
    )


class _Tables:
    """Collects fates into the three tables of a unit and counts them."""

    def __init__(self, folder: Path, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._documents = PartWriter(folder / "documents.parquet", DOCUMENTS)
        self._dropped = PartWriter(folder / "dropped.parquet", DROPPED)
        self._quarantine = PartWriter(folder / "quarantine.parquet", QUARANTINE)
        self._found: list[Found] = []
        self._found_bytes = 0
        self._refused: list[Refused] = []
        self._damaged: list[Damaged] = []
        self._rules: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._kept = 0
        self._text_bytes = 0
        self._id_sum = 0

    def __enter__(self) -> "_Tables":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            self._flush_found()
            self._flush_refused()
            self._flush_damaged()
        for writer in (self._documents, self._dropped, self._quarantine):
            writer.__exit__(kind, error, trace)

    def add(self, fate: Found | Refused | Damaged) -> None:
        if isinstance(fate, Found):
            self._found.append(fate)
            self._found_bytes += len(fate.text)
            if len(self._found) >= BATCH_ROWS or self._found_bytes >= BATCH_BYTES:
                self._flush_found()
        elif isinstance(fate, Refused):
            self._rules[fate.rule] += 1
            # Requests, metadata and the like are counted; a row for each would be most of the table.
            if fate.rule != "record_type":
                self._refused.append(fate)
                if len(self._refused) >= BATCH_ROWS:
                    self._flush_refused()
        else:
            self._reasons[fate.reason] += 1
            self._damaged.append(fate)
            if len(self._damaged) >= BATCH_ROWS:
                self._flush_damaged()

    def count(self, bytes_in: int) -> UnitResult:
        lost = sum(self._rules.values()) + sum(self._reasons.values())
        return UnitResult(
            records_in=self._kept + lost,
            kept=self._kept,
            dropped=dict(self._rules),
            quarantined=dict(self._reasons),
            ids_kept=self._id_sum,
            bytes_in=bytes_in,
            facts={
                "rows:documents.parquet": self._documents.rows,
                "rows:dropped.parquet": self._dropped.rows,
                "rows:quarantine.parquet": self._quarantine.rows,
                "text_bytes": self._text_bytes,
                "source": self._source.name,
            },
        )

    def _native_id(self, fate: Found | Refused | Damaged) -> str | None:
        if fate.native_id is None:
            return None
        if isinstance(self._source, JsonLines | ParquetRows | HuggingFace | TextFiles):
            # A row's id is only unique in its source, and a row's number only in its file.
            is_named = getattr(self._source, "id", None) is not None
            parts = (self._source.name, "" if is_named else self._name, fate.native_id)
            return "/".join(part for part in parts if part)
        return fate.native_id

    def _locator(self, fates: list[Any]) -> dict[str, list[Any]]:
        return {
            "file": [self._name] * len(fates),
            "offset": [fate.offset for fate in fates],
            "length": [fate.length for fate in fates],
            "url": [fate.url for fate in fates],
        }

    def _flush_found(self) -> None:
        fates, self._found, self._found_bytes = self._found, [], 0
        if not fates:
            return
        native_ids = [str(self._native_id(fate)) for fate in fates]
        ids = [doc_id(self._source.kind, native_id) for native_id in native_ids]
        texts = pa.array([fate.text for fate in fates], pa.string())
        columns: dict[str, Any] = {
            "doc_id": ids,
            "content_id": [content_id(fate.text) for fate in fates],
            "source": [self._source.name] * len(fates),
            "kind": [self._source.kind] * len(fates),
            "native_id": native_ids,
            "text": texts,
            "opt_outs": [fate.opt_outs or None for fate in fates],
            **self._locator(fates),
        }
        for name in DOCUMENTS.names:
            if name not in columns:
                columns[name] = [getattr(fate, name) for fate in fates]
        self._documents.write(_make_batch(columns, DOCUMENTS))
        self._kept += len(fates)
        self._text_bytes += pc.sum(pc.binary_length(texts)).as_py()
        self._id_sum += sum_ids(np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16))
        self._id_sum &= (1 << 64) - 1

    def _flush_refused(self) -> None:
        fates, self._refused = self._refused, []
        columns = {
            "stage": [STAGE] * len(fates),
            "source": [self._source.name] * len(fates),
            "native_id": [self._native_id(fate) for fate in fates],
            "rule": [fate.rule for fate in fates],
            "detail": [fate.detail for fate in fates],
            **self._locator(fates),
        }
        self._dropped.write(_make_batch(columns, DROPPED))

    def _flush_damaged(self) -> None:
        fates, self._damaged = self._damaged, []
        columns = {
            "stage": [STAGE] * len(fates),
            "source": [self._source.name] * len(fates),
            "native_id": [self._native_id(fate) for fate in fates],
            "reason": [fate.reason for fate in fates],
            "detail": [fate.detail for fate in fates],
            **self._locator(fates),
        }
        self._quarantine.write(_make_batch(columns, QUARANTINE))


def _make_batch(columns: dict[str, Any], schema: pa.Schema) -> pa.RecordBatch:
    """Build a batch; columns that are not given are null."""
    rows = len(columns["file"])
    arrays = [
        _as_array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_array(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
