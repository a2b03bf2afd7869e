"""The conductor: a Dataflow job of one small worker that runs ``gristmill run`` from there.

A Flex Template starts one job and its launcher must not wait for it, but a run is a job
for every step. So the one job is the launcher of the others: its only element is a
command line, carried out in a process on its worker. Dataflow may do an element twice;
a run that goes on from what is finished does not mind, and two at once are kept apart
by the names of their jobs.
"""

import argparse
import collections
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from gristmill.pipelines.engines.dataflow_settings import require_bucket
from gristmill.schemas.errors import EngineError

#: Parameters of the template that are flags of ``gristmill run``. Those that Dataflow knows
#: itself have other names there, for it would give them to the conductor's own worker.
PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "output": "--output",
        "image": "--image",
        "step_machine_type": "--machine-type",
        "step_max_machines": "--max-machines",
        "step_disk_gb": "--disk-gb",
        "step_subnetwork": "--subnetwork",
        "step_service_account": "--service-account",
    }
)
#: The launcher plans and waits; with a long list of inputs, planning takes a GiB or two.
CONDUCTOR_MACHINE = "e2-standard-2"
_KEPT_LINES = 20


def read_parameters(arguments: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Part what the template's launcher passes.

    Args:
        arguments: ``--name=value`` of parameters, and Beam options.

    Returns:
        The recipe's address, arguments of ``gristmill run`` after it, and Beam options
        of the conductor's job.

    Raises:
        UsageError: recipe or output is no place of Cloud Storage.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--recipe", required=True)
    for name in PARAMETERS:
        parser.add_argument(f"--{name}", required=name in ("output", "image"))
    parser.add_argument("--project", required=True)
    parser.add_argument("--region", required=True)
    known, rest = parser.parse_known_args(arguments)
    require_bucket(known.recipe, "recipe")
    require_bucket(known.output, "output")
    flags = ["--engine", "dataflow", "--project", known.project, "--region", known.region]
    for name, flag in PARAMETERS.items():
        value = getattr(known, name)
        if value:
            flags += [flag, value]
    own = [f"--project={known.project}", f"--region={known.region}"]
    return known.recipe, flags, [*own, f"--sdk_container_image={known.image}", *rest]


def launch(arguments: Sequence[str]) -> None:
    """Submit the conductor's job and return; called by the template's launcher."""
    recipe, flags, options = read_parameters(arguments)
    pipeline = beam.Pipeline(
        options=PipelineOptions(
            [
                f"--machine_type={CONDUCTOR_MACHINE}",
                *options,
                "--runner=DataflowRunner",
                "--num_workers=1",
                "--max_num_workers=1",
                "--no_save_main_session",
                "--experiments=disable_logging_submission_environment",
            ]
        )
    )
    build_conductor(pipeline, recipe, flags)
    pipeline.run()


def build_conductor(pipeline: beam.Pipeline, recipe: str, flags: Sequence[str]) -> None:
    """Apply the conductor's transforms to an empty pipeline."""
    _ = (
        pipeline
        | "Recipe" >> beam.Create([recipe])
        | "Conduct" >> beam.ParDo(_Conduct(list(flags))).with_output_types(str)
    )


class _Conduct(beam.DoFn):
    def __init__(self, flags: list[str]) -> None:
        self._flags = flags

    def process(self, recipe: str) -> Iterator[str]:
        yield conduct_run(recipe, self._flags)


def conduct_run(recipe: str, flags: Sequence[str]) -> str:
    """Run a recipe in a process of its own and wait for its end.

    Args:
        recipe: address of the recipe file.
        flags: of ``gristmill run``.

    Returns:
        What the run printed: dataset, version and id.

    Raises:
        EngineError: the run failed; ends in what it said last.
    """
    from gristmill.schemas.places import find_place

    place = find_place(recipe)
    with tempfile.TemporaryDirectory(prefix="gristmill-conductor-") as folder:
        # Relative paths of a recipe start at its own folder, and that is in the store.
        path = Path(folder) / place.name
        path.write_bytes(place.read_bytes())
        command = [sys.executable, "-m", "gristmill.pipelines.cli", "run", str(path), *flags]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                assert process.stdout is not None
                last = collections.deque(process.stdout, maxlen=_KEPT_LINES)
            except BaseException:
                process.kill()
                raise
    lines = [line.strip() for line in last if line.strip()] or ["it wrote nothing"]
    if process.returncode:
        raise EngineError(f"the run of {recipe} failed: {lines[-1].removeprefix('gristmill: ')}")
    return lines[-1]
