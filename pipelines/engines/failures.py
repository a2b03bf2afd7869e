"""Failures of an engine's job, told in one sentence each."""

import contextlib
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gristmill.pipelines.engines.processes import find_complaint
from gristmill.schemas.errors import EngineError, GristmillError, UnitFailedError

LEAST_TELLING = 200  # characters; engines also say no more than "FAILED"
_OURS = {"UnitFailedError": UnitFailedError, "EngineError": EngineError}
_SAID = re.compile(r"(?:^|\W)(UnitFailedError|EngineError): ([^\n]+)")
#: (what the text holds, what it means), the first that matches.
MEANINGS = (
    (
        re.compile(r"No module named '(gristmill|apache_beam)"),
        "a worker cannot import {0}: install gristmill's wheel in the Python that runs the "
        "worker pool of every node",
    ),
    (
        re.compile(r"All masters are unresponsive|Failed to connect to master ([\w.:-]+)"),
        "no cluster master answers at the address given; start it or correct the address",
    ),
    (
        re.compile(r"[Cc]onnection refused[^\n]*?(?:/|: )([\w.-]*[:/][\d.]*:?\d{2,5})"),
        "nothing listens at {0}: start `gristmill engines workers` on every node before the job",
    ),
    (
        re.compile(r"Cannot run program \"?([^\s\",]+)"),
        "the workers cannot run {0}: give a command that exists on every node",
    ),
    (
        re.compile(r"OutOfMemoryError: ([^\n]+)"),
        "the JVM ran out of memory ({0}): give executors more with --executor-memory",
    ),
    (
        re.compile(r"No space left on device"),
        "no space left on a worker's disk: free some, or point TMPDIR and spark.local.dir elsewhere",
    ),
)


def explain_failure(title: str, job: str, text: str, log: Path) -> GristmillError:
    """Make an error of what a failed job left.

    Args:
        title: the engine, as messages name it.
        job: the job's name.
        text: what the engine reported: often a Java stack around a Python one.
        log: the job server's log, read when `text` says nothing, and named.
    """
    logged = _read_end(log) if log.exists() else ""
    for told in (text, logged):
        known = recognise_failure(told, MEANINGS, f"{title}: ", f" (log: {log})")
        if known is not None:
            return known
    complaint = find_complaint(text if len(text) > LEAST_TELLING else f"{text}\n{logged}")
    return EngineError(f"{title} could not run {job}: {complaint} (log: {log})")


def recognise_failure(
    text: str, meanings: Iterable[tuple[re.Pattern[str], str]], before: str, after: str
) -> GristmillError | None:
    """Our own error, raised anew, or one that a table knows; None where neither is there.

    Args:
        text: what an engine reported.
        meanings: (what the text holds, what it means), the first that matches.
        before: what the sentence begins with, unless it is our own.
        after: what it ends with.
    """
    said = _SAID.search(text)
    if said is not None:
        return _OURS[said[1]](said[2].partition(" [while running")[0].rstrip("\\n"))
    for pattern, meaning in meanings:
        found = pattern.search(text)
        if found is not None:
            return EngineError(f"{before}{meaning.format(*found.groups())}{after}")
    return None


@contextlib.contextmanager
def quiet_beam() -> Iterator[None]:
    """Keep Beam from logging: every job message of a failure, and much that is none.

    A failure is one sentence here; Beam prints the whole stack of each try, to the root
    logger.
    """
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(previous)


def _read_end(log: Path, size: int = 1 << 16) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - size))
        return stream.read().decode("utf-8", errors="replace")
