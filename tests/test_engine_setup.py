"""What a new user gets wrong when setting up an engine: each is one sentence, soon."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mill_inputs import write_small_recipe
from mill_runs import Finished, run_command

from gristmill.pipelines.engines.installation import ENGINES_VARIABLE, find_engine
from gristmill.pipelines.engines.processes import ServerProcess, pick_ports


@pytest.fixture
def spark(need_engine: Callable[[str], None]) -> None:
    need_engine("spark")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "lines.jsonl").write_text('{"text": "One line is enough to fail on."}\n')
    return write_small_recipe(tmp_path, "{name: lines, kind: jsonl, paths: [lines.jsonl]}")


def run_spark(recipe: Path, *flags: str, **environment: str) -> Finished:
    return run_command("run", recipe, "--engine", "spark", *flags, env=environment)


def read_sentence(done: Finished) -> str:
    """The one line that a failed command says after what it tells of its progress."""
    assert done.code == 1, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("gristmill: ")]
    assert len(lines) == 1 and "Traceback" not in done.err, done.err
    return lines[0]


@contextlib.contextmanager
def serve_beams_own_pool(folder: Path, python: str) -> Iterator[str]:
    """Beam's pool, which starts whatever ``python`` is first on PATH."""
    (folder / "bin").mkdir()
    (folder / "bin" / "python").write_text(python)
    (folder / "bin" / "python").chmod(0o755)
    [port] = pick_ports(1)
    command = [
        sys.executable,
        "-m",
        "apache_beam.runners.worker.worker_pool_main",
        f"--service_port={port}",
    ]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with ServerProcess("the pool", command, port, folder / "pool.log", {"PATH": path}):
        yield f"localhost:{port}"


def test_no_java(recipe, spark, tmp_path):
    done = run_spark(recipe, PATH=str(tmp_path), JAVA_HOME="")
    assert "Java" in read_sentence(done)
    assert "install" in read_sentence(done)


def test_an_engine_that_is_not_installed(recipe, tmp_path):
    done = run_spark(recipe, **{ENGINES_VARIABLE: str(tmp_path / "none")})
    assert "run gristmill engines install spark" in read_sentence(done)


def test_an_engine_of_another_version(recipe, spark, tmp_path):
    home = find_engine("spark").folder
    copy = tmp_path / "engines" / home.name
    copy.mkdir(parents=True)
    for entry in home.iterdir():
        if entry.name != "manifest.json":
            (copy / entry.name).symlink_to(entry)
    manifest = (home / "manifest.json").read_text()
    (copy / "manifest.json").write_text(manifest.replace('"2.62.0"', '"2.61.0"'))
    done = run_spark(recipe, **{ENGINES_VARIABLE: str(tmp_path / "engines")})
    sentence = read_sentence(done)
    assert "2.61.0" in sentence and "engines install spark" in sentence


def test_no_pool_of_workers(recipe, spark):
    [port] = pick_ports(1)
    sentence = read_sentence(run_spark(recipe, "--worker-pool", f"localhost:{port}"))
    assert str(port) in sentence and "start `gristmill engines workers` on every node" in sentence


def test_workers_without_the_wheel(recipe, spark, tmp_path):
    """A Python that has Beam, and in which gristmill is not to be found."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(
        "import sys\n"
        "class Refusal:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'gristmill':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Refusal)\n"
    )
    python = f'#!/bin/sh\nPYTHONPATH={tmp_path / "bare"} exec {sys.executable} "$@"\n'
    with serve_beams_own_pool(tmp_path, python) as pool:
        sentence = read_sentence(run_spark(recipe, "--worker-pool", pool))
    assert "a worker cannot import gristmill: install gristmill's wheel" in sentence


def test_workers_with_other_code(recipe, spark, tmp_path):
    """The launcher's gristmill is a copy that somebody has edited."""
    edited = tmp_path / "edited" / "gristmill"
    repository = Path(__file__).parents[1]
    for folder in ("pipelines", "cleaning", "dedup", "tokenize", "training", "schemas"):
        shutil.copytree(repository / folder, edited / folder)
    with (edited / "cleaning" / "pii.py").open("a") as stream:
        stream.write("\n# edited\n")
    with serve_beams_own_pool(tmp_path, f'#!/bin/sh\nexec {sys.executable} "$@"\n') as pool:
        done = run_spark(recipe, "--worker-pool", pool, PYTHONPATH=str(edited.parent))
    sentence = read_sentence(done)
    assert "has gristmill" in sentence and "instead of" in sentence
    assert "install the launcher's wheel and lock file on every worker" in sentence


def test_a_command_that_the_engine_cannot_start(recipe, spark):
    sentence = read_sentence(run_spark(recipe, "--worker-command", "/opt/none/harness"))
    assert "the workers cannot run /opt/none/harness" in sentence


@pytest.mark.parametrize(("engine", "prefix"), [("spark", "spark://"), ("flink", "")])
def test_no_master(recipe, engine, prefix):
    [port] = pick_ports(1)
    flags = ("--engine", engine, f"--{engine}-master", f"{prefix}127.0.0.1:{port}")
    sentence = read_sentence(run_command("run", recipe, *flags))
    assert f"no {engine.capitalize()} master answers at 127.0.0.1:{port}: start it" in sentence


def test_no_submit_command(recipe, spark):
    sentence = read_sentence(run_spark(recipe, "--spark-submit", "/opt/none/spark-submit"))
    assert "cannot run /opt/none/spark-submit" in sentence


def test_a_port_that_is_taken():
    [port] = pick_ports(1)
    command = [sys.executable, "-m", "gristmill.pipelines.cli", "engines", "workers"]
    first = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    try:
        assert f"serving Python workers on localhost:{port}" in first.stderr.readline()
        second = subprocess.run([*command, "--port", str(port)], capture_output=True, text=True)
        assert second.returncode == 1 and "the port is taken" in second.stderr
        first.terminate()
        assert first.wait(10) == 0
    finally:
        first.kill()
        first.stderr.close()
