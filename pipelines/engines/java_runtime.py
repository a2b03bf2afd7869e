"""Java on this machine: where it is, which version, and the flags that Spark asks of it."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gristmill.schemas.errors import EngineError

#: Spark 3.5 and Flink 1.19 both run on Java 8, 11 and 17; Java 8 is left out because
#: nobody tests it any more, and 18 and later lack what Spark 3.5 reaches into.
OLDEST_JAVA = 11
NEWEST_JAVA = 17
_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_PROBE_SECONDS = 30
#: Spark's own list for Java 17 (`JavaModuleOptions` of Spark 3.5).
_OPENED = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)


@dataclass(frozen=True)
class JavaRuntime:
    """A `java` that engines run on, and its feature release (11, 17)."""

    path: Path
    version: int


def find_java() -> JavaRuntime:
    """The Java of JAVA_HOME, else of PATH.

    Raises:
        EngineError: there is none, it does not start, or its version is not supported.
    """
    path = _locate_java()
    version = _read_version(path)
    if not OLDEST_JAVA <= version <= NEWEST_JAVA:
        age = "old" if version < OLDEST_JAVA else "new"
        raise EngineError(
            f"{path} is Java {version}, too {age} for Spark and Flink: install Java "
            f"{OLDEST_JAVA} or {NEWEST_JAVA} and point JAVA_HOME at it"
        )
    return JavaRuntime(path, version)


def java_flags(java: JavaRuntime) -> list[str]:
    """What Spark wants of this Java: access to internals that Java 17 closes."""
    if java.version < NEWEST_JAVA:
        return []
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
    return ["-XX:+IgnoreUnrecognizedVMOptions", *opened]


def _locate_java() -> Path:
    home = os.environ.get("JAVA_HOME")
    if home:
        path = Path(home, "bin", "java")
        if not os.access(path, os.X_OK):
            raise EngineError(f"JAVA_HOME is {home}, which has no bin/java: correct or unset it")
        return path
    found = shutil.which("java")
    if found is None:
        raise EngineError(
            f"no Java is installed: install Java {OLDEST_JAVA} or {NEWEST_JAVA}, "
            "or point JAVA_HOME at one"
        )
    return Path(found)


def _read_version(path: Path) -> int:
    try:
        done = subprocess.run(
            [str(path), "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{path} does not start ({error}): install Java again") from error
    found = _VERSION.search(done.stderr + done.stdout)
    if done.returncode != 0 or found is None:
        raise EngineError(
            f"{path} -version failed with exit code {done.returncode}: install Java again"
        )
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # Java 8 calls itself 1.8
