"""The scale model: what a run of any size costs, and where the present code gives out.

Pure arithmetic. Each step is described by what its code does: how many units it
has, which tables they read once, which tables *every* unit reads, and which
exchanges cross units. Constants come from a finished run (`constants`);
those below, which no ledger tells, were measured by ``make bench NAME=scale``.

Counts (units, partitions, files) are exact; bytes are meant within 15 %; CPU
seconds within a factor of two, for documents like those of the run.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gristmill.pipelines.exchange import CHUNK_BYTES, count_partitions
from gristmill.pipelines.part_files import BATCH_ROWS
from gristmill.pipelines.scaling.constants import EXCHANGE, Constants, Spread, TableRates
from gristmill.pipelines.scaling.shapes import (
    CUT_BY,
    DROPS,
    EDGES,
    FILES,
    PARTITIONS,
    PUBLISHED,
    SHAPES,
    SHARDS,
    Shape,
    Table,
)
from gristmill.pipelines.stages.decide_steps import DROPPED_PER_PARTITION
from gristmill.pipelines.stages.planning import ROWS_PER_PARTITION
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.yaml_files import Frozen

#: CPU seconds to test one row of a table that every unit reads against the unit's ids.
FIND_SECONDS = 0.5e-6
#: CPU seconds to open an exchange file, and to parse one column of one chunk in its footer.
OPEN_SECONDS = 1e-4
FOOTER_SECONDS = 0.3e-6
#: Bytes that the launcher hashes and links into the store in a second, one file at a time.
PUBLISH_RATE = 0.5e9
#: Memory of a child before it holds a unit's rows: interpreter, libraries, models.
CHILD_BYTES = 300e6
#: Memory of a unit over the Arrow bytes that it takes in through an exchange.
INCOMING_FACTORS: Mapping[str, float] = MappingProxyType(
    {
        "deduplicate.link": 5.2,
        "deduplicate.verify": 6.0,
        "decide.resolve": 4.0,  # counted from the copies that the code makes, not measured
        "decide.sort-curated": 3.3,
        "decide.sort-dropped": 3.3,
    }
)
#: The same over what it sends out: rows gathered, then taken in the order of partitions.
#: Counted, not measured.
OUTGOING_FACTOR = 3.5
EDGE_BYTES = 220.0  # memory of `connect` for each edge


class Settings(Frozen):
    """What a recipe decides about size."""

    shard_bytes: int
    held_out: tuple[float, float]  # validation, test
    train_bytes: int | None  # text that a tokenizer is trained on; None: none is trained
    child_memory_bytes: int

    @staticmethod
    def of(recipe: Recipe) -> "Settings":
        """The settings of a recipe."""
        return Settings(
            shard_bytes=recipe.publishing.shard_bytes,
            held_out=(recipe.splits.validation, recipe.splits.test),
            train_bytes=None if recipe.tokenizer.path else recipe.tokenizer.train_bytes,
            child_memory_bytes=recipe.limits.child_memory_bytes,
        )


class Workload(Frozen):
    """A size: documents that collect keeps, input files, and how rows cross units.

    Attributes:
        documents: that collect keeps.
        files: input files.
        shuffles: rows cross by the engine's own shuffle, as Arrow bytes, not by exchange files.
        hot_growth: of the largest cluster, as an exponent of the documents; None is the run's
            own tail, 1 that the most copied page has the same share of any crawl.
    """

    documents: int
    files: int
    shuffles: bool = False
    hot_growth: float | None = None


class StepLoad(Frozen):
    """What a step moves, holds and costs.

    Attributes:
        step: name.
        units: of work, each handled by one child from start to end.
        records: rows taken in.
        bytes_read: read once.
        bytes_repeated: read again by one unit after the other: all parts of a table, or
            the footer of every exchange file.
        bytes_written: by its units, ledger records apart.
        shuffle_bytes: what crosses units on the way in.
        opens: files opened.
        files: files written, ledger records included.
        largest_rows: rows of the largest partition or unit.
        memory_bytes: of the largest unit's process.
        cpu_seconds: of all units, engine apart.
        sequential_seconds: of the largest unit: no number of workers makes it faster.
    """

    step: str
    units: int
    records: int
    bytes_read: float
    bytes_repeated: float
    bytes_written: float
    shuffle_bytes: float
    opens: int
    files: int
    largest_rows: int
    memory_bytes: float
    cpu_seconds: Spread
    sequential_seconds: float


@dataclass(frozen=True)
class _Size:
    """A table at some size: rows, files, row groups, bytes on disk and as Arrow."""

    rows: float
    files: int
    groups: float
    columns: int
    file_bytes: float
    footer_bytes: float
    sent_bytes: float


@dataclass(frozen=True)
class _Model:
    """Constants, a size, and the counts that follow from both."""

    constants: Constants
    settings: Settings
    workload: Workload

    @property
    def edges(self) -> float:
        """Edges that link's partitions send to connect.

        Each partition reduces its own to stars, so a star edge that `k` keys make
        arrives once for each partition that one of them falls into.
        """
        found = self.constants.duplicates
        stars = found.stars_per_document * self.workload.documents
        return stars * count_occupied(found.keys_per_star, self.count(PARTITIONS))

    @property
    def largest_cluster(self) -> float:
        """Members of the largest cluster, by the tail that the run's clusters have."""
        found = self.constants.duplicates
        times = self.workload.documents / self.constants.documents
        growth = self.workload.hot_growth
        exponent = found.growth if growth is None else growth
        return min(
            float(self.workload.documents),
            found.largest_cluster * math.pow(max(1.0, times), exponent),
        )

    def count_splits(self) -> list[int]:
        """Shards of each split, as `decide_steps.count_shards` has it."""
        kept = round(self.constants.kept_text_bytes * self.workload.documents)
        held_out = self.settings.held_out
        shares = (1 - sum(held_out), *held_out)
        return [count_partitions(int(kept * share), self.settings.shard_bytes) for share in shares]

    def count(self, what: str) -> int:
        """Number of units that there is one of `what` for."""
        if what == FILES:
            return self.workload.files
        if what == PARTITIONS:
            return count_partitions(self.workload.documents, ROWS_PER_PARTITION)
        if what == SHARDS:
            return sum(self.count_splits())
        if what == DROPS:
            measured = round(self.workload.documents * self._ratio("decide.judge"))
            return count_partitions(measured, DROPPED_PER_PARTITION)
        return 1

    def _ratio(self, step: str) -> float:
        return self.constants.steps[step].records_per_document

    def records(self, step: str) -> float:
        """Rows that a step takes in."""
        if step == "deduplicate.connect":
            return self.edges
        return self._ratio(step) * self.workload.documents

    def measure(self, table: Table) -> _Size:
        """Size of a table."""
        step, name = table
        rates = self.constants.steps[step].tables[name]
        rows = self.edges if table == EDGES else rates.rows_per_document * self.workload.documents
        files = self.count(SHAPES[step].units)
        groups = self._count_groups(name, rates, rows, files)
        cut = name.startswith(EXCHANGE) and self.count(CUT_BY.get(name, PARTITIONS)) > 1
        footer = files * rates.file_bytes + groups * rates.group_bytes
        return _Size(
            rows=rows,
            files=files,
            groups=groups,
            columns=rates.columns,
            file_bytes=footer + rows * (rates.cut_row_bytes if cut else rates.row_bytes),
            footer_bytes=footer,
            sent_bytes=rows * rates.sent_row_bytes + groups * rates.sent_chunk_bytes,
        )

    def _count_groups(self, name: str, rates: TableRates, rows: float, files: int) -> float:
        per_file = rows / files
        if not name.startswith(EXCHANGE):
            return files * max(math.ceil(per_file / BATCH_ROWS), 0) if per_file >= 1 else rows
        cut = rows * rates.sent_row_bytes / CHUNK_BYTES
        if CUT_BY.get(name) == SHARDS:
            held_out = self.settings.held_out
            shares = (1 - sum(held_out), *held_out)
            parts = zip(shares, self.count_splits(), strict=True)
            return max(
                cut, files * sum(count_occupied(per_file * share, count) for share, count in parts)
            )
        return max(cut, files * count_occupied(per_file, self.count(CUT_BY.get(name, PARTITIONS))))


