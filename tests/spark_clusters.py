"""A standalone Spark cluster on loopback, for tests: a master, two one-core workers, a pool.

Everything comes from the installed engine's own jars, so nothing but Java is needed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.pipelines.engines.homes import PARTS, name_home, open_home
from gristmill.pipelines.engines.java_runtime import find_java, java_flags
from gristmill.pipelines.engines.processes import answers, pick_ports

UP_SECONDS = 60


@dataclass
class SparkCluster:
    """Where a cluster listens, and its processes."""

    master: str
    pool: str
    folder: Path
    home: Path  # as SPARK_HOME: its jars are Spark's alone
    pool_pid: int = 0
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def read_logs(self) -> str:
        """What executors wrote."""
        return "".join(path.read_text(errors="replace") for path in self.list_logs())

    def list_logs(self) -> list[Path]:
        return sorted(self.folder.glob("work/*/app-*/*/stderr"))

    def list_executors(self) -> list[int]:
        """Process ids of the executors' JVMs: each runs in a folder of its worker's."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "cwd").resolve().is_relative_to(self.folder / "work"):
                    found.append(int(entry.name))
        return sorted(found)


@contextlib.contextmanager
def start_cluster(folder: Path, workers: int = 2, memory: str = "1g") -> Iterator[SparkCluster]:
    """Start a cluster and a pool of Python workers; stop everything at the end."""
    home, java = open_home("spark", name_home("spark", PARTS)), find_java()
    spark_home = folder / "spark"
    (spark_home / "jars").mkdir(parents=True)
    for jar in home.class_path:
        if jar not in home.staged_jars:  # a cluster has Spark, not Beam
            (spark_home / "jars" / jar.name).symlink_to(jar)
    master_port, web_port, pool_port = pick_ports(3)
    environment = {
        **os.environ,
        "SPARK_HOME": str(spark_home),
        "SPARK_SCALA_VERSION": "2.12",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(Path(__file__).parent),  # work of the tests' own steps
        "JAVA_HOME": str(java.path.resolve().parents[1]),
    }
    command = [str(java.path), "-Xmx512m", *java_flags(java), "-cp", f"{spark_home}/jars/*"]
    master = [
        *command,
        "org.apache.spark.deploy.master.Master",
        "--host",
        "127.0.0.1",
        "--port",
        f"{master_port}",
        "--webui-port",
        f"{web_port}",
    ]
    cluster = SparkCluster(
        f"spark://127.0.0.1:{master_port}", f"localhost:{pool_port}", folder, spark_home
    )
    with contextlib.ExitStack() as stack:

        def start(name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                arguments, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(stop_group, process)
            return process

        start("master", master)
        wait_for(lambda: answers("127.0.0.1", master_port))
        for number in range(workers):
            worker = [
                *command,
                "org.apache.spark.deploy.worker.Worker",
                "--host",
                "127.0.0.1",
                "--webui-port",
                "0",
                "--cores",
                "1",
                "--memory",
                f"{memory}",
                "--work-dir",
                f"{folder}/work/{number}",
                cluster.master,
            ]
            cluster.workers.append(start(f"worker-{number}", worker))
        pool = [sys.executable, "-m", "gristmill.pipelines.cli", "engines", "workers"]
        cluster.pool_pid = start("pool", [*pool, "--port", str(pool_port)]).pid
        wait_for(lambda: answers("127.0.0.1", pool_port))
        wait_for(lambda: count_workers(web_port) == workers)
        yield cluster


def count_workers(web_port: int) -> int:
    """Workers that have registered with the master."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/json/") as answer:
            return answer.read().decode().count('"ALIVE"') - 1  # the master counts itself
    except OSError:
        return 0


def wait_for(condition) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.1)


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
