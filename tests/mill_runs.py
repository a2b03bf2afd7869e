"""Running the command line in tests, and reading what a run leaves."""

import contextlib
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from gristmill.pipelines import cli
from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.manifests import canonical_json
from gristmill.schemas.versions import Version, list_versions, open_version


@dataclass
class Finished:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str
    seconds: float


def run_command(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit_bytes: int | None = None,
) -> Finished:
    """Run the command line in a process of its own, for at most five minutes.

    Args:
        arguments: verb and flags.
        cwd: working directory.
        env: variables to set.
        limit_bytes: longest file that the process and its children may write.
    """

    def limit_files() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gristmill.pipelines.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def call_command(*arguments: str | Path) -> Finished:
    """Run the command line in this process: Beam and the fork server are there already."""
    out, err = io.StringIO(), io.StringIO()
    started = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([str(argument) for argument in arguments])
    return Finished(code, out.getvalue(), err.getvalue(), time.monotonic() - started)


def digest_store(store: Path) -> dict[str, str]:
    """What a dataset's folder holds: every object and pointer by its bytes, every core.

    Left out is what says when and at what cost: the envelope, and the commit files
    that bind it.
    """
    found = {
        str(path.relative_to(store)): sha256_file(path)
        for folder in ("objects", "refs")
        for path in sorted((store / folder).rglob("*"))
        if path.is_file()
    }
    for name in list_versions(store):
        core = open_version(store, name).manifest.core
        found[f"core of {name}"] = hashlib.sha256(canonical_json(core.model_dump())).hexdigest()
    return found


def read_table(version: Version, name: str) -> list[dict[str, Any]]:
    """The rows of a published table: data, dropped, quarantine, evidence, clusters."""
    return [
        row
        for entry in version.files(f"{name}/")
        for row in pq.read_table(version.file(entry.path)).to_pylist()
    ]


def check_report(text: str) -> dict[str, dict[str, Any]]:
    """Require of ``report --json`` that no record is lost in or between stages."""
    figures = json.loads(text)
    stages = {stage["stage"]: stage for stage in figures["stages"]}
    assert list(stages) == ["collect", "measure", "deduplicate", "decide", "tokenize"]
    for stage in stages.values():
        lost = stage["dropped"] + stage["quarantined"]
        assert stage["records_in"] == stage["kept"] + lost
        assert stage["balanced"]
    for before, after in (
        ("collect", "measure"),
        ("collect", "deduplicate"),
        ("measure", "decide"),
        ("decide", "tokenize"),
    ):
        assert stages[after]["records_in"] == stages[before]["kept"], (before, after)
    for stage, counts in (("dropped", "drops"), ("quarantined", "quarantine")):
        listed = sum(reason["records"] for reason in figures[counts])
        assert listed == sum(line[stage] for line in stages.values())
    assert sum(split["documents"] for split in figures["splits"]) == stages["tokenize"]["kept"]
    return stages