def count_occupied(rows: float, partitions: int) -> float:
    """Partitions that at least one of some rows falls into, by chance; at most `rows`."""
    if partitions == 1:
        return min(1.0, rows)
    return partitions * -math.expm1(rows * math.log1p(-1 / partitions))


def predict_steps(
    constants: Constants, settings: Settings, workload: Workload
) -> tuple[StepLoad, ...]:
    """Predict every step of a run.

    Args:
        constants: of a finished run of the same recipe on documents like those meant.
        settings: of the recipe.
        workload: the size asked for.

    Returns:
        collect to tokenize, then publish.
    """
    model = _Model(constants, settings, workload)
    steps = [_predict_step(model, step, shape) for step, shape in SHAPES.items()]
    return (*steps, _predict_publish(model))


def _predict_step(model: _Model, step: str, shape: Shape) -> StepLoad:
    units = model.count(shape.units)
    once = [model.measure(table) for table in shape.once]
    searched = [model.measure(table) for table in shape.all_parts]
    incoming = [model.measure(table) for table in shape.exchanges]
    written = {
        name: model.measure((step, name)) for name in sorted(model.constants.steps[step].tables)
    }
    outgoing = [size for name, size in written.items() if name.startswith(EXCHANGE)]
    by_files = not model.workload.shuffles
    crossing = sum(size.file_bytes if by_files else size.sent_bytes for size in incoming)
    footers = units * sum(size.footer_bytes for size in incoming) if by_files else 0.0
    readers = units if by_files else 1
    records = model.records(step)
    opens = (
        sum(size.files for size in once)
        + units * sum(size.files for size in searched)
        + readers * sum(size.files for size in incoming)
        + (units if step == "collect" else 0)
    )
    extra = units * sum(size.rows for size in searched) * FIND_SECONDS
    extra += readers * sum(
        size.files * OPEN_SECONDS + size.groups * size.columns * FOOTER_SECONDS for size in incoming
    )
    cpu = _scale_cpu(model, step, records, extra)
    largest = _count_largest(model, step, shape, records)
    return StepLoad(
        step=step,
        units=units,
        records=round(records),
        bytes_read=sum(size.file_bytes for size in (*once, *incoming))
        + (_input_bytes(model) if step == "collect" else 0),
        bytes_repeated=units * sum(size.file_bytes for size in searched) + footers,
        bytes_written=sum(size.file_bytes for size in written.values()),
        shuffle_bytes=crossing,
        opens=opens,
        files=units + sum(size.files for size in written.values()),
        largest_rows=round(largest),
        memory_bytes=_weigh_memory(step, records, largest, units, incoming, outgoing),
        cpu_seconds=cpu,
        sequential_seconds=cpu.middle * (largest / records if records else 1 / units),
    )


