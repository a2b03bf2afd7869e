"""Probes: a small job before the first step, so that a wrong set-up is one sentence.

It finds out whether Python workers start at all, run the launcher's code, and see
the output folder, which every worker must share.
"""

import importlib
import platform
import secrets
from collections.abc import Iterator, Mapping

import apache_beam as beam

from gristmill.pipelines.engines.runtimes import check_runtime
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.errors import EngineError, StoreError
from gristmill.schemas.places import Place, find_place

PROBE_FILE = ".probe"
#: Elements of the probe: enough that a small cluster's nodes each get some.
ELEMENTS = 32


def build_probe(pipeline: beam.Pipeline, folder: Place, runtime: Mapping[str, str]) -> None:
    """Leave a fresh word in the output folder and have workers read it.

    Args:
        pipeline: an empty pipeline.
        folder: where the run's work lies; on storage that workers share.
        runtime: what workers must run, see `runtimes.describe_runtime`.
    """
    word = secrets.token_hex(8)
    write_whole(folder / PROBE_FILE, word.encode("ascii"))
    _ = (
        pipeline
        | "Names" >> beam.Create([__name__] * ELEMENTS)
        | "Spread" >> beam.Reshuffle()
        # By a function of Python's own: a worker that cannot import ours says so here. In
        # a stage with a function of ours it could not even be set up, and runners wait on.
        | "Import" >> beam.Filter(importlib.import_module)
        | "SpreadAgain" >> beam.Reshuffle()
        | "Probe" >> beam.ParDo(_Probe(str(folder / PROBE_FILE), word, dict(runtime)))
    )


class _Probe(beam.DoFn):
    def __init__(self, path: str, word: str, runtime: Mapping[str, str]) -> None:
        self._path = path
        self._word = word
        self._runtime = runtime

    def process(self, name: str) -> Iterator[str]:
        check_runtime(self._runtime)
        read_word(self._path, self._word)
        yield name


def read_word(path: str, word: str) -> None:
    """Check that this worker sees what the launcher wrote.

    Raises:
        EngineError: it does not.
    """
    try:
        found = find_place(path).read_text(encoding="ascii")
    except (OSError, StoreError) as error:
        found = f"{type(error).__name__}"
    if found != word:
        raise EngineError(
            f"worker {platform.node()} does not see {path} as the launcher wrote it: the output "
            "folder must lie on storage that all workers share, such as NFS or an object store"
        )
