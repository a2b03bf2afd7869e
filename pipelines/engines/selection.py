"""Selection: from what a command line says to an engine that is ready to run jobs."""

import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.pipelines.engines.dataflow_settings import DataflowSettings
from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.pipelines.engines.graph import Crew
from gristmill.pipelines.engines.installation import find_engine
from gristmill.pipelines.engines.portable import Environment, PortableEngine
from gristmill.pipelines.engines.processes import answers
from gristmill.pipelines.engines.runtimes import describe_runtime
from gristmill.pipelines.engines.servers import (
    make_flink_server,
    make_prism_server,
    make_spark_server,
)
from gristmill.pipelines.engines.worker_pools import DEFAULT_PORT, find_harness
from gristmill.pipelines.run_state import Execute
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.errors import EngineError, UsageError
from gristmill.schemas.places import Place

if TYPE_CHECKING:
    from gristmill.pipelines.engines.dataflow import DataflowEngine

ENGINES = ("local", "prism", "spark", "flink", "dataflow")
#: Tasks for each core of this machine: units differ in size, and more tasks even that out.
TASKS_PER_CORE = 4
#: Tasks on a cluster whose size is not known here; idle ones cost some milliseconds each.
CLUSTER_TASKS = 64
EXECUTOR_MEMORY = "2g"
MASTER_SECONDS = 5.0
ENVIRONMENT_CACHE_MILLIS = 60_000


@dataclass(frozen=True)
class EngineChoice:
    """Which engine, and how it is set up; None stands for a default that fits the engine."""

    name: str = "local"
    workers: int = 1  # children that each Python worker process keeps
    exchange: str | None = None  # files | group_by_key
    master: str | None = None  # Spark: local[N], spark://…; Flink: [local], host:port
    worker_pool: str | None = None  # host:port, as each node sees its own
    worker_command: str | None = None  # started by the engine on each node; "harness": ours
    spark_submit: str | None = None  # command line that takes a job's jar
    parallelism: int | None = None  # tasks of a shuffle
    executor_memory: str = EXECUTOR_MEMORY
    spark_conf: tuple[str, ...] = ()  # key=value
    beam_options: tuple[str, ...] = ()  # name=value
    dataflow: DataflowSettings = field(default_factory=DataflowSettings)

    def resolve(self) -> "EngineChoice":
        """Fill in what follows from the rest.

        Raises:
            UsageError: flags that do not go together.
        """
        if self.workers < 1:
            raise UsageError(f"--workers must be at least 1, not {self.workers}")
        _check_flags(self)
        if self.name == "dataflow":
            if self.exchange == "files":
                raise UsageError("--exchange files: on Dataflow rows cross by its own shuffle")
            return replace(self, exchange="group_by_key")
        if self.name not in ("spark", "flink"):
            return replace(self, exchange=self.exchange or "files")
        master = self.master or (f"local[{self.workers}]" if self.name == "spark" else "[local]")
        here = is_local(master) and self.spark_submit is None
        return replace(
            self,
            master=master,
            exchange=self.exchange or "group_by_key",
            parallelism=self.parallelism
            or (self.workers * TASKS_PER_CORE if here else CLUSTER_TASKS),
            worker_pool=self.worker_pool
            or (None if here or self.worker_command else f"localhost:{DEFAULT_PORT}"),
        )

    def environment(self) -> Environment:
        """Where Python workers come from."""
        if self.worker_command is not None:
            ours = self.worker_command == "harness"
            command = str(find_harness()) if ours else self.worker_command
            return Environment("PROCESS", json.dumps({"command": command}))
        if self.worker_pool is not None:
            return Environment("EXTERNAL", self.worker_pool)
        return Environment("LOOPBACK")


def is_local(master: str) -> bool:
    """Whether a master's address means this machine's own threads."""
    return re.fullmatch(r"local(\[[\d*,]+\])?|\[local\]", master) is not None


def require_master(engine: str, master: str) -> None:
    """Ask whether a cluster's master listens: engines themselves take minutes to give up.

    Args:
        engine: spark or flink.
        master: ``spark://host:port,host:port`` or ``host:port``; any one is enough.

    Raises:
        EngineError: none of them does.
    """
    listed = master.removeprefix("spark://").split(",")
    for address in listed:
        host, _, port = address.rpartition(":")
        if port.isdigit() and answers(host.strip("[]"), int(port), MASTER_SECONDS):
            return
    raise EngineError(
        f"no {engine.capitalize()} master answers at {', '.join(listed)}: start it, or correct "
        f"--{engine}-master"
    )


