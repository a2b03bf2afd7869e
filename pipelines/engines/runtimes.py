"""Runtimes: what a worker must run for its units to be the launcher's units.

A unit's key hashes the launcher's code. A worker with other code, another Python or
another Arrow would leave other bytes under the same key, so it refuses to start.
"""

import functools
import platform
from collections.abc import Mapping
from importlib import metadata

from gristmill.pipelines.units import hash_code
from gristmill.schemas.errors import EngineError

PACKAGES = ("apache-beam", "numpy", "pyarrow")
#: Everything that a unit can run.
CODE = (
    "gristmill.cleaning",
    "gristmill.dedup",
    "gristmill.pipelines",
    "gristmill.pipelines.engines",
    "gristmill.pipelines.sources",
    "gristmill.pipelines.stages",
    "gristmill.schemas",
    "gristmill.tokenize",
)


@functools.cache
def describe_runtime() -> Mapping[str, str]:
    """Code and versions of this process, by name."""
    major, minor, _ = platform.python_version_tuple()
    return {
        "gristmill": f"{metadata.version('gristmill')}, code {hash_code(*CODE)[:12]}",
        "python": f"{major}.{minor}",
        **{name: metadata.version(name) for name in PACKAGES},
    }


def check_runtime(expected: Mapping[str, str]) -> None:
    """Compare this worker with its launcher.

    Raises:
        EngineError: names what differs.
    """
    found = describe_runtime()
    differing = [
        f"{name} {found.get(name)} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name) != wanted
    ]
    if differing:
        raise EngineError(
            f"worker {platform.node()} has {'; '.join(differing)}: install the launcher's wheel "
            "and lock file on every worker, then start its worker pool again"
        )
