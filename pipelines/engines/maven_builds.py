"""Maven on this machine: fetches an engine's jars and builds the runner's one jar.

Maven runs with its own configuration, so a mirror or proxy of the house is respected.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from gristmill.schemas.errors import EngineError

BUILD_SECONDS = 1800  # a first fetch over a slow line; 40 s here
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SECRET = re.compile(r"//[^/@\s]+@")
_NOISE = re.compile(r"\[ERROR\]\s*((To see the full|Re-run Maven|For more info|\[Help).*)?")
_LONGEST_LINE = 400
_BEAM_GROUP = "org.apache.beam"


class MissingJarError(EngineError):
    """Maven works, but no repository that it asks has a jar."""


def find_maven() -> Path:
    """The `mvn` of PATH.

    Raises:
        EngineError: there is none.
    """
    found = shutil.which("mvn")
    if found is None:
        raise EngineError(
            "Maven is not installed: install Apache Maven 3.6 or later (the package is called "
            "maven) so that mvn is on PATH"
        )
    return Path(found)


def build_runner(maven: Path, work: Path, properties: Mapping[str, str]) -> Path:
    """Build the one jar of Beam's runner under `work`; returns it.

    Raises:
        EngineError: Maven failed; says with which line.
    """
    folder = _lay_pom(work, "runner")
    _run_maven(maven, folder, ["jar:jar", "shade:shade"], properties)
    return folder / "target" / "runner-1.jar"


def fetch_jars(maven: Path, work: Path, engine: str, properties: Mapping[str, str]) -> Path:
    """Fetch the engine's own jars under `work`; returns their folder.

    Raises:
        EngineError: Maven failed; says with which line.
    """
    folder = _lay_pom(work, engine)
    jars = folder / "jars"
    where = {"includeScope": "runtime", "outputDirectory": str(jars)}
    _run_maven(maven, folder, ["dependency:copy-dependencies"], {**properties, **where})
    return jars


def fetch_server(maven: Path, work: Path, artifact: str, beam_version: str) -> Path:
    """Fetch one of Beam's released job servers under `work`; returns where its jar is.

    Raises:
        MissingJarError: no repository has it.
        EngineError: Maven failed for another reason; says with which line.
    """
    folder = _lay_pom(work, "released")
    properties = {
        "beam.version": beam_version,
        "server.artifact": artifact,
        "outputDirectory": str(folder / "jars"),
    }
    # Without --update-snapshots Maven would repeat for a day what it heard earlier.
    goals = ["--update-snapshots", "dependency:copy-dependencies"]
    try:
        _run_maven(maven, folder, goals, properties)
    except EngineError as error:
        log = folder / "maven.log"
        text = _COLOUR.sub("", log.read_text(errors="replace")) if log.exists() else ""
        jar = re.escape(f"{_BEAM_GROUP}:{artifact}:jar:{beam_version}")
        if re.search(rf"(Could not find artifact|Failure to find) {jar}|{jar} was not found", text):
            raise MissingJarError(
                f"no Maven repository in use has {_BEAM_GROUP}:{artifact}:{beam_version}"
            ) from error
        raise
    return folder / "jars" / f"{artifact}-{beam_version}.jar"


def _lay_pom(work: Path, name: str) -> Path:
    folder = work / name
    folder.mkdir()
    pom = resources.files("gristmill.pipelines.engines") / "maven" / f"{name}.xml"
    (folder / "pom.xml").write_bytes(pom.read_bytes())
    return folder


def _run_maven(maven: Path, folder: Path, goals: list[str], properties: Mapping[str, str]) -> None:
    defines = [f"-D{key}={value}" for key, value in properties.items()]
    command = [str(maven), "--batch-mode", "--no-transfer-progress", *defines, *goals]
    log = folder / "maven.log"
    try:
        with log.open("wb") as sink:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=BUILD_SECONDS,
                check=False,
            )
    except OSError as error:
        raise EngineError(f"{maven} does not start ({error}): install Maven again") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"Maven was not done after {BUILD_SECONDS // 60} minutes: check the network or the "
            "mirror in ~/.m2/settings.xml and install again"
        ) from error
    if done.returncode != 0:
        text = log.read_text(errors="replace")
        raise EngineError(
            f"Maven could not fetch what the engine needs: {_pick_line(text)} (check the network "
            "or the mirror in ~/.m2/settings.xml and install again)"
        )


def _pick_line(text: str) -> str:
    """The line of a Maven log that says why, without colours or a password in an address."""
    lines = [_COLOUR.sub("", line).strip() for line in text.splitlines()]
    errors = [line for line in lines if line.startswith("[ERROR]") and not _NOISE.fullmatch(line)]
    chosen = next(iter(errors), next((line for line in reversed(lines) if line), "no output"))
    chosen = _SECRET.sub("//", chosen.removeprefix("[ERROR]").partition("-> [Help")[0].strip())
    return chosen if len(chosen) <= _LONGEST_LINE else f"{chosen[:_LONGEST_LINE]} ..."
