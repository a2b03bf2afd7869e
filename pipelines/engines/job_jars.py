"""One jar that holds an engine's runner and one job, for `spark-submit` or `flink run`.

The pipeline goes into a copy of the runner's jar, where the runner's own main class looks
for it. No Java runs and no port is opened for this.
"""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.portable_runner import JobServiceHandle, PortableRunner
from google.protobuf import json_format

from gristmill.pipelines.engines.installation import EngineHome
from gristmill.schemas.errors import EngineError

# Where the runner's main class reads (PortablePipelineJarUtils of Beam).
_FOLDER = "BEAM-PIPELINE"
_JOB = "pipeline"
#: Options of the machine that packs; they mean nothing where the job runs.
_LOCAL_OPTIONS = frozenset({"artifact_endpoint", "job_endpoint", "runner", "save_main_session"})


def pack_job(pipeline: beam.Pipeline, home: EngineHome, out: Path) -> Path:
    """Write `out`: the engine's runner and this pipeline, in one jar that appears whole.

    The pipeline's options must name where Python workers are (`environment_type=EXTERNAL`
    and `environment_config`); nothing is staged to them, gristmill is installed there.

    Raises:
        EngineError: the engine has no jar to pack into, or the workers would be on this
            machine (LOOPBACK).
    """
    if home.submit_jar is None:
        raise EngineError(f"{home.engine} has no jar for packed jobs: use its job server")
    options = pipeline.options
    if options.get_all_options().get("environment_type") in (None, "LOOPBACK"):
        raise EngineError(
            "a packed job runs without this machine: set environment_type to EXTERNAL "
            "and environment_config to the workers' address"
        )
    entries = {
        f"{_FOLDER}/pipeline-manifest.json": json.dumps({"defaultJobName": _JOB}),
        f"{_FOLDER}/{_JOB}/pipeline.json": _describe_pipeline(pipeline, options),
        f"{_FOLDER}/{_JOB}/pipeline-options.json": _describe_options(options),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".packing-") as folder:
        jar = Path(folder, out.name)
        shutil.copyfile(home.submit_jar, jar)
        with zipfile.ZipFile(jar, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, text in entries.items():
                archive.writestr(name, text)
        jar.replace(out)
    return out


def _describe_pipeline(pipeline: beam.Pipeline, options: PipelineOptions) -> str:
    proto = PortableRunner.get_proto_pipeline(pipeline, options)
    for environment in proto.components.environments.values():
        del environment.dependencies[:]  # paths of this machine
    return str(json_format.MessageToJson(proto))


def _describe_options(options: PipelineOptions) -> str:
    chosen = options.get_all_options(drop_default=True)
    kept = {name: value for name, value in chosen.items() if name not in _LOCAL_OPTIONS}
    return str(json_format.MessageToJson(JobServiceHandle.encode_pipeline_options(kept)))
