"""Constants of the scale model, read from what a finished run left: its ledger and its files.

Nothing is assumed here that the run can tell: CPU seconds and bytes per record,
rows per document, how sizes of duplicate groups are spread. What a run cannot tell
(memory per row, what a file costs to open) stands in `model`, with its source.
"""

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from gristmill.pipelines.exchange import encode_chunk, read_chunks, write_exchange
from gristmill.pipelines.part_files import read_part
from gristmill.pipelines.run_state import Run
from gristmill.schemas.errors import UsageError
from gristmill.schemas.ledger_records import UnitRecord
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.yaml_files import Frozen

EXCHANGE = "exchange-"
#: Files of a table whose footers are read, evenly spaced; more would not change a mean.
FOOTERS_READ = 200
#: To weigh a chunk, a file's first rows are scattered over few chunks, then over four times
#: as many: 64 at most, 16 rows each at least.
TRIAL_ROWS = 20_000
TRIAL_CHUNKS = 64
TRIAL_CHUNK_ROWS = 16
#: Groups that the tail of the group sizes is fitted to: the largest tenth, at least ten.
TAIL_SHARE = 0.1
TAIL_LEAST = 10


class TableRates(Frozen):
    """How a table of one step grows.

    Attributes:
        rows_per_document: rows / documents that collect kept.
        row_bytes: file bytes a row, headers apart.
        cut_row_bytes: of an exchange, the same once rows are scattered over partitions, where
            neighbours no longer resemble each other.
        group_bytes: file bytes a row group (in an exchange: a chunk) adds.
        file_bytes: size of a file without rows.
        columns: leaf columns; opening a file costs time for each one of each group.
        sent_row_bytes: of an exchange, bytes a row as Arrow IPC, as an engine's shuffle has it.
        sent_chunk_bytes: the same, for a chunk's header.
    """

    rows_per_document: float = Field(ge=0)
    row_bytes: float
    group_bytes: float
    file_bytes: float
    columns: int
    cut_row_bytes: float = 0.0
    sent_row_bytes: float = 0.0
    sent_chunk_bytes: float = 0.0


class Spread(Frozen):
    """A rate as its units had it: 10th percentile, median, 90th percentile."""

    low: float
    middle: float
    high: float


class StepRates(Frozen):
    """What a step takes in and costs.

    Attributes:
        records_per_document: records that it takes in / documents that collect kept.
        cpu_seconds: CPU seconds a record taken in; of a step without records, a unit.
        tables: what its units write.
    """

    records_per_document: float
    cpu_seconds: Spread
    tables: Mapping[str, TableRates]


class Duplicates(Frozen):
    """How documents share clusters.

    Attributes:
        stars_per_document: edges that connect every cluster, over documents.
        keys_per_star: keys under which two neighbours of such an edge meet: bands, and equal text.
        largest_cluster: members of the largest one.
        growth: of the largest one with the documents, as an exponent between 0 and 1, by Hill's
            estimator: sizes whose tail falls as size^-a have a maximum that grows as n^(1/a).
    """

    stars_per_document: float
    keys_per_star: float
    largest_cluster: int
    growth: float = Field(ge=0, le=1)


class Constants(Frozen):
    """All that the model takes from a run.

    Attributes:
        documents: that collect kept; every "per document" is over them.
        files: input files.
        input_bytes: of them, as they lie on disk.
        kept_text_bytes: text a document that the policy keeps, before duplicates go.
        curated_text_bytes: text a document that is published.
        steps: by name.
        duplicates: sizes of clusters.
    """

    documents: int = Field(gt=0)
    files: int = Field(gt=0)
    input_bytes: int
    kept_text_bytes: float
    curated_text_bytes: float
    steps: Mapping[str, StepRates]
    duplicates: Duplicates


