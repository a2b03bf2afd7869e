"""Installed engines: Spark and Flink with Beam's runner, fetched once and kept outside the project.

::

    <cache>/gristmill/engines/spark-2.62.0/
        manifest.json       versions, and bytes and sha256 of every jar; its presence means whole
        runner.jar          Beam's runner without the engine: staged to clusters, packed into jobs
        engine/*.jar        the engine's own jars, for the job server on this machine
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.engines.java_runtime import JavaRuntime, find_java, java_flags
from gristmill.pipelines.engines.maven_builds import build_runner, fetch_jars, find_maven
from gristmill.schemas.errors import EngineError

__all__ = [
    "ENGINES",
    "EngineError",
    "EngineHome",
    "JavaRuntime",
    "check_engine",
    "find_engine",
    "find_java",
    "find_maven",
    "install_engine",
    "java_flags",
]

MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"
RUNNER_JAR = "runner.jar"


@dataclass(frozen=True)
class EngineRelease:
    """What this gristmill is tested with: one release of an engine and of Beam's runner for it.

    Beam's Java parts may be older than Beam in Python: for the transforms that gristmill
    uses, 2.62.0 serves Python 2.77 (tested), and it is the newest release whose parts
    repositories hold in full.
    """

    title: str
    engine_version: str
    runner_artifact: str
    main_class: str  # of the job server
    submit_class: str  # of a packed job
    beam_version: str = "2.62.0"


ENGINES = {
    "spark": EngineRelease(
        title="Spark",
        engine_version="3.5.0",
        runner_artifact="beam-runners-spark-3",
        main_class="org.apache.beam.runners.spark.SparkJobServerDriver",
        submit_class="org.apache.beam.runners.spark.SparkPipelineRunner",
    ),
    "flink": EngineRelease(
        title="Flink",
        engine_version="1.19.0",
        runner_artifact="beam-runners-flink-1.19",
        main_class="org.apache.beam.runners.flink.FlinkJobServerDriver",
        submit_class="org.apache.beam.runners.flink.FlinkPipelineRunner",
    ),
}


@dataclass(frozen=True)
class EngineHome:
    """An installed engine.

    `class_path` is for `java -cp`; `staged_jars` are what workers of a cluster need (without
    the engine itself); a job is packed into a copy of `submit_jar`.
    """

    engine: str
    folder: Path
    beam_version: str
    engine_version: str
    main_class: str
    class_path: tuple[Path, ...]
    staged_jars: tuple[Path, ...]
    submit_jar: Path | None


def install_engine(engine: str, say: Callable[[str], None]) -> EngineHome:
    """Fetch an engine through Maven, unless it is here and whole.

    Args:
        engine: `spark` or `flink`.
        say: called with one line per step.

    Raises:
        EngineError: unknown engine, no Java, no Maven, or Maven failed.
    """
    release = _look_up(engine)
    root = _engines_folder()
    root.mkdir(parents=True, exist_ok=True)
    with _hold_lock(root / f".{engine}.lock"):
        with contextlib.suppress(EngineError):
            home = find_engine(engine)
            if not check_engine(home):
                say(f"{release.title} {release.engine_version} is installed in {home.folder}")
                return home
        find_java()  # Maven's own sentence about a missing Java is worse
        maven = find_maven()
        for left in root.glob(f".{engine}-*"):  # of an install that was killed
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".{engine}-", dir=root))
        try:
            _fill_home(engine, maven, work, say)
            _replace_folder(work / "home", _home_folder(engine))
        finally:
            shutil.rmtree(work, ignore_errors=True)
    home = find_engine(engine)
    size = sum(jar.stat().st_size for jar in home.class_path) / 1e6
    say(f"{release.title} {release.engine_version} installed in {home.folder} ({size:.0f} MB)")
    return home


def find_engine(engine: str) -> EngineHome:
    """The installed engine; jars are looked at by size only, see `check_engine`.

    Raises:
        EngineError: it is unknown, not installed, incomplete, or another version's.
    """
    release = _look_up(engine)
    folder = _home_folder(engine)
    manifest = _read_manifest(engine)
    _require_release(manifest, release, folder, engine)
    for name, entry in manifest["jars"].items():
        jar = folder / name
        if not jar.is_file() or jar.stat().st_size != entry["bytes"]:
            raise EngineError(
                f"{release.title} in {folder} is damaged ({name} is missing or has another "
                f"size): run gristmill engines install {engine}"
            )
    runner = folder / RUNNER_JAR
    engine_jars = sorted(folder / name for name in manifest["jars"] if name != RUNNER_JAR)
    return EngineHome(
        engine=engine,
        folder=folder,
        beam_version=release.beam_version,
        engine_version=release.engine_version,
        main_class=release.main_class,
        class_path=(runner, *engine_jars),
        staged_jars=(runner,),
        submit_jar=runner,
    )


def check_engine(home: EngineHome) -> list[str]:
    """Hash every jar again; returns one sentence per fault.

    Raises:
        EngineError: the manifest is missing or cannot be read.
    """
    faults = []
    for name, entry in sorted(_read_manifest(home.engine)["jars"].items()):
        jar = home.folder / name
        if not jar.is_file():
            faults.append(f"{jar} is missing: run gristmill engines install {home.engine}")
        elif _hash_file(jar) != entry["sha256"]:
            faults.append(f"{jar} is damaged: run gristmill engines install {home.engine}")
    return faults


def _fill_home(engine: str, maven: Path, work: Path, say: Callable[[str], None]) -> None:
    """Build everything under `work/home`, the manifest last."""
    release = ENGINES[engine]
    home = work / "home"
    say(f"fetching {release.title} {release.engine_version} through Maven")
    jars = fetch_jars(maven, work, engine, {"engine.version": release.engine_version})
    say(f"building Beam's runner {release.beam_version} for {release.title}")
    properties = {
        "beam.version": release.beam_version,
        "runner.artifact": release.runner_artifact,
        "runner.main": release.submit_class,
    }
    runner = build_runner(maven, work, properties)
    home.mkdir()
    if not jars.is_dir() or not runner.is_file():
        raise EngineError(
            f"Maven ended well but left no jars of {release.title}: try mvn --version, "
            "then install again"
        )
    jars.rename(home / "engine")
    runner.rename(home / RUNNER_JAR)
    _write_manifest(home, engine)


def _write_manifest(home: Path, engine: str) -> None:
    release = ENGINES[engine]
    jars = sorted(home.rglob("*.jar"))
    manifest = {
        "format": MANIFEST_FORMAT,
        "engine": engine,
        "beam_version": release.beam_version,
        "engine_version": release.engine_version,
        "jars": {
            jar.relative_to(home).as_posix(): {
                "bytes": jar.stat().st_size,
                "sha256": _hash_file(jar),
            }
            for jar in jars
        },
    }
    (home / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def _read_manifest(engine: str) -> dict[str, Any]:
    release = _look_up(engine)
    path = _home_folder(engine) / MANIFEST
    command = f"run gristmill engines install {engine}"
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise EngineError(f"{release.title} is not installed: {command}") from error
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: {command}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise EngineError(f"{path} is of another gristmill: {command}")
    return manifest


def _require_release(
    manifest: dict[str, Any], release: EngineRelease, folder: Path, engine: str
) -> None:
    found = (manifest.get("engine_version"), manifest.get("beam_version"))
    if found != (release.engine_version, release.beam_version):
        raise EngineError(
            f"{folder} holds {release.title} {found[0]} with Beam {found[1]}, but this gristmill "
            f"needs {release.engine_version} with Beam {release.beam_version}: "
            f"run gristmill engines install {engine}"
        )


def _look_up(engine: str) -> EngineRelease:
    if engine not in ENGINES:
        raise EngineError(f"no engine is called {engine!r}: choose {' or '.join(sorted(ENGINES))}")
    return ENGINES[engine]


def _engines_folder() -> Path:
    chosen = os.environ.get("GRISTMILL_ENGINES")
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "gristmill", "engines").absolute()


def _home_folder(engine: str) -> Path:
    return _engines_folder() / f"{engine}-{ENGINES[engine].beam_version}"


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    """Let one install of an engine run at a time; the second then finds it done."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace_folder(new: Path, place: Path) -> None:
    """Put a whole folder in place; a damaged one goes first, into the work folder."""
    if place.exists():
        place.rename(new.parent / "old")
    new.rename(place)


def _hash_file(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
