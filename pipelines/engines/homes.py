"""Engine homes: what is installed of Spark and Flink, which form of it, and whether it is whole.

::

    <cache>/gristmill/engines/
        spark.current               name of the home in use: the one installed last
        spark-2.62.0/               the tested parts
            manifest.json           form, versions, and bytes and sha256 of every jar
            runner.jar              Beam's runner without the engine: staged, packed into jobs
            engine/*.jar            the engine's own jars, for the job server on this machine
        spark-2.77.0-released/      Beam's released job server, of the Beam in Python
            manifest.json
            job-server.jar          runner and engine in one
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import EngineError

#: Environment variable that moves the folder of homes.
ENGINES_VARIABLE = "GRISTMILL_ENGINES"
PARTS = "parts"
RELEASED = "released"
#: By form, the jar with Beam's runner in it.
RUNNER_JARS = {PARTS: "runner.jar", RELEASED: "job-server.jar"}
MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class EngineRelease:
    """What this gristmill is tested with: one release of an engine and of Beam's runner for it.

    Beam's Java parts may be older than Beam in Python: for the transforms that gristmill
    uses, 2.62.0 serves Python 2.77 (tested), and it is the newest release whose parts
    repositories hold in full. `engine_version` is also what Beam's released job servers are
    built with (`build.gradle` of Beam's `runners/spark/3` and `runners/flink/1.19`).
    """

    title: str
    engine_version: str
    runner_artifact: str
    server_artifact: str  # the released job server
    main_class: str  # of the job server
    submit_class: str  # of a packed job
    beam_version: str = "2.62.0"  # of the parts


ENGINES = {
    "spark": EngineRelease(
        title="Spark",
        engine_version="3.5.0",
        runner_artifact="beam-runners-spark-3",
        server_artifact="beam-runners-spark-3-job-server",
        main_class="org.apache.beam.runners.spark.SparkJobServerDriver",
        submit_class="org.apache.beam.runners.spark.SparkPipelineRunner",
    ),
    "flink": EngineRelease(
        title="Flink",
        engine_version="1.19.0",
        runner_artifact="beam-runners-flink-1.19",
        server_artifact="beam-runners-flink-1.19-job-server",
        main_class="org.apache.beam.runners.flink.FlinkJobServerDriver",
        submit_class="org.apache.beam.runners.flink.FlinkPipelineRunner",
    ),
}


@dataclass(frozen=True)
class EngineHome:
    """An installed engine.

    `class_path` is for `java -cp`; `staged_jars` are what workers of a cluster need (without
    the engine itself, except in the released form, which is one jar); a job is packed into a
    copy of `submit_jar`.
    """

    engine: str
    folder: Path
    beam_version: str
    engine_version: str
    main_class: str
    class_path: tuple[Path, ...]
    staged_jars: tuple[Path, ...]
    submit_jar: Path | None
    form: str = PARTS


def find_engine(engine: str) -> EngineHome:
    """The engine that was installed last; jars are looked at by size only, see `check_engine`.

    Raises:
        EngineError: it is unknown, not installed, incomplete, or another version's.
    """
    return open_home(engine, _read_pointer(engine))


def check_engine(home: EngineHome) -> list[str]:
    """Hash every jar again; returns one sentence per fault.

    Raises:
        EngineError: the manifest is missing or cannot be read.
    """
    faults = []
    advice = _advise(home.engine, home.form)
    for name, entry in sorted(_read_manifest(home.engine, home.folder)["jars"].items()):
        jar = home.folder / name
        if not jar.is_file():
            faults.append(f"{jar} is missing: {advice}")
        elif _hash_file(jar) != entry["sha256"]:
            faults.append(f"{jar} is damaged: {advice}")
    return faults


def open_home(engine: str, folder: Path) -> EngineHome:
    """The engine in a folder.

    Raises:
        EngineError: it is not there, incomplete, or another version's.
    """
    release = look_up(engine)
    manifest = _read_manifest(engine, folder)
    form = manifest["form"]
    _require_release(manifest, engine, folder)
    for name, entry in manifest["jars"].items():
        jar = folder / name
        if not jar.is_file() or jar.stat().st_size != entry["bytes"]:
            raise EngineError(
                f"{release.title} in {folder} is damaged ({name} is missing or has another "
                f"size): {_advise(engine, form)}"
            )
    runner = folder / RUNNER_JARS[form]
    others = sorted(folder / name for name in manifest["jars"] if name != runner.name)
    return EngineHome(
        engine=engine,
        folder=folder,
        beam_version=manifest["beam_version"],
        engine_version=release.engine_version,
        main_class=release.main_class,
        class_path=(runner, *others),
        staged_jars=(runner,),
        submit_jar=runner,
        form=form,
    )


def look_up(engine: str) -> EngineRelease:
    """The release of an engine that this gristmill is tested with.

    Raises:
        EngineError: no engine is called so.
    """
    if engine not in ENGINES:
        raise EngineError(f"no engine is called {engine!r}: choose {' or '.join(sorted(ENGINES))}")
    return ENGINES[engine]


def choose_beam(engine: str, form: str) -> str:
    """The Beam version that a form must have: the tested one, or that of Beam in Python."""
    return look_up(engine).beam_version if form == PARTS else version("apache-beam")


def engines_folder() -> Path:
    """The folder of all homes."""
    chosen = os.environ.get(ENGINES_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "gristmill", "engines").absolute()


def name_home(engine: str, form: str) -> Path:
    """The folder of an engine's home of this form."""
    suffix = "" if form == PARTS else f"-{form}"
    return engines_folder() / f"{engine}-{choose_beam(engine, form)}{suffix}"


def point_to(home: EngineHome) -> None:
    """Make a home the one that `find_engine` finds."""
    pointer = _name_pointer(home.engine)
    draft = pointer.with_name(f".{pointer.name}")  # its writer holds the engine's lock
    draft.write_text(f"{home.folder.name}\n")
    draft.replace(pointer)


def write_manifest(folder: Path, engine: str, form: str) -> None:
    """Describe the jars of a finished folder."""
    jars = sorted(folder.rglob("*.jar"))
    manifest = {
        "format": MANIFEST_FORMAT,
        "engine": engine,
        "form": form,
        "beam_version": choose_beam(engine, form),
        "engine_version": look_up(engine).engine_version,
        "jars": {
            jar.relative_to(folder).as_posix(): {
                "bytes": jar.stat().st_size,
                "sha256": _hash_file(jar),
            }
            for jar in jars
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def _read_pointer(engine: str) -> Path:
    look_up(engine)
    pointer = _name_pointer(engine)
    try:
        name = pointer.read_text().strip()
    except FileNotFoundError:
        return name_home(engine, PARTS)
    except (OSError, ValueError) as error:
        raise EngineError(f"{pointer} cannot be read: {_advise(engine)}") from error
    if not re.fullmatch(rf"{engine}-[\w.+-]+", name):
        raise EngineError(f"{pointer} names no folder of an engine: {_advise(engine)}")
    return pointer.parent / name


def _name_pointer(engine: str) -> Path:
    return engines_folder() / f"{engine}.current"


def _read_manifest(engine: str, folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError as error:
        title = look_up(engine).title
        raise EngineError(f"{title} is not installed: {_advise(engine)}") from error
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: {_advise(engine)}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise EngineError(f"{path} is of another gristmill: {_advise(engine)}")
    if manifest.setdefault("form", PARTS) not in RUNNER_JARS:
        raise EngineError(f"{path} is of another gristmill: {_advise(engine)}")
    return manifest


def _require_release(manifest: dict[str, Any], engine: str, folder: Path) -> None:
    release, form = look_up(engine), manifest["form"]
    beam = choose_beam(engine, form)
    found = (manifest.get("engine_version"), manifest.get("beam_version"))
    if found == (release.engine_version, beam):
        return
    needs = f"this gristmill needs {release.engine_version} with Beam {beam}"
    if form == RELEASED and found[0] == release.engine_version:
        needs = f"apache-beam in Python is {beam}"
    raise EngineError(
        f"{folder} holds {release.title} {found[0]} with Beam {found[1]}, but {needs}: "
        f"{_advise(engine, form)}"
    )


def _advise(engine: str, form: str = PARTS) -> str:
    flag = " --released" if form == RELEASED else ""
    return f"run gristmill engines install {engine}{flag}"


def _hash_file(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
