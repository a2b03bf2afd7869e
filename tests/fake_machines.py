"""A machine whose Java and Maven are scripts, for tests of installing engines."""

import zipfile
from pathlib import Path

import pytest

from gristmill.pipelines.engines.installation import ENGINES, ENGINES_VARIABLE

FAKE_MAVEN = """#!/bin/sh
echo "$@" >> "$CALLS"
for word; do
    case "$word" in
    -Dserver.artifact=*) server="${word#*=}" ;;
    -Dbeam.version=*) beam="${word#*=}" ;;
    esac
done
case "$*" in
*shade:shade*) mkdir target; echo runner > target/runner-1.jar ;;
*server.artifact*)
    if [ ! -f "$SERVERS/$server.jar" ]; then
        echo "[ERROR] Failed: Could not find artifact org.apache.beam:$server:jar:$beam in house"
        exit 1
    fi
    mkdir jars; cp "$SERVERS/$server.jar" "jars/$server-$beam.jar" ;;
*) mkdir jars; echo core > jars/core-1.jar; echo other > jars/other-2.jar ;;
esac
"""


def write_script(path: Path, text: str) -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def write_java(path: Path, version: str) -> Path:
    """Write a `java` that knows its version and nothing else."""
    return write_script(path, f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")


def make_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a fake java 17, a fake mvn and the shell's own tools on PATH, and homes in `folder`.

    The mvn appends its arguments to `calls`, and has the released job servers of `servers`.
    """
    write_java(folder / "bin" / "java", "17.0.9")
    write_script(folder / "bin" / "mvn", FAKE_MAVEN)
    (folder / "servers").mkdir()
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("CALLS", str(folder / "calls"))
    monkeypatch.setenv("SERVERS", str(folder / "servers"))
    monkeypatch.setenv(ENGINES_VARIABLE, str(folder / "engines"))
    return folder


def release_server(machine: Path, engine: str) -> Path:
    """Give the machine's mvn the released job server of an engine; returns the jar it has."""
    release = ENGINES[engine]
    jar = machine / "servers" / f"{release.server_artifact}.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr(f"{release.main_class.replace('.', '/')}.class", b"code")
    return jar


def read_calls(machine: Path) -> list[str]:
    """The arguments of each run of the machine's mvn."""
    return (machine / "calls").read_text().splitlines()


def say_nothing(line: str) -> None:
    """Takes a line of progress."""