def read_constants(run: Run) -> Constants:
    """Read the constants of a finished run whose work lies on this machine.

    Raises:
        UsageError: the run kept no document.
    """
    collected = run.manifests["collect"].totals
    documents = collected.kept
    if documents == 0:
        raise UsageError(
            "none of the sampled files holds a document: sample other files, or more of them"
        )
    return Constants(
        documents=documents,
        files=collected.units,
        input_bytes=collected.bytes_in,
        kept_text_bytes=_sum_fact(run, "decide.judge", "kept_text_bytes") / documents,
        curated_text_bytes=_sum_fact(run, "decide.sort-curated", "text_bytes") / documents,
        steps={
            name: _read_step(run, manifest, documents) for name, manifest in run.manifests.items()
        },
        duplicates=_read_duplicates(run, documents),
    )


def _sum_fact(run: Run, step: str, name: str) -> int:
    return sum(int(record.facts[name]) for record in run.records(step))


def _read_step(run: Run, manifest: StageManifest, documents: int) -> StepRates:
    tables = sorted({part.table for part in manifest.parts})
    return StepRates(
        records_per_document=manifest.totals.records_in / documents,
        cpu_seconds=spread_costs(run.records(manifest.stage)),
        tables={table: _read_table(run, manifest, table, documents) for table in tables},
    )


def spread_costs(records: Sequence[UnitRecord]) -> Spread:
    """Spread CPU seconds a record over the units that took in records.

    Units weigh as much as they have records: a shard of three documents says little.
    With fewer than three units the mean stands for all.
    """
    seconds = sum(record.cpu_seconds for record in records)
    taken = sum(record.records_in for record in records)
    mean = seconds / (taken or len(records))
    filled = [record for record in records if record.records_in]
    if len(filled) < 3:
        return Spread(low=mean, middle=mean, high=mean)
    ranked = sorted(
        (record.cpu_seconds / record.records_in, record.records_in) for record in filled
    )
    shares = np.cumsum([weight for _, weight in ranked]) / taken
    low, middle, high = (ranked[int(np.searchsorted(shares, at))][0] for at in (0.1, 0.5, 0.9))
    return Spread(low=low, middle=middle, high=high)


