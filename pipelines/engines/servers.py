"""The job servers of Spark, Flink and Prism: their commands, ports and memory."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gristmill.pipelines.engines.processes import ServerProcess, pick_ports
from gristmill.schemas.errors import EngineError

if TYPE_CHECKING:
    from gristmill.pipelines.engines.selection import EngineChoice

LOG_FILE = "job-server.log"
PRISM_VARIABLE = "GRISTMILL_PRISM"
PRISM_MODULE = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
#: A driver on a cluster only plans; work and shuffles are the executors'.
DRIVER_MEMORY = "1g"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def make_spark_server(choice: "EngineChoice", logs: Path) -> ServerProcess:
    """Beam's Spark job server, which is also the driver of every job.

    Args:
        choice: resolved; `master` is set.
        logs: folder of its log.

    Raises:
        EngineError: no Java, or Spark is not installed.
    """
    master = str(choice.master)
    local = master.startswith("local")
    properties = {
        "spark.ui.enabled": "false",
        "spark.default.parallelism": str(choice.parallelism),
        "spark.executor.memory": choice.executor_memory,
        # One application for all steps of a run, instead of executors anew for each.
        "beam.spark.test.reuseSparkContext": "true",
    }
    if urlsplit(master).hostname in LOOPBACK_HOSTS:
        properties["spark.driver.host"] = "127.0.0.1"
        properties["spark.driver.bindAddress"] = "127.0.0.1"
    for text in choice.spark_conf:
        name, _, value = text.partition("=")
        properties[name] = value
    # Local executors are threads of the server itself, so their memory is its heap.
    heap = choice.executor_memory if local else DRIVER_MEMORY
    return _make_java_server("spark", heap, properties, [f"--spark-master-url={master}"], logs)


def make_flink_server(choice: "EngineChoice", logs: Path) -> ServerProcess:
    """Beam's Flink job server; with ``[local]`` it holds a cluster of its own.

    Raises:
        EngineError: no Java, or Flink is not installed.
    """
    local = choice.master == "[local]"
    heap = choice.executor_memory if local else DRIVER_MEMORY
    return _make_java_server("flink", heap, {}, [f"--flink-master={choice.master}"], logs)


def _make_java_server(
    engine: str, heap: str, properties: dict[str, str], arguments: list[str], logs: Path
) -> ServerProcess:
    from gristmill.pipelines.engines.installation import find_engine, find_java, java_flags

    home = find_engine(engine)
    java = find_java()
    job_port, artifact_port, expansion_port = pick_ports(3)
    command = [
        str(java.path),
        f"-Xmx{heap}",
        *java_flags(java),
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        os.pathsep.join(str(jar) for jar in home.class_path),
        home.main_class,
        "--job-host=localhost",
        f"--job-port={job_port}",
        f"--artifact-port={artifact_port}",
        f"--expansion-port={expansion_port}",
        f"--artifacts-dir={logs / 'artifacts'}",
        *arguments,
    ]
    title = f"the {engine.capitalize()} job server"
    return ServerProcess(title, command, job_port, logs / LOG_FILE)


def find_prism() -> Path:
    """The Prism binary: ``GRISTMILL_PRISM``, else ``prism`` on PATH. It is never downloaded.

    Raises:
        EngineError: there is none.
    """
    named = os.environ.get(PRISM_VARIABLE)
    found = named or shutil.which("prism")
    if found is None or not os.access(found, os.X_OK):
        raise EngineError(
            f"no Prism binary {named or 'on PATH'}: build it with `go install {PRISM_MODULE}`, "
            f"then put it on PATH or name it in {PRISM_VARIABLE}"
        )
    return Path(found)


def make_prism_server(logs: Path) -> ServerProcess:
    """Beam's Prism: one Go program that is job server and engine at once."""
    [job_port] = pick_ports(1)
    command = [
        str(find_prism()),
        f"--job_port={job_port}",
        "--serve_http=false",
        "--log_kind=text",
    ]
    return ServerProcess("Prism", command, job_port, logs / LOG_FILE)
