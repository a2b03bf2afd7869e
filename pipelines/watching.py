"""What a child is working on, told to its supervisor through a mapped file.

The child writes which documents are in flight before each risky call; the
supervisor reads it when the child dies or overruns. No pipe, no lock: 32 bytes
that only the child writes.
"""

import mmap
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

_MARKER = struct.Struct("<qqd")  # first ordinal, last ordinal, CPU seconds at entry
MARKER_BYTES = _MARKER.size
IDLE = -1


@dataclass
class Refusals:
    """What earlier tries of a unit have learned about its documents.

    `poisoned` documents are quarantined unread; `careful` ranges are handled
    one document at a time, to find the one that kills; from `stop_before` on the
    file cannot even be read.
    """

    poisoned: dict[int, str] = field(default_factory=dict)
    careful: list[tuple[int, int]] = field(default_factory=list)
    stop_before: tuple[int, str] | None = None

    @property
    def has_losses(self) -> bool:
        """Whether an earlier try lost a child on one of the documents."""
        return bool(self.poisoned or self.careful)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "poisoned": {str(key): reason for key, reason in self.poisoned.items()},
            "careful": self.careful,
            "stop_before": self.stop_before,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Refusals":
        """Inverse of `to_json`."""
        stop = value["stop_before"]
        return Refusals(
            {int(key): reason for key, reason in value["poisoned"].items()},
            [(first, last) for first, last in value["careful"]],
            (stop[0], stop[1]) if stop else None,
        )


class Watch:
    """The child's side: says what is in flight, and knows what to refuse."""

    def __init__(self, marker: mmap.mmap | None = None, refusals: Refusals | None = None) -> None:
        self._marker = marker
        self._in_flight = (IDLE, IDLE, 0.0)
        self.refusals = refusals or Refusals()

    @staticmethod
    def open(path: Path, refusals: Refusals) -> "Watch":
        """Map the marker file that the supervisor made."""
        with path.open("r+b") as stream:
            return Watch(mmap.mmap(stream.fileno(), MARKER_BYTES), refusals)

    def enter(self, first: int, last: int | None = None) -> None:
        """Say that documents `first` to `last` are in flight from now on."""
        self._in_flight = (first, first if last is None else last, time.process_time())
        self._tell(*self._in_flight)

    def leave(self) -> None:
        """Say that nothing is in flight."""
        self.enter(IDLE, IDLE)

    def pause(self) -> None:
        """Say that what happens now is not the doing of what is in flight."""
        self._tell(IDLE, IDLE, 0.0)

    def resume(self, cpu_seconds: float) -> None:
        """Go on after a pause that took `cpu_seconds`: they are not counted."""
        first, last, entered = self._in_flight
        self._in_flight = (first, last, entered + cpu_seconds)
        self._tell(*self._in_flight)

    def _tell(self, first: int, last: int, cpu_seconds: float) -> None:
        if self._marker is not None:
            _MARKER.pack_into(self._marker, 0, first, last, cpu_seconds)

    def refusal(self, ordinal: int) -> str | None:
        """Why a document must not be touched again, or None."""
        return self.refusals.poisoned.get(ordinal)

    def slices(
        self, batch: pa.RecordBatch, first: int
    ) -> Iterator[tuple[pa.RecordBatch, str | None]]:
        """Cut a batch so that a document known to kill is alone.

        Args:
            batch: rows `first`, `first + 1`, … of the unit.
            first: ordinal of the first row.

        Yields:
            (rows, None) to handle, with `enter` already called, or
            (one row, reason) to quarantine. Every row comes out exactly once, in order.
        """
        last = first + batch.num_rows - 1
        touched = any(low <= last and first <= high for low, high in self.refusals.careful)
        touched = touched or any(first <= key <= last for key in self.refusals.poisoned)
        if not touched:
            self.enter(first, last)
            yield batch, None
            return
        for index in range(batch.num_rows):
            reason = self.refusal(first + index)
            if reason is None:
                self.enter(first + index)
            yield batch.slice(index, 1), reason


def read_marker(path: Path) -> tuple[int, int, float]:
    """What the child last said: (first, last, CPU seconds at entry); first is -1 when idle."""
    first, last, cpu_seconds = _MARKER.unpack(path.read_bytes()[:MARKER_BYTES])
    return first, last, cpu_seconds


def write_idle(path: Path) -> None:
    """Make or reset a marker file."""
    path.write_bytes(_MARKER.pack(IDLE, IDLE, 0.0))