def _read_table(run: Run, manifest: StageManifest, table: str, documents: int) -> TableRates:
    parts = manifest.of_table(table)
    total = sum(part.bytes for part in parts)
    folder = run.workspace.step_folder(manifest.stage)
    paths = [Path(str(folder / part.path)) for part in parts]
    rows = sum(part.rows for part in parts)
    if paths[0].suffix != ".parquet":  # a plan, a tokenizer
        per_row = total / rows if rows else 0.0
        per_file = 0.0 if rows else total / len(parts)
        return TableRates(
            rows_per_document=rows / documents,
            row_bytes=per_row,
            group_bytes=0.0,
            file_bytes=per_file,
            columns=1,
        )
    step = -(-len(paths) // FOOTERS_READ)
    footers = [pq.read_metadata(path) for path in paths[::step]]
    read_rows = sum(footer.num_rows for footer in footers)
    groups = sum(footer.num_row_groups for footer in footers)
    read_bytes = sum(part.bytes for part in parts[::step])
    largest = int(np.argmax([footer.num_rows for footer in footers]))
    empty = _weigh_empty(paths[::step][largest])
    trial = _Trial()
    per_group = _weigh_group(footers[largest], empty)
    if table.startswith(EXCHANGE):
        trial = _weigh_chunks(paths[::step][largest], empty)
        per_group = trial.group_bytes
    data = max(0.0, read_bytes - empty * len(footers) - per_group * groups)
    per_row = data / read_rows if read_rows else 0.0
    return TableRates(
        rows_per_document=read_rows * (total / read_bytes) / documents,
        row_bytes=per_row,
        group_bytes=per_group,
        file_bytes=empty,
        columns=footers[0].num_columns,
        # A run of many partitions has shown what scattered rows weigh.
        cut_row_bytes=per_row if groups > 2 * len(footers) else trial.cut_row_bytes,
        sent_row_bytes=trial.sent_row_bytes,
        sent_chunk_bytes=trial.sent_chunk_bytes,
    )


def _weigh_empty(path: Path) -> int:
    sink = io.BytesIO()
    pq.ParquetWriter(sink, pq.read_schema(path).remove_metadata()).close()
    return len(sink.getvalue())


def _weigh_group(footer: pq.FileMetaData, empty: int) -> float:
    return max(0.0, float(footer.serialized_size - empty)) / max(1, int(footer.num_row_groups))


class _Trial(Frozen):
    group_bytes: float = 0.0
    cut_row_bytes: float = 0.0
    sent_row_bytes: float = 0.0
    sent_chunk_bytes: float = 0.0


def _weigh_chunks(path: Path, empty: int) -> _Trial:
    """Scatter a file's rows over few chunks and over many: the difference is the chunks' own."""
    pieces = [rows for _, rows in read_chunks(path)]
    rows = min(TRIAL_ROWS, sum(piece.num_rows for piece in pieces))
    few = min(TRIAL_CHUNKS, rows // TRIAL_CHUNK_ROWS)
    if rows == 0:
        return _Trial()
    table = pa.concat_tables(pieces).slice(0, rows).combine_chunks().replace_schema_metadata()
    if few == 0:  # too few to tell rows from chunks: all is put on the rows
        stored_row = max(0.0, float(path.stat().st_size - empty)) / rows
        return _Trial(cut_row_bytes=stored_row, sent_row_bytes=len(encode_chunk(table)) / rows)
    many = 4 * few
    places = np.random.default_rng(0).permutation(rows)  # as hashes would scatter them
    stored, sent = [], []
    for count in (few, many):
        partitions = (places % count).astype(np.int64)
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder) / "trial.parquet"
            write_exchange(trial, table, partitions)
            stored.append(trial.stat().st_size)
            # Without what the file says of itself: a list of its chunks belongs to no chunk.
            sent.append(
                sum(
                    len(encode_chunk(chunk.replace_schema_metadata()))
                    for _, chunk in read_chunks(trial)
                )
            )
    per_group = max(0.0, (stored[1] - stored[0]) / (many - few))
    per_chunk = (sent[1] - sent[0]) / (many - few)
    return _Trial(
        group_bytes=per_group,
        cut_row_bytes=max(0.0, stored[0] - empty - few * per_group) / rows,
        sent_row_bytes=(sent[0] - few * per_chunk) / rows,
        sent_chunk_bytes=per_chunk,
    )


def _read_duplicates(run: Run, documents: int) -> Duplicates:
    [(_, _, path)] = run.pair_parts("deduplicate.connect", "components")
    components = read_part(path, ["cluster_id", "cluster_size"])
    ids = components["cluster_id"].combine_chunks().dictionary_encode().indices
    _, places = np.unique(np.asarray(ids), return_index=True)
    sizes = np.asarray(components["cluster_size"], np.int64)[places]
    stars = int(sizes.sum()) - len(sizes)
    return Duplicates(
        stars_per_document=stars / documents,
        keys_per_star=_count_links(run) / stars if stars else 1.0,
        largest_cluster=int(sizes.max(initial=1)),
        growth=fit_growth(sizes),
    )


def _count_links(run: Run) -> float:
    """Neighbours under a key, over all keys, from the keys of the first partition."""
    partitions = len(run.steps["deduplicate.link"].units)
    found = [np.empty(0, np.uint64)]
    for _, _, path in run.pair_parts("deduplicate.sign", "exchange-keys"):
        found.extend(np.asarray(rows["key"], np.uint64) for _, rows in read_chunks(path, 0))
    keys = np.concatenate(found)
    return float(len(keys) - len(np.unique(keys))) * partitions


def fit_growth(sizes: npt.NDArray[np.int64]) -> float:
    """Exponent with which the largest of some group sizes grows with their number.

    Hill's estimator of the tail (Hill 1975), on the largest tenth. Too few groups to
    tell give 1: the largest group has the same share of any number of documents.
    """
    if len(sizes) <= TAIL_LEAST:
        return 1.0
    ranked = np.sort(sizes)[::-1].astype(np.float64)
    count = min(len(ranked) - 1, max(TAIL_LEAST, int(TAIL_SHARE * len(ranked))))
    inverse = float(np.mean(np.log(ranked[:count] / ranked[count])))
    return min(1.0, inverse)