def _input_bytes(model: _Model) -> float:
    constants = model.constants
    return constants.input_bytes / constants.documents * model.workload.documents


def _scale_cpu(model: _Model, step: str, records: float, extra: float) -> Spread:
    rates = model.constants.steps[step].cpu_seconds
    times = records if model.constants.steps[step].records_per_document else 1.0
    if step == "tokenize.tokenizer" and model.settings.train_bytes is not None:
        # Trained on text up to a budget, which the sampled run may not have filled.
        text = model.constants.curated_text_bytes
        seen = min(model.settings.train_bytes, text * model.constants.documents)
        times = min(model.settings.train_bytes, text * model.workload.documents) / max(1.0, seen)
    return Spread(
        low=rates.low * times + extra,
        middle=rates.middle * times + extra,
        high=rates.high * times + extra,
    )


def _count_largest(model: _Model, step: str, shape: Shape, records: float) -> float:
    """Rows of the largest unit: a fair share and, where a key or cluster stays whole, the hottest."""
    units = model.count(shape.units)
    if shape.units == SHARDS:
        shards = model.count_splits()
        return records * (1 - sum(model.settings.held_out)) / shards[0]
    share = records / units
    if shape.units == PARTITIONS and units > 1:
        share += model.largest_cluster
    return min(records, share)


def _weigh_memory(
    step: str,
    records: float,
    largest: float,
    units: int,
    incoming: list[_Size],
    outgoing: list[_Size],
) -> float:
    share = largest / records if records else 1 / units
    held = INCOMING_FACTORS.get(step, 0.0) * share * sum(size.sent_bytes for size in incoming[:1])
    held += OUTGOING_FACTOR / units * sum(size.sent_bytes for size in outgoing)
    if step == "deduplicate.connect":
        held += EDGE_BYTES * records
    return CHILD_BYTES + held


def _predict_publish(model: _Model) -> StepLoad:
    sizes = [model.measure(table) for table in PUBLISHED]
    size = sum(found.file_bytes for found in sizes)
    seconds = size / PUBLISH_RATE
    files = sum(found.files for found in sizes)
    return StepLoad(
        step="publish",
        units=1,
        records=round(model.records("tokenize.encode")),
        bytes_read=size,
        bytes_repeated=0.0,
        bytes_written=0.0,  # hard links, where the file system has them
        shuffle_bytes=0.0,
        opens=files,
        files=files,
        largest_rows=round(model.records("tokenize.encode")),
        memory_bytes=CHILD_BYTES,
        cpu_seconds=Spread(low=seconds, middle=seconds, high=seconds),
        sequential_seconds=seconds,
    )


def fit_exponent(
    small: float, large: float, documents: tuple[int, int], *, least: float = 0.0
) -> float:
    """Exponent with which a figure grows from one number of documents to another.

    Args:
        small: the figure at the smaller number.
        large: at the larger.
        documents: both numbers, ascending.
        least: figures below it count as it, so that noise has no exponent.
    """
    low, high = max(small, least), max(large, least)
    if low <= 0 or high <= 0:
        return 0.0
    return math.log(high / low) / math.log(documents[1] / documents[0])


def sum_cpu(steps: tuple[StepLoad, ...], pick: Callable[[Spread], float] | None = None) -> float:
    """CPU seconds of all steps; the median unless another end of the spread is picked."""
    chosen = pick or (lambda spread: spread.middle)
    return sum(chosen(step.cpu_seconds) for step in steps)
