"""Every public archive file and every hostile one: what is kept, beside warcio and FastWARC.

    make bench NAME=archives

Counts, not times: for each file the records that an independent scanner sees, those of
them that are intact, and what gristmill and its peers give of those. A peer's record
counts if its block is that of an intact one; the rest that it gives is damaged.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard
from figures import format_line
from peer_environment import REPOSITORY, find_python

sys.path.insert(0, str(REPOSITORY / "tests"))

import archive_cases
from archive_scanner import scan_archive

SHARED = Path(os.environ.get("GRISTMILL_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
PEERS = ("warcio", "fastwarc")


@dataclass(frozen=True)
class Row:
    """What became of the records of one file."""

    name: str
    records: int  # that the scanner sees
    intact: int
    kept: int
    quarantined: int
    stray_bytes: int
    error: str | None
    blocks: Counter[str]  # SHA-1 of the intact blocks


def unpack_sets(folder: Path) -> dict[str, Path]:
    """Unpack the sets that hold archive files; path of each file by its name."""
    files: dict[str, Path] = {}
    for name in archive_cases.SETS:
        decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        with (
            (SHARED / f"{name}.tar.zst").open("rb") as packed,
            decoder.stream_reader(packed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as members,
        ):
            members.extractall(folder / name, filter="data")
        files.update(archive_cases.list_archives(name, folder / name))
    return files


def read_file(name: str, path: Path) -> Row:
    """Scan and read one file; an exception is what must never be, and is counted."""
    raw = path.read_bytes()
    seen = scan_archive(raw)
    intact = [record for record in seen if record.intact]
    error = None
    kept: list[Any] = []
    damaged: list[Any] = []
    stray = 0
    try:
        items = archive_cases.read_archive(raw)
        kept, damaged = archive_cases.split_items(items)
        stray = archive_cases.count_stray_bytes(items)
    except Exception as raised:  # the benchmark counts what the reader promises not to do
        error = type(raised).__name__
    blocks = Counter(record.digest for record in intact)
    return Row(name, len(seen), len(intact), len(kept), len(damaged), stray, error, blocks)


def run_peer(peer: str, files: dict[str, Path]) -> dict[str, Any]:
    """Have a peer read the files in its own environment."""
    command = [str(find_python()), str(Path(__file__).with_name("peer_archives.py")), peer]
    result = subprocess.run(
        [*command, *map(str, files.values())], capture_output=True, text=True, check=True
    )
    found = json.loads(result.stdout.strip().splitlines()[-1])
    return {name: found[str(path)] for name, path in files.items()}


def judge_peer(rows: list[Row], found: dict[str, Any]) -> dict[str, int]:
    """Count a peer's records that are intact, those that are not, and its errors."""
    intact = wrong = errors = 0
    for row in rows:
        blocks = Counter(digest for _, _, digest in found[row.name]["records"])
        right = (blocks & row.blocks).total()
        intact += right
        wrong += blocks.total() - right
        errors += found[row.name]["error"] is not None
    return {"intact": intact, "damaged_given_as_intact": wrong, "files_ended_by_error": errors}


def format_rows(rows: list[Row], peers: dict[str, dict[str, Any]]) -> str:
    """One line a file."""
    head = f"{'file':<72}{'seen':>6}{'intact':>7}{'kept':>6}{'quar.':>6}{'stray B':>9}"
    lines = [head + "".join(f"{peer:>14}" for peer in peers)]
    for row in rows:
        line = f"{row.name[-70:]:<72}{row.records:>6}{row.intact:>7}{row.kept:>6}"
        line += f"{row.quarantined:>6}{row.stray_bytes:>9}"
        for found in peers.values():
            mark = "!" if found[row.name]["error"] else ""
            line += f"{str(len(found[row.name]['records'])) + mark:>14}"
        lines.append(line + (f"  {row.error}" if row.error else ""))
    return "\n".join(lines)


def run_hostile(folder: Path) -> dict[str, Any]:
    """Collect every hostile input in a supervised child and print what it cost."""
    from hostile_cases import CASES, collect

    from gristmill.pipelines.workers import ChildLimits, WorkerPool

    pool = WorkerPool(1, ChildLimits())
    lost = 0
    worst = {"cpu_seconds": 0.0, "peak_mib": 0}
    print(f"\n{'hostile input':<46}{'kept':>5}{'CPU s':>8}{'peak MiB':>10}  fate")
    try:
        collect(pool, folder / "warm", CASES[0])  # pays for imports and compiled kernels
        for number, case in enumerate(CASES):
            record, _ = collect(pool, folder / str(number), case)
            peak = record.peak_memory_bytes >> 20
            fate = {**record.dropped, **record.quarantined} or "kept"
            print(f"{case.name:<46}{record.kept:>5}{record.cpu_seconds:>8.2f}{peak:>10}  {fate}")
            lost += max(0, case.kept - record.kept)
            worst["cpu_seconds"] = max(worst["cpu_seconds"], record.cpu_seconds)
            worst["peak_mib"] = max(worst["peak_mib"], peak)
    finally:
        pool.close()
    return {"hostile_inputs": len(CASES), "neighbours_lost": lost, **worst}


def main() -> None:
    """Print the table and the line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peers", action="store_true", help="leave out warcio and FastWARC")
    parser.add_argument("--no-hostile", action="store_true", help="leave out the hostile inputs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gristmill-archives-") as name:
        files = unpack_sets(Path(name) / "sets")
        rows = [read_file(*item) for item in sorted(files.items())]
        peers = {} if options.no_peers else {peer: run_peer(peer, files) for peer in PEERS}
        print(format_rows(rows, peers))
        figures: dict[str, Any] = {
            "files": len(rows),
            "records_scanner": sum(row.records for row in rows),
            "intact_scanner": sum(row.intact for row in rows),
            "kept": sum(row.kept for row in rows),
            "quarantined": sum(row.quarantined for row in rows),
            "exceptions": sum(row.error is not None for row in rows),
        }
        judged = {peer: judge_peer(rows, found) for peer, found in peers.items()}
        figures |= judged
        if not options.no_hostile:
            figures |= run_hostile(Path(name))
    against = {peer: round(figures["kept"] / max(1, judged[peer]["intact"]), 3) for peer in judged}
    print(format_line(figures, against))


if __name__ == "__main__":
    main()
