"""Every archive file of the public sets: no intact record lost, every damaged one located.

`cases/archive_files.json` was checked by hand against `archive_scanner`, which shares
no code with the reader. ``make bench NAME=archives`` prints it as a table.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import archive_cases
import pytest
from archive_scanner import scan_archive

from gristmill.schemas.fates import QUARANTINE_REASONS

GOLDEN = archive_cases.load_golden()


def test_every_set_is_in_the_golden_file() -> None:
    assert {name.partition("/")[0] for name in GOLDEN} == set(archive_cases.SETS)
    assert len(GOLDEN) == 156


@pytest.mark.parametrize("set_name", archive_cases.SETS)
def test_files_of_a_set(set_name: str, shared_data: Callable[[str], Path]) -> None:
    found: dict[str, dict[str, Any]] = {}
    for name, path in archive_cases.list_archives(set_name, shared_data(set_name)):
        raw = path.read_bytes()
        found[name] = archive_cases.survey_file(raw)
        records, damaged = archive_cases.split_items(archive_cases.read_archive(raw))
        intact = [seen for seen in scan_archive(raw) if seen.intact]
        if name.endswith(".lz4"):
            # The one packing that is not read: it is named, so that the user can repack.
            assert [item.detail[:21] for item in damaged] == ["lz4 is not read here:"]
            continue
        for seen, record in zip(intact, records, strict=True):
            assert archive_cases.matches_record(seen, record), (name, seen.url)
        for item in damaged:
            assert item.reason in QUARANTINE_REASONS
            assert item.offset >= 0 and item.length > 0, (name, item)
        assert damaged or len(records) == found[name]["records"], name
        # The bytes that hold no record are counted, too: nothing else can be missing.
        assert len(records) + len(damaged) > 0, name
    assert found == {name: GOLDEN[name] for name in GOLDEN if name.startswith(f"{set_name}/")}
