"""The Dataflow engine: each step's job submitted to Google Cloud, and waited for."""

import contextlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from gristmill.pipelines.engines.dataflow_failures import explain_dataflow_failure
from gristmill.pipelines.engines.dataflow_settings import (
    DataflowSettings,
    count_memory,
    name_job,
    require_bucket,
    write_flags,
)
from gristmill.pipelines.engines.failures import quiet_beam
from gristmill.pipelines.engines.graph import Crew, Job, build_graph
from gristmill.pipelines.engines.runtimes import describe_runtime
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.errors import EngineError
from gristmill.schemas.places import Place

EXTRA = "pip install 'gristmill[gcp]'"
#: Beam adds the job's name and the time to both.
TEMP_FOLDER = "gristmill-temp"


@dataclass(frozen=True)
class DataflowEngine:
    """Runs jobs on Dataflow; made by `make_dataflow_engine`."""

    settings: DataflowSettings
    crew: Crew
    dataset: str  # in the names of jobs
    temp: str
    flags: Sequence[str]  # more Beam options of every job
    say: Callable[[str], None]

    def prepare(self) -> None:
        """Check what can be checked before the first job.

        Raises:
            UsageError: project, region or image is not said.
            EngineError: a package or credentials are missing.
        """
        self.settings.require_account()
        require_package("apache_beam.runners.dataflow.internal.apiclient")
        auth = require_package("google.auth")
        try:
            auth.default()
        except require_package("google.auth.exceptions").GoogleAuthError as error:
            raise explain_dataflow_failure("the first job", str(error), "") from None

    def options(self, name: str, *more: str) -> PipelineOptions:
        """Pipeline options of a job.

        Children are meant to be as many as cores, whatever the machine. Dataflow starts
        one Python harness a core, and a harness keeps one child; so each harness gets one
        bundle at a time, for a second would only hold a second partition in memory and
        claim units that an idle machine could have had. The look-ahead of a bundle keeps
        the child busy. With more than one child a harness there is one harness a machine.

        Nothing is uploaded but the graph: workers have their code from the image, and
        `Crew.runtime` holds them to it.
        """
        single = () if self.crew.workers == 1 else ("--experiments=no_use_multiple_sdk_containers",)
        return PipelineOptions(
            [
                "--runner=DataflowRunner",
                f"--job_name={name}",
                "--number_of_worker_harness_threads=1",
                "--default_sdk_harness_log_level=WARNING",
                "--no_save_main_session",
                "--experiments=disable_logging_submission_environment",
                *single,
                *write_flags(self.settings, self.temp),
                *self.flags,
                *more,
            ]
        )

    def name(self, job: Job) -> str:
        """The name of a step's job."""
        return name_job(self.dataset, job.step, job.unit_list)

    def build(self, job: Job, *more: str) -> beam.Pipeline:
        """The pipeline of a step; `more` are Beam options.

        Raises:
            EngineError: Beam's Google Cloud parts are not installed, or an option is wrong.
        """
        require_package("apache_beam.runners.dataflow.internal.apiclient")
        try:
            pipeline = beam.Pipeline(options=self.options(self.name(job), *more))
        except ValueError as error:
            raise explain_dataflow_failure(job.step, str(error), "") from None
        build_graph(pipeline, job, self.crew, shuffles=True)
        return pipeline

    def execute(self, unit_list: Place) -> None:
        """Run every unit of a list file and wait for the end; cancel when interrupted.

        Raises:
            UnitFailedError: a unit failed for a reason that is not one document's.
            EngineError: Dataflow refused or failed the job.
        """
        job = Job.read(unit_list)
        name = self.name(job)
        self.say(f"{job.step}: submitting {name}")
        console = ""
        with quiet_beam():
            try:
                result = self.build(job).run()
                console = self._find_console(result)
                self.say(f"{job.step}: {console}")
                _wait(result)
            except _list_failures() as error:
                raise explain_dataflow_failure(job.step, str(error), console) from None

    def _find_console(self, result: Any) -> str:
        return f"Dataflow job {result.job_id()} of {self.settings.project}, {self.settings.region}"


def make_dataflow_engine(
    settings: DataflowSettings,
    workers: int,
    limits: ChildLimits,
    *,
    dataset: str,
    output: str,
    beam_options: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> DataflowEngine:
    """Set an engine up, without contacting anything.

    Args:
        settings: of the command line.
        workers: children of each harness.
        limits: of each child.
        dataset: the recipe's name.
        output: the run's output folder, ``gs://…``.
        beam_options: NAME=VALUE, as on the command line; they win over what is set here.
        say: told of each job.

    Raises:
        UsageError: the output is no place of Cloud Storage, or a machine is too small.
    """
    place = require_bucket(output, "--output")
    memory = count_memory(settings.machine_type, workers, limits.child_memory_bytes)
    # Of the machine as a whole. On machines of the type asked for, it changes nothing; where
    # Dataflow chooses (Prime), it keeps children from being killed for memory. There is no
    # hint for bundles at once that Dataflow documents: `options` sets the threads instead.
    crew = Crew(workers, limits, dict(describe_runtime()), {"min_ram": f"{memory}B"})
    return DataflowEngine(
        settings=settings,
        crew=crew,
        dataset=dataset,
        temp=f"gs://{place.bucket}/{TEMP_FOLDER}",
        flags=tuple(f"--{text}" for text in beam_options),
        say=say,
    )


def require_package(name: str) -> ModuleType:
    """Import what only the extra ``gcp`` brings.

    Raises:
        EngineError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise EngineError(f"Dataflow needs Beam's Google Cloud parts: {EXTRA}") from None


def _list_failures() -> tuple[type[Exception], ...]:
    runner = require_package("apache_beam.runners.dataflow.dataflow_runner")
    retry = require_package("apache_beam.utils.retry")
    core = require_package("google.api_core.exceptions")
    auth = require_package("google.auth.exceptions")
    # Beam's waiting ends in an assertion when the thread that asks for the state has died.
    return (
        runner.DataflowRuntimeException,
        retry.PermanentException,
        core.GoogleAPIError,
        auth.GoogleAuthError,
        AssertionError,
        OSError,
        RuntimeError,
        ValueError,
    )


def _wait(result: Any) -> None:
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        with contextlib.suppress(*_list_failures()):
            result.cancel()
        raise
