"""Dry runs: the graph of every step's job, built and checked, with nothing read or sent.

What holds for a graph here holds for the run: it names lists of units and of exchange
files by their place, never what they list, so it is the same for one input file and
for a million.
"""

import base64
import binascii
import bz2
import contextlib
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.portability.common_urns import resource_hints

from gristmill.pipelines.engines.dataflow import DataflowEngine
from gristmill.pipelines.engines.failures import quiet_beam
from gristmill.pipelines.engines.graph import Job
from gristmill.pipelines.steps import UNITS_FILE
from gristmill.schemas.errors import EngineError
from gristmill.schemas.recipe import Recipe

#: Steps of a run in their order, and the exchanges that each reads; a test holds a run to it.
STEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "collect": (),
        "measure": (),
        "deduplicate.sign": (),
        "deduplicate.link": ("keys", "places"),
        "deduplicate.connect": (),
        "deduplicate.shingle": (),
        "deduplicate.verify": ("shingles",),
        "decide.judge": (),
        "decide.resolve": ("members",),
        "decide.apply": (),
        "decide.sort-curated": ("curated",),
        "decide.sort-dropped": ("dropped",),
        "tokenize.tokenizer": (),
        "tokenize.encode": (),
    }
)
#: Dataflow refuses 10 MB. A graph is a fiftieth of that; one that is larger holds data.
GRAPH_BYTES = 200_000
BYTES_CODER = "beam:coder:bytes:v1"
KV_CODER = "beam:coder:kv:v1"
GROUP_BY_KEY = "beam:transform:group_by_key:v1"
RESHUFFLE = "beam:transform:reshuffle:v1"
#: Transforms that must run in one environment, for one leaves files to the next.
CARRYING = ("/RunUnits", "/StoreChunks")
_LIST_DIGEST = "0" * 16  # of a list that does not exist yet, see `steps.Workspace.write_list`
_ENCODED = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


@dataclass(frozen=True)
class DryRun:
    """What a step's job would be."""

    step: str
    job_name: str
    transforms: int
    graph_bytes: int
    groupings: int  # GroupByKeys of ours
    key_coders: tuple[str, ...]
    hints: Mapping[str, str]


def dry_run(
    recipe: Recipe, engine: DataflowEngine, output: str, say: Callable[[str], None] | None = None
) -> list[DryRun]:
    """Build and check the graph of every step, without reading or contacting anything.

    Args:
        recipe: of the run; its source paths must not be in any graph.
        engine: made for `output`; project, region and image may be missing.
        output: the run's output folder, ``gs://…``.
        say: told of each step.

    Raises:
        EngineError: a graph breaks the contract, or Beam's Google Cloud parts are missing.
    """
    sought = list_inputs(recipe, output)
    found = []
    for job in list_jobs(output):
        first, second = (_build_proto(engine, job) for _ in range(2))
        checked = check_graph(job.step, engine.name(job), first, sought)
        if first.SerializeToString(deterministic=True) != second.SerializeToString(
            deterministic=True
        ):
            raise EngineError(
                f"{job.step}: two builds of its graph differ, names would not be stable"
            )
        if say is not None:
            say(f"{job.step}: {checked.graph_bytes} bytes of graph")
        found.append(checked)
    return found


def list_jobs(output: str) -> Iterator[Job]:
    """The job of every step, with lists where a run would leave them."""
    for step, exchanges in STEPS.items():
        folder = f"{output.rstrip('/')}/work/{step}"
        lists = {name: f"{folder}/exchange-{name}-{_LIST_DIGEST}.json" for name in exchanges}
        yield Job(step, f"{folder}/{UNITS_FILE}", lists)


def list_inputs(recipe: Recipe, output: str) -> frozenset[bytes]:
    """What a graph would hold that held the recipe's input: paths, and names of files."""
    paths = {text for source in recipe.sources for text in source.paths}
    names = {PurePosixPath(text).name for text in paths}
    own = output.encode("utf-8")
    sought = {text.encode("utf-8") for text in paths | names if len(text) > 3}
    return frozenset(text for text in sought if text not in own)