def _check_flags(choice: EngineChoice) -> None:
    clusters = choice.name in ("spark", "flink")
    given = {
        "--worker-pool": choice.worker_pool,
        "--worker-command": choice.worker_command,
        "--parallelism": choice.parallelism,
    }
    for flag, value in given.items():
        if value is not None and not clusters:
            raise UsageError(f"{flag} is for --engine spark or flink, not {choice.name}")
    if choice.worker_pool and choice.worker_command:
        raise UsageError("--worker-pool and --worker-command are two ways: give one")
    if choice.name != "spark" and (choice.spark_conf or choice.spark_submit):
        raise UsageError("--spark-conf and --spark-submit are for --engine spark")
    for text in (*choice.spark_conf, *choice.beam_options):
        if "=" not in text:
            raise UsageError(f"{text!r}: write NAME=VALUE")


@contextlib.contextmanager
def open_engine(
    choice: EngineChoice,
    limits: ChildLimits,
    output: Place,
    say: Callable[[str], None],
    *,
    dataset: str = "gristmill",
) -> Iterator[Execute]:
    """Start what an engine needs; gives the function that runs a list of units.

    Args:
        choice: what the command line says.
        limits: of each child.
        output: the run's output folder; job server logs go beside the work.
        say: told what is being started.
        dataset: names jobs where an engine lists them.

    Raises:
        EngineError: the engine is not installed, not reachable, or its workers do not fit.
    """
    choice = choice.resolve()
    crew = Crew(choice.workers, limits)
    if choice.name == "local":
        yield EmbeddedEngine(crew, choice.exchange == "group_by_key").execute
    elif choice.name == "dataflow":
        dataflow = make_dataflow(choice, limits, str(output), say, dataset)
        dataflow.prepare()
        yield dataflow.execute
    else:
        if choice.environment().kind != "LOOPBACK":
            crew = replace(crew, runtime=dict(describe_runtime()))
        with _open_logs(output) as logs:
            if choice.spark_submit is not None:
                yield _make_submitter(choice, crew, logs)
            else:
                with _make_portable(choice, crew, output, logs, say) as engine:
                    yield engine.execute


def make_dataflow(
    choice: EngineChoice, limits: ChildLimits, output: str, say: Callable[[str], None], dataset: str
) -> "DataflowEngine":
    """The Dataflow engine of a choice, without contacting anything; see `open_engine`."""
    from gristmill.pipelines.engines.dataflow import make_dataflow_engine

    return make_dataflow_engine(
        choice.dataflow,
        choice.workers,
        limits,
        dataset=dataset,
        output=output,
        beam_options=choice.beam_options,
        say=say,
    )


def _make_submitter(choice: EngineChoice, crew: Crew, logs: Path) -> Execute:
    from gristmill.pipelines.engines.submission import SubmitEngine

    flags = tuple(f"--{text}" for text in choice.beam_options)
    return SubmitEngine(str(choice.spark_submit), crew, choice.environment(), flags, logs).execute


def _make_portable(
    choice: EngineChoice, crew: Crew, output: Place, logs: Path, say: Callable[[str], None]
) -> PortableEngine:
    flags = [f"--{text}" for text in choice.beam_options]
    if choice.master is not None and not is_local(choice.master):
        require_master(choice.name, choice.master)
        # Python workers outlive their tasks, or each task would start one.
        flags += [f"--environment_cache_millis={ENVIRONMENT_CACHE_MILLIS}"]
        # Nodes have their engine's own jars: they need the runner alone.
        flags += [f"--files_to_stage={jar}" for jar in find_engine(choice.name).staged_jars]
    if choice.name == "prism":
        server = make_prism_server(logs)
    elif choice.name == "spark":
        server = make_spark_server(choice, logs)
    else:
        server = make_flink_server(choice, logs)
        flags += [f"--parallelism={choice.parallelism}"]
    say(f"starting {server.title}")
    environment = choice.environment()
    return PortableEngine(
        title=choice.name.capitalize(),
        server=server,
        crew=crew,
        shuffles=choice.exchange == "group_by_key",
        environment=environment,
        flags=tuple(flags),
        probe_folder=None if environment.kind == "LOOPBACK" else output / "work",
    )


@contextlib.contextmanager
def _open_logs(output: Place) -> Iterator[Path]:
    """A folder on this machine for what servers say, wherever the output lies."""
    if isinstance(output, Path):
        yield output / "logs"
        return
    folder = Path(tempfile.mkdtemp(prefix="gristmill-logs-"))
    yield folder
    shutil.rmtree(folder)  # not when the block fails: errors name files in it
