"""Engines: how the one graph of a step is run.

``Create | ReadUnits | Reshuffle | RunUnits``: elements are unit handles, never
documents, and the list of units is read inside the pipeline. A step that reads an
exchange is the same graph when the exchange lies in partition files; where the
engine has a shuffle of its own, chunks go through ``GroupByKey`` and meet their
unit's handle there.
"""

import dataclasses
import json
import logging
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from gristmill.pipelines.exchange import (
    decode_chunk,
    encode_chunk,
    encode_partition,
    read_chunks,
    write_exchange,
)
from gristmill.pipelines.steps import read_list
from gristmill.pipelines.units import Unit
from gristmill.pipelines.workers import ChildLimits, share_pool
from gristmill.schemas.errors import GristmillError, UnitFailedError
from gristmill.schemas.ledger_records import UnitRecord

#: Our names for Beam's runners. `local` is named in full: plain DirectRunner tries a
#: download at every start and can hang behind a silent proxy.
RUNNERS = {"local": "FnApiRunner"}
_HANDLE = "unit handle"  # in a group, beside the names of exchanges


@dataclass(frozen=True)
class Engine:
    """Which runner, how many children each of its workers keeps, and how rows cross units."""

    name: str = "local"
    workers: int = 1
    limits: ChildLimits = field(default_factory=ChildLimits)
    exchange: str = "files"  # files | group_by_key

    def options(self) -> PipelineOptions:
        """Pipeline options of the runner."""
        return PipelineOptions([], runner=RUNNERS[self.name])

    def execute(self, unit_list: Path) -> None:
        """Run every unit of a list file and wait for the end.

        Raises:
            UnitFailedError: a unit failed for a reason that is not one document's.
        """
        # A failed unit is one sentence; Beam would print its whole stack for each retry.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        first = Unit.decode(read_handles(str(unit_list))[0])  # all units of a step are alike
        shuffles = self.exchange == "group_by_key" and "exchanges" in first.params
        try:
            with beam.Pipeline(options=self.options()) as pipeline:
                handles = (
                    pipeline
                    | "UnitList" >> beam.Create([str(unit_list)])
                    | "ReadUnits" >> beam.FlatMap(read_handles).with_output_types(bytes)
                    | "Spread" >> beam.Reshuffle()
                )
                if shuffles:
                    chunks = pipeline | ReadChunks(dict(first.params["exchanges"]))
                    _ = (handles, chunks) | ReduceUnits(self)
                else:
                    _ = handles | RunUnits(self)
        except UnitFailedError as error:
            # Beam adds which step of its graph was running, which says nothing to a user.
            raise UnitFailedError(str(error).partition(" [while running")[0]) from None


class _CarryOut(beam.DoFn):
    """Carries out unit handles in the worker's pool of children, a few ahead of the output."""

    def __init__(self, workers: int, limits: ChildLimits) -> None:
        self._workers = workers
        self._limits = limits
        self._running: deque[Future[UnitRecord]] = deque()

    def start_bundle(self) -> None:
        self._running = deque()

    def process(self, handle: bytes) -> Iterator[bytes]:
        pool = share_pool(self._workers, self._limits)
        self._running.append(pool.submit(Unit.decode(handle)))
        while len(self._running) > 2 * self._workers:
            yield self._take()

    def finish_bundle(self) -> Iterator[Any]:
        end = GlobalWindow().max_timestamp()
        while self._running:
            yield WindowedValue(self._take(), end, [GlobalWindow()])

    def _take(self) -> bytes:
        try:
            record = self._running.popleft().result()
        except GristmillError:
            for future in self._running:
                future.cancel()
            raise
        return record.model_dump_json().encode("utf-8")


def read_handles(path: str) -> list[bytes]:
    """Read a list of unit handles, one a line."""
    return Path(path).read_bytes().splitlines()


@dataclass
class RunUnits(beam.PTransform):
    """Carry out units: takes unit handles (JSON bytes), gives unit records (JSON bytes)."""

    engine: Engine

    def expand(self, handles: Any) -> Any:
        """Run every handle; a handle may be retried, its output is the same."""
        doing = _CarryOut(self.engine.workers, self.engine.limits)
        return handles | "RunUnits" >> beam.ParDo(doing).with_output_types(bytes)


@dataclass
class ReadChunks(beam.PTransform):
    """Read exchanges: gives (partition key, (name, Arrow IPC bytes)) for every chunk."""

    exchanges: dict[str, str]  # name: list file of the map units' exchange files

    def expand(self, pipeline: Any) -> Any:
        """Read each file on whichever worker gets its path."""
        pairs = tuple[bytes, tuple[str, bytes]]
        return (
            pipeline
            | "ExchangeLists" >> beam.Create(sorted(self.exchanges.items()))
            | "ListFiles" >> beam.FlatMapTuple(list_files)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadChunks" >> beam.FlatMapTuple(read_keyed).with_output_types(pairs)
        )


def list_files(name: str, path: str) -> list[tuple[str, str]]:
    """(exchange name, file) of every file in a list."""
    return [(name, file) for file in read_list(path)]


def read_keyed(name: str, path: str) -> Iterator[tuple[bytes, tuple[str, bytes]]]:
    """Read a file's chunks under their partition's key."""
    for partition, rows in read_chunks(path):
        yield encode_partition(partition), (name, encode_chunk(rows))


def key_handle(handle: bytes) -> tuple[bytes, tuple[str, bytes]]:
    """Send a unit handle to its partition."""
    return encode_partition(Unit.decode(handle).params["partition"]), (_HANDLE, handle)


@dataclass
class ReduceUnits(beam.PTransform):
    """Carry out units over what the engine's shuffle brings them.

    Takes (handles, chunks), gives unit records. Every partition has a handle, so
    one without rows is carried out as well.
    """

    engine: Engine

    def expand(self, inputs: Any) -> Any:
        """Group chunks with their handle, then run."""
        handles, chunks = inputs
        pairs = tuple[bytes, tuple[str, bytes]]
        keyed = handles | "KeyHandles" >> beam.Map(key_handle).with_output_types(pairs)
        return (
            (keyed, chunks)
            | "Meet" >> beam.Flatten()
            | "GroupByPartition" >> beam.GroupByKey()
            | "StoreChunks" >> beam.FlatMapTuple(store_chunks).with_output_types(bytes)
            | "Reduce" >> RunUnits(self.engine)
        )


def store_chunks(key: bytes, values: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Leave a partition's chunks on the worker's disk and point its handle at them."""
    handle: bytes | None = None
    chunks: dict[str, list[pa.Table]] = {}
    for name, payload in values:
        if name == _HANDLE:
            handle = payload
        else:
            chunks.setdefault(name, []).append(decode_chunk(payload))
    if handle is None:
        return  # this partition's unit is finished already
    unit = Unit.decode(handle)
    folder = Path(tempfile.mkdtemp(prefix="gristmill-shuffle-"))
    lists = {}
    for name in unit.params["exchanges"]:
        files = []
        if name in chunks:
            rows = pa.concat_tables(chunks[name])
            partitions = np.full(rows.num_rows, unit.params["partition"], np.int64)
            write_exchange(folder / f"{name}.parquet", rows, partitions)
            files.append(str(folder / f"{name}.parquet"))
        lists[name] = str(folder / f"{name}.json")
        Path(lists[name]).write_text(json.dumps(files))
    params = {**unit.params, "exchanges": lists, "scratch": str(folder)}
    yield dataclasses.replace(unit, params=params).encode()