def _build_proto(engine: DataflowEngine, job: Job) -> Any:
    with quiet_beam(), _hold_temporaries():
        return engine.build(job, "--dry_run=True").run().job.proto_pipeline


@contextlib.contextmanager
def _hold_temporaries() -> Iterator[None]:
    # Beam makes a folder for what it would upload, at each build, and leaves it.
    previous = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="gristmill-dry-run-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = previous


def check_graph(step: str, name: str, proto: Any, inputs: frozenset[bytes]) -> DryRun:
    """Hold a graph to the contract.

    Args:
        step: whose graph.
        name: of its job.
        proto: a ``Pipeline`` message, as it would be submitted.
        inputs: byte strings that must not be in it.

    Raises:
        EngineError: says what is broken.
    """
    size = proto.ByteSize()
    if size > GRAPH_BYTES:
        raise EngineError(f"{step}: a graph of {size} bytes, over {GRAPH_BYTES}: it holds data")
    for payload in unpack_payloads(proto):
        for text in inputs:
            if text in payload:
                raise EngineError(f"{step}: the graph holds the input {text.decode()!r}")
    grouped = list(_list_groupings(proto))
    coders = tuple(_name_key_coder(proto, transform) for transform in grouped)
    for coder in coders:
        if coder != BYTES_CODER:
            raise EngineError(f"{step}: a GroupByKey has keys of {coder}, not bytes")
    return DryRun(
        step=step,
        job_name=name,
        transforms=len(proto.components.transforms),
        graph_bytes=size,
        groupings=len(grouped),
        key_coders=coders,
        hints=_read_hints(step, proto),
    )


def unpack_payloads(proto: Any) -> Iterator[bytes]:
    """The graph's bytes, and what is packed in them: functions travel compressed.

    Nothing is unpickled: a name is in a pickle as it is spelt.
    """
    raw = proto.SerializeToString(deterministic=True)
    yield raw
    for match in _ENCODED.finditer(raw):
        # What comes before in the message may look like its first digits.
        for start in range(min(4, len(match[0]))):
            opened = _open_payload(match[0][start:])
            if opened is not None:
                yield opened
                break


def _open_payload(text: bytes) -> bytes | None:
    whole = text[: len(text) - len(text) % 4]
    try:
        packed = base64.b64decode(whole)
    except binascii.Error:
        return None
    for unpack in (bz2.decompress, zlib.decompress):
        try:
            return unpack(packed)
        except (OSError, ValueError, EOFError, zlib.error):
            continue
    return None


def _list_groupings(proto: Any) -> Iterator[Any]:
    # The one within a Reshuffle is the runner's own business: its keys are random numbers.
    transforms = proto.components.transforms
    waiting = list(proto.root_transform_ids)
    while waiting:
        transform = transforms[waiting.pop()]
        if transform.spec.urn == GROUP_BY_KEY:
            yield transform
        elif transform.spec.urn != RESHUFFLE:
            waiting += transform.subtransforms


def _name_key_coder(proto: Any, transform: Any) -> str:
    [collection] = transform.inputs.values()
    coders = proto.components.coders
    pair = coders[proto.components.pcollections[collection].coder_id]
    if pair.spec.urn != KV_CODER:
        return str(pair.spec.urn)
    return str(coders[pair.component_coder_ids[0]].spec.urn)


def _read_hints(step: str, proto: Any) -> Mapping[str, str]:
    carrying = [
        transform
        for transform in proto.components.transforms.values()
        if transform.unique_name.endswith(CARRYING) and not transform.subtransforms
    ]
    used = {transform.environment_id for transform in carrying}
    if len(used) != 1:
        raise EngineError(f"{step}: units and their chunks would run on different workers")
    environment = proto.components.environments[used.pop()]
    hints = {urn: value.decode("ascii") for urn, value in environment.resource_hints.items()}
    if resource_hints.MIN_RAM_BYTES.urn not in hints:
        raise EngineError(f"{step}: no memory is asked for where units are carried out")
    return hints


def read_graph(payload: bytes) -> Any:
    """Parse a serialised ``Pipeline`` message."""
    return beam_runner_api_pb2.Pipeline.FromString(payload)
