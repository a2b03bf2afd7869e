"""One recipe, one dataset: the same id, bytes and ledger on every engine.

``make parity`` runs this file alone and prints what ran. Java, Maven and Go are
needed for the engines that are written in them; a test without says so.
"""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import step_cases
from mill_inputs import Golden, make_golden
from mill_runs import Finished, digest_store, run_command
from object_servers import SERVERS, move_inputs
from spark_clusters import SparkCluster, start_cluster

from gristmill.pipelines.engines.java_runtime import find_java, java_flags
from gristmill.pipelines.engines.selection import EngineChoice, open_engine
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.places import Place, find_place

#: One worker process of the tests has the cluster; the others' tests run beside it.
on_cluster = pytest.mark.xdist_group("cluster")
COSTS = ("cpu_seconds", "peak_memory_bytes")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return make_golden(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def straight(golden: Golden) -> dict[str, Any]:
    """One worker on the embedded engine: what every other run must equal."""
    output = golden.folder / "straight"
    return describe(run(golden, output), output)


@pytest.fixture(scope="module")
def cluster(
    need_engine: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkCluster]:
    need_engine("spark")
    with start_cluster(tmp_path_factory.mktemp("spark")) as started:
        yield started


def run(golden: Golden, output: Path, *flags: str) -> Finished:
    done = run_command("--quiet", "run", golden.recipe, "--output", output, *flags)
    assert done.code == 0, done.err
    return done


def describe(done: Finished, output: Path) -> dict[str, Any]:
    """Dataset id, bytes of the store, and every unit's record but its cost."""
    ledger = {}
    for path in sorted((output / "work").glob("*/units/*/record.json")):
        record = json.loads(path.read_bytes())
        ledger[record["stage"], record["unit_key"]] = {
            name: value for name, value in record.items() if name not in COSTS
        }
    assert ledger
    return {"id": done.out, "store": digest_store(output / "store" / "golden"), "ledger": ledger}


def compare(golden: Golden, straight: dict[str, Any], output: Path, *flags: str) -> None:
    found = describe(run(golden, output, *flags), output)
    assert found["id"] == straight["id"]
    assert found["store"] == straight["store"]
    assert found["ledger"] == straight["ledger"]


@pytest.mark.parametrize("exchange", ["files", "group_by_key"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_embedded(golden, straight, tmp_path, workers, exchange):
    flags = ("--workers", workers, "--exchange", exchange)
    compare(golden, straight, tmp_path / "out", *flags)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_spark_on_one_machine(golden, straight, tmp_path, need_engine, workers):
    need_engine("spark")
    flags = ("--engine", "spark", "--workers", workers)
    compare(golden, straight, tmp_path / "out", *flags)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_flink_on_one_machine(golden, straight, tmp_path, need_engine, workers):
    need_engine("flink")
    flags = ("--engine", "flink", "--workers", workers)
    compare(golden, straight, tmp_path / "out", *flags)


def test_prism(golden, straight, tmp_path, prism):
    compare(golden, straight, tmp_path / "out", "--engine", "prism", "--workers", "2")


@on_cluster
def test_spark_cluster_of_two_workers(golden, straight, tmp_path, cluster):
    compare(golden, straight, tmp_path / "out", *use(cluster))
    logs = cluster.read_logs()
    assert "NoSuchMethodError" not in logs
    assert len({path.parents[2].name for path in cluster.list_logs()}) == 2, "one worker idled"


def use(cluster: SparkCluster) -> tuple[str, ...]:
    return (
        "--engine",
        "spark",
        "--spark-master",
        cluster.master,
        "--worker-pool",
        cluster.pool,
        "--executor-memory",
        "512m",
        "--parallelism",
        "4",
    )


@on_cluster
def test_jars_for_spark_submit(tmp_path, cluster, monkeypatch):
    """A map and a reduce step, each a jar; a whole run takes minutes of starting drivers."""
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    java = find_java()
    submit = [str(java.path), *java_flags(java), "-cp", f"{cluster.home}/jars/*"]
    submit += ["org.apache.spark.deploy.SparkSubmit", "--master", cluster.master]
    submit += ["--executor-memory", "512m", "--conf", "spark.default.parallelism=4"]
    assert run_steps(tmp_path, spark_submit=shlex.join(submit), worker_pool=cluster.pool)
    assert len(list((tmp_path / "logs").glob("spark-submit-*.log"))) == 2


@pytest.mark.parametrize(("store", "engine"), [("s3", "spark"), ("gs", "flink"), ("s3", "prism")])
def test_object_stores(golden, straight, tmp_path, need_engine, request, store, engine):
    """Inputs, work and the published version in a bucket; the local disk is scratch."""
    if engine == "prism":
        request.getfixturevalue("prism")
    else:
        need_engine(engine)
    with SERVERS[store]() as server:
        recipe = move_inputs(golden.recipe, f"{server.root}/crawl", tmp_path / "far.yaml")
        flags = ("--output", f"{server.root}/out", "--engine", engine, "--workers", "2")
        done = run_command("--quiet", "run", recipe, *flags, cwd=tmp_path)
    assert (done.code, done.out) == (0, straight["id"]), done.err


def test_workers_that_share_a_bucket_and_nothing_else(tmp_path, need_engine):
    need_engine("spark")
    with SERVERS["s3"]() as server, start_cluster(tmp_path) as cluster:
        output = find_place(f"{server.root}/steps")
        assert run_steps(output, worker_pool=cluster.pool, master=cluster.master)


@on_cluster
def test_spark_speculation(golden, straight, tmp_path, cluster):
    """Every task that is not among the first to end gets a second attempt."""
    eager = {"": "true", ".interval": "10ms", ".multiplier": "1", ".quantile": "0.01"}
    conf = [f"--spark-conf=spark.speculation{name}={value}" for name, value in eager.items()]
    conf.append("--spark-conf=spark.speculation.minTaskRuntime=1ms")
    compare(golden, straight, tmp_path / "out", *use(cluster), *conf)


@on_cluster
def test_spark_starts_our_harness_itself(tmp_path, cluster):
    assert run_steps(tmp_path, worker_command="harness", master=cluster.master)


def run_steps(output: Place, **settings: str) -> bool:
    """Run a map and a reduce step on a cluster; whether their result is right."""
    choice = EngineChoice("spark", executor_memory="512m", parallelism=4, **settings)
    with open_engine(choice, ChildLimits(), output, str) as execute:
        return step_cases.run_both(output / "work", execute) == step_cases.expect_both()


@on_cluster
@pytest.mark.parametrize("victim", ["executor", "harness"])
def test_a_worker_killed_in_mid_run(golden, straight, tmp_path, cluster, victim):
    output = tmp_path / "out"
    killed: list[int] = []
    stop = threading.Event()
    thread = threading.Thread(target=kill_once, args=(cluster, output, victim, killed, stop))
    thread.start()
    try:
        compare(golden, straight, output, *use(cluster))
    finally:
        stop.set()
        thread.join()
    assert killed, f"no {victim} was found while the run went on"


def kill_once(
    cluster: SparkCluster, output: Path, victim: str, killed: list[int], stop: threading.Event
) -> None:
    """Kill one executor or Python worker when the run is past its first step."""
    while not stop.is_set():
        started = (output / "work" / "collect" / "manifest.json").exists()
        found = list_victims(cluster, victim) if started else []
        if found:
            os.kill(found[0], signal.SIGKILL)
            killed.append(found[0])
            return
        time.sleep(0.05)


def list_victims(cluster: SparkCluster, victim: str) -> list[int]:
    if victim == "executor":
        return cluster.list_executors()
    command = ["pgrep", "-P", str(cluster.pool_pid)]
    return [int(line) for line in subprocess.run(command, capture_output=True).stdout.split()]
