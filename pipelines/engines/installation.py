"""Installing Spark and Flink: fetched once through Maven, kept outside the project (`homes`)."""

import contextlib
import fcntl
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gristmill.pipelines.engines.homes import (
    ENGINES,
    ENGINES_VARIABLE,
    PARTS,
    RELEASED,
    RUNNER_JARS,
    EngineHome,
    check_engine,
    choose_beam,
    engines_folder,
    find_engine,
    look_up,
    name_home,
    open_home,
    point_to,
    write_manifest,
)
from gristmill.pipelines.engines.java_runtime import JavaRuntime, find_java, java_flags
from gristmill.pipelines.engines.maven_builds import (
    MissingJarError,
    build_runner,
    fetch_jars,
    fetch_server,
    find_maven,
)
from gristmill.schemas.errors import EngineError

__all__ = [
    "ENGINES",
    "ENGINES_VARIABLE",
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


def install_engine(
    engine: str, say: Callable[[str], None], *, released: bool = False
) -> EngineHome:
    """Fetch an engine through Maven, unless it is here and whole; `find_engine` then finds it.

    Args:
        engine: `spark` or `flink`.
        say: called with one line per step.
        released: take Beam's released job server, of the version of Beam in Python, where a
            repository has it; `say` is told where none has, and the tested parts are taken.

    Raises:
        EngineError: unknown engine, no Java, no Maven, or Maven failed.
    """
    release = look_up(engine)
    root = engines_folder()
    root.mkdir(parents=True, exist_ok=True)
    with _hold_lock(root / f".{engine}.lock"):
        try:
            home = _install_form(engine, RELEASED if released else PARTS, say)
        except MissingJarError as missing:
            say(f"{missing}: taking the tested parts of Beam {release.beam_version} instead")
            home = _install_form(engine, PARTS, say)
        point_to(home)
    return home


def _install_form(engine: str, form: str, say: Callable[[str], None]) -> EngineHome:
    title = f"{ENGINES[engine].title} {ENGINES[engine].engine_version}"
    place = name_home(engine, form)
    with contextlib.suppress(EngineError):
        home = open_home(engine, place)
        if not check_engine(home):
            say(f"{title} is installed in {home.folder}")
            return home
    find_java()  # Maven's own sentence about a missing Java is worse
    maven = find_maven()
    for left in place.parent.glob(f".{engine}-*"):  # of an install that was killed
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{engine}-", dir=place.parent))
    try:
        (work / "home").mkdir()
        fill = _fill_parts if form == PARTS else _fill_released
        fill(engine, maven, work, say)
        write_manifest(work / "home", engine, form)
        _replace_folder(work / "home", place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    home = open_home(engine, place)
    size = sum(jar.stat().st_size for jar in home.class_path) / 1e6
    say(f"{title} installed in {home.folder} ({size:.0f} MB)")
    return home


def _fill_parts(engine: str, maven: Path, work: Path, say: Callable[[str], None]) -> None:
    """Put the engine's own jars and a runner built from Beam's parts under `work/home`."""
    release = ENGINES[engine]
    say(f"fetching {release.title} {release.engine_version} through Maven")
    jars = fetch_jars(maven, work, engine, {"engine.version": release.engine_version})
    say(f"building Beam's runner {release.beam_version} for {release.title}")
    properties = {
        "beam.version": release.beam_version,
        "runner.artifact": release.runner_artifact,
        "runner.main": release.submit_class,
    }
    runner = build_runner(maven, work, properties)
    if not jars.is_dir() or not runner.is_file():
        raise EngineError(
            f"Maven ended well but left no jars of {release.title}: try mvn --version, "
            "then install again"
        )
    jars.rename(work / "home" / "engine")
    runner.rename(work / "home" / RUNNER_JARS[PARTS])


def _fill_released(engine: str, maven: Path, work: Path, say: Callable[[str], None]) -> None:
    """Put Beam's released job server under `work/home`."""
    release = ENGINES[engine]
    beam = choose_beam(engine, RELEASED)
    say(f"fetching Beam's released job server {beam} for {release.title} through Maven")
    jar = fetch_server(maven, work, release.server_artifact, beam)
    wanted = f"{release.main_class.replace('.', '/')}.class"
    try:
        with zipfile.ZipFile(jar) as archive:
            archive.getinfo(wanted)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise EngineError(
            f"Maven gave no job server of {release.title} as {release.server_artifact} {beam} "
            f"({error}): check the mirror in ~/.m2/settings.xml, or install without --released"
        ) from error
    jar.rename(work / "home" / RUNNER_JARS[RELEASED])


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
