"""A run that is killed, at any moment, goes on to the same bytes."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mill_inputs import Capture, make_slow_page, pack_warc, write_small_recipe
from mill_runs import call_command, digest_store, run_command

from gristmill.pipelines import demo
from gristmill.pipelines.steps import MANIFEST_FILE
from gristmill.schemas.versions import list_versions

SEED = 20240601
KILLS = 5
SESSION_FIELD = 3  # in /proc/<pid>/stat, counted from behind the command's name


@dataclass
class Straight:
    """An uninterrupted run."""

    recipe: Path
    out: str
    bytes: dict[str, str]
    seconds: float
    timeline: dict[str, float]  # seconds after the start at which each step was closed


def open_store(output: Path) -> Path:
    return output / "store" / "demo"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    """The demo's recipe on its inputs: pydoc's pages, Wikipedia articles, package descriptions."""
    pytest.importorskip("gensim", reason="needs gensim, whose wheel carries Wikipedia articles")
    folder = tmp_path_factory.mktemp("demo")
    demo.make_inputs(folder / "input")
    recipe = folder / "demo.yaml"
    recipe.write_text(demo.RECIPE.format(folder=folder))
    started = time.time()
    done = run_command("run", recipe, "--workers", "2")
    assert done.code == 0, done.err
    timeline = {
        path.parent.name: path.stat().st_mtime - started
        for path in (folder / "run" / "work").glob(f"*/{MANIFEST_FILE}")
    }
    stored = digest_store(open_store(folder / "run"))
    return Straight(recipe, done.out, stored, done.seconds, timeline)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "run"


def start_run(recipe: Path, output: Path) -> "subprocess.Popen[str]":
    """Start the run in a session, hence a process group, of its own."""
    command = [sys.executable, "-m", "gristmill.pipelines.cli", "run", str(recipe)]
    return subprocess.Popen(
        [*command, "--output", str(output), "--workers", "2"],
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(output.parent)},  # what a kill leaves there goes too
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def list_session(leader: int) -> Iterator[int]:
    """Processes of a session that still run: children, their fork server, whatever they start."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if fields[0] != "Z" and int(fields[SESSION_FIELD]) == leader:
            yield int(path.parent.name)


def await_end(leader: int, patience_seconds: float = 10.0) -> list[int]:
    """Wait until no process of a session is left; returns those that stay."""
    deadline = time.monotonic() + patience_seconds
    while (left := list(list_session(leader))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def finish_run(straight: Straight, output: Path) -> None:
    """Give the same command again: it ends in the bytes of a run that nothing disturbed."""
    done = run_command("run", straight.recipe, "--output", output, "--workers", "2")
    assert (done.code, done.out) == (0, straight.out), done.err
    assert digest_store(open_store(output)) == straight.bytes
    assert list_versions(open_store(output)) == ["1.0.0"]
    assert not list(output.rglob("*.partial"))
    assert call_command("verify", open_store(output)).code == 0


def await_moment(
    process: "subprocess.Popen[str]", straight: Straight, output: Path, moment: float
) -> None:
    """Wait for the place in the run that came `moment` seconds after the start of the straight one.

    Steps are waited for by their manifests and only the rest by the clock: another run
    is faster or slower. Returns early if the process ends.
    """
    passed = {step: seconds for step, seconds in straight.timeline.items() if seconds < moment}
    manifests = [output / "work" / step / MANIFEST_FILE for step in passed]
    while process.poll() is None and not all(path.exists() for path in manifests):
        time.sleep(0.005)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment - max(passed.values(), default=0.0))


@pytest.mark.parametrize("number", range(KILLS))
def test_kill_9_is_a_pause(straight, output, number):
    """Of the whole group, at a random moment of each fifth of the run."""
    share = (number + random.Random(f"{SEED} {number}").random()) / KILLS
    moment = share * straight.seconds
    process = start_run(straight.recipe, output)
    await_moment(process, straight, output, moment)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    closed = len(list(output.glob(f"work/*/{MANIFEST_FILE}")))
    print(f"kill {number} at {moment:.1f} of {straight.seconds:.1f} s, {closed} steps closed")
    # Publishing takes a moment: the last kill may come too late, the others may not.
    assert process.returncode == -signal.SIGKILL or number == KILLS - 1
    assert not await_end(process.pid)
    finish_run(straight, output)


def test_children_do_not_outlive_their_launcher(tmp_path):
    (tmp_path / "slow.warc.gz").write_bytes(pack_warc([Capture("slow", make_slow_page())]))
    source = "{name: slow, kind: commoncrawl, paths: [slow.warc.gz]}"
    process = start_run(write_small_recipe(tmp_path, source), tmp_path / "out")
    while process.poll() is None and not list(tmp_path.glob("out/work/collect/units/*.partial")):
        time.sleep(0.01)
    assert len(list(list_session(process.pid))) > 2
    process.kill()
    assert not await_end(process.pid, 5.0)  # the page takes longer than that
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_polite_end_is_a_pause(straight, output, number):
    process = start_run(straight.recipe, output)
    await_moment(process, straight, output, 0.3 * straight.seconds)
    process.send_signal(number)
    started = time.monotonic()
    _, err = process.communicate()
    seconds = time.monotonic() - started
    print(f"{number.name}: over after {seconds:.1f} s")
    assert process.returncode == 128 + number
    assert "interrupted; the same command goes on from here" in err
    assert "Traceback" not in err
    assert seconds < 10
    assert not await_end(process.pid)
    if number == signal.SIGTERM:
        finish_run(straight, output)
