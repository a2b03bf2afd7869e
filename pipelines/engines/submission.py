"""Submission: each job as one self-contained jar that ``spark-submit`` takes.

For clusters that start their own drivers (YARN, Kubernetes, standalone in cluster
mode): no job server, and nothing of ours has to be reachable from the cluster.
"""

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from gristmill.pipelines.engines.failures import explain_failure
from gristmill.pipelines.engines.graph import Crew, Job, build_graph
from gristmill.pipelines.engines.installation import find_engine
from gristmill.pipelines.engines.job_jars import pack_job
from gristmill.pipelines.engines.portable import Environment
from gristmill.schemas.errors import EngineError
from gristmill.schemas.places import Place

MAIN_CLASS = "org.apache.beam.runners.spark.SparkPipelineRunner"


@dataclass(frozen=True)
class SubmitEngine:
    """Packs a job's graph into a jar, hands it to a command and waits for that to end."""

    command: str  # such as "spark-submit --master yarn --deploy-mode cluster"
    crew: Crew
    environment: Environment
    flags: tuple[str, ...]
    logs: Path

    def execute(self, unit_list: Place) -> None:
        """Run every unit of a list file and wait for the end.

        Raises:
            UnitFailedError: a unit failed for a reason that is not one document's.
            EngineError: the command failed.
        """
        job = Job.read(unit_list)
        options = PipelineOptions(
            [f"--job_name=gristmill-{job.step}", *self.environment.flags(), *self.flags]
        )
        pipeline = beam.Pipeline(options=options)
        build_graph(pipeline, job, self.crew, shuffles=True)
        with tempfile.TemporaryDirectory(prefix="gristmill-job-") as folder:
            jar = Path(folder) / f"gristmill-{job.step}.jar"
            pack_job(pipeline, find_engine("spark"), jar)
            self._submit(jar, job.step)

    def _submit(self, jar: Path, step: str) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"spark-submit-{step}.log"
        command = [*shlex.split(self.command), "--class", MAIN_CLASS, str(jar)]
        with log.open("wb") as stream:
            try:
                ended = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
                )
            except OSError as error:
                raise EngineError(f"cannot run {command[0]}: {error.strerror}") from None
        if ended.returncode:
            raise explain_failure("spark-submit", step, f"exit code {ended.returncode}", log)
