"""The folder of a training run: metrics line by line, checkpoints, the result. No torch.

::

    <output>/
    ├── metrics.jsonl        one line per optimizer step
    ├── evaluations.jsonl    one line per evaluation; step 0 is before training
    ├── result.json          written last: the run is finished
    └── checkpoints/
        ├── latest.json      names the newest, for other programs
        └── step-00000100/   model, optimizer, tokenizer, state.json
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gristmill.schemas.atomic_files import PARTIAL_SUFFIX, hold_lock, write_whole
from gristmill.schemas.errors import CorruptFileError, UsageError

METRICS: Final = "metrics.jsonl"
EVALUATIONS: Final = "evaluations.jsonl"
RESULT: Final = "result.json"
CHECKPOINTS: Final = "checkpoints"
LATEST: Final = "latest.json"
STATE: Final = "state.json"
LOCK: Final = ".lock"


def name_checkpoint(step: int) -> str:
    """Name of the folder of a checkpoint after `step` optimizer steps."""
    return f"step-{step:08d}"


def list_checkpoints(output: Path) -> list[Path]:
    """Whole checkpoint folders of a run, oldest first."""
    folders = (output / CHECKPOINTS).glob("step-*")
    return sorted(folder for folder in folders if not folder.name.endswith(PARTIAL_SUFFIX))


def find_checkpoint(folder: Path) -> Path:
    """Resolve a run's output folder (to its newest checkpoint) or a checkpoint folder.

    Raises:
        UsageError: there is none.
    """
    if (folder / STATE).exists():
        return folder
    found = list_checkpoints(folder)
    if not found:
        raise UsageError(f"{folder} is neither a checkpoint nor a run that has one")
    return found[-1]


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CorruptFileError: the file holds something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise CorruptFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptFileError(f"{path} is not a JSON object")
    return value


def write_object(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object so that the file appears whole."""
    write_whole(path, json.dumps(value, indent=2).encode() + b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a JSON Lines file up to the first line that a killed writer left unfinished."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            found.append(json.loads(line))
        except ValueError:
            # A power cut can leave a block of zeros; what follows is of no use either.
            break
    return found


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one JSON line in a single write."""
    with path.open("ab") as stream:
        stream.write(json.dumps(record).encode() + b"\n")


def rewind_lines(path: Path, last_step: int) -> None:
    """Drop lines after a step: they will be written again."""
    kept = [record for record in read_lines(path) if int(record["step"]) <= last_step]
    write_whole(path, b"".join(json.dumps(record).encode() + b"\n" for record in kept))


def remove_leftovers(output: Path) -> None:
    """Remove checkpoint folders that a killed run left half written or half removed."""
    for leftover in (output / CHECKPOINTS).glob(f"*{PARTIAL_SUFFIX}"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def clear_run(output: Path) -> None:
    """Remove a run's own files, so that it starts over; anything else in the folder stays."""
    for name in (RESULT, METRICS, EVALUATIONS):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / CHECKPOINTS, ignore_errors=True)


@contextlib.contextmanager
def lock_run(output: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; the system lets go when this one dies.

    Raises:
        UsageError: another process is in it.
    """
    with hold_lock(output / LOCK, f"another process is training in {output}"):
        yield


def list_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Name the keys, dotted, in which a run's record differs from what is asked for."""
    before, now = dict(_flatten(found)), dict(_flatten(expected))
    return [
        f"{key}: the run has {before.get(key)!r}, the config {now.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{key}.")
        else:
            yield prefix + key, item
