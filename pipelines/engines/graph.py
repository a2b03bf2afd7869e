"""The one graph that carries out a step's units, on every engine.

``Create | ReadUnits | Reshuffle | RunUnits``: elements are unit handles, never
documents, and the list of units is read inside the pipeline. A step that reads an
exchange is the same graph when the exchange lies in partition files; where the
engine has a shuffle of its own, chunks go through ``GroupByKey`` and meet their
unit's handle there.
"""

import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from gristmill.pipelines.engines.runtimes import check_runtime
from gristmill.pipelines.exchange import (
    ExchangeWriter,
    decode_chunk,
    decode_partition,
    encode_chunk,
    encode_partition,
    read_chunks,
)
from gristmill.pipelines.steps import read_list
from gristmill.pipelines.units import Unit
from gristmill.pipelines.workers import ChildLimits, share_pool
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.ledger_records import UnitRecord
from gristmill.schemas.places import Place, find_place

_HANDLE = "unit handle"  # in a group, beside the names of exchanges


@dataclass(frozen=True)
class Job:
    """One step as an engine runs it: where its units and its exchanges are listed."""

    step: str
    unit_list: str
    exchanges: Mapping[str, str] = field(default_factory=dict)  # name: list of its files

    @staticmethod
    def read(unit_list: Place) -> "Job":
        """The job that a list of unit handles asks for."""
        with unit_list.open("rb") as stream:
            first = Unit.decode(stream.readline())  # all units of a step are alike
        return Job(first.stage, str(unit_list), first.params.get("exchanges", {}))


@dataclass(frozen=True)
class Crew:
    """How each worker of an engine carries out units.

    `runtime` is what the launcher runs (`runtimes.describe_runtime`); a worker that
    runs anything else refuses. None where workers are the launcher itself.
    """

    workers: int = 1  # children that each worker process keeps
    limits: ChildLimits = field(default_factory=ChildLimits)
    runtime: Mapping[str, str] | None = None
    #: Beam's resource hints for what carries out units. Most runners give a transform with
    #: hints an environment of its own, so there are none unless the engine makes use of them.
    hints: Mapping[str, str] = field(default_factory=dict)


def build_graph(pipeline: beam.Pipeline, job: Job, crew: Crew, *, shuffles: bool) -> None:
    """Apply a step's transforms to an empty pipeline.

    Args:
        pipeline: the pipeline.
        job: what to run.
        crew: how.
        shuffles: rows cross units by the engine's own shuffle, not by partition files.
    """
    handles = (
        pipeline
        | "UnitList" >> beam.Create([job.unit_list])
        | "ReadUnits" >> beam.FlatMap(read_handles).with_output_types(bytes)
        | "Spread" >> beam.Reshuffle()
    )
    if shuffles and job.exchanges:
        chunks = pipeline | ReadChunks(dict(job.exchanges))
        _ = (handles, chunks) | ReduceUnits(crew)
    else:
        _ = handles | RunUnits(crew)


class _CarryOut(beam.DoFn):
    """Carries out unit handles in the worker's pool of children, a few ahead of the output."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._running: deque[Future[UnitRecord]] = deque()

    def start_bundle(self) -> None:
        self._running = deque()

    def process(self, handle: bytes) -> Iterator[bytes]:
        # Here and not in `setup`: where that raises, portable runners wait for ever.
        if self._crew.runtime is not None:
            check_runtime(self._crew.runtime)
        pool = share_pool(self._crew.workers, self._crew.limits)
        self._running.append(pool.submit(Unit.decode(handle)))
        while len(self._running) > 2 * self._crew.workers:
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
    return find_place(path).read_bytes().splitlines()


@dataclass
class RunUnits(beam.PTransform):
    """Carry out units: takes unit handles (JSON bytes), gives unit records (JSON bytes)."""

    crew: Crew

    def expand(self, handles: Any) -> Any:
        """Run every handle; a handle may be retried, its output is the same."""
        carry_out = beam.ParDo(_CarryOut(self.crew)).with_output_types(bytes)
        return handles | "RunUnits" >> _give_hints(carry_out, self.crew)


def _give_hints(transform: Any, crew: Crew) -> Any:
    return transform.with_resource_hints(**crew.hints) if crew.hints else transform


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

    crew: Crew

    def expand(self, inputs: Any) -> Any:
        """Group chunks with their handle, then run."""
        handles, chunks = inputs
        pairs = tuple[bytes, tuple[str, bytes]]
        # On the worker that has a partition's chunks on its disk, or else they are not found:
        # transforms are fused into one stage only when their hints are the same.
        store = beam.FlatMapTuple(store_chunks).with_output_types(bytes)
        keyed = handles | "KeyHandles" >> beam.Map(key_handle).with_output_types(pairs)
        return (
            (keyed, chunks)
            | "Meet" >> beam.Flatten()
            | "GroupByPartition" >> beam.GroupByKey()
            | "StoreChunks" >> _give_hints(store, self.crew)
            | "Reduce" >> RunUnits(self.crew)
        )


def store_chunks(key: bytes, values: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Leave a partition's chunks on the worker's disk and point its handle at them.

    Each chunk is written as it comes: a partition is never held as a whole.
    """
    partition = decode_partition(key)
    handle: bytes | None = None
    folder = Path(tempfile.mkdtemp(prefix="gristmill-shuffle-"))
    writers: dict[str, ExchangeWriter] = {}
    with contextlib.ExitStack() as stack:
        for name, payload in values:
            if name == _HANDLE:
                handle = payload
                continue
            rows = decode_chunk(payload)
            if name not in writers:
                writer = ExchangeWriter(folder / f"{name}.parquet", rows.schema)
                writers[name] = stack.enter_context(writer)
            writers[name].write(partition, rows)
    if handle is None:  # this partition's unit is finished already
        shutil.rmtree(folder)
        return
    unit = Unit.decode(handle)
    lists = {}
    for name in unit.params["exchanges"]:
        files = [str(folder / f"{name}.parquet")] if name in writers else []
        lists[name] = str(folder / f"{name}.json")
        Path(lists[name]).write_text(json.dumps(files))
    params = {**unit.params, "exchanges": lists, "scratch": str(folder)}
    yield dataclasses.replace(unit, params=params).encode()
