"""The reading benchmark's contenders find the same, in plain and in coded bodies."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import sources

BODIES = [b"<p>page %d" % number * 2_000 for number in range(5)]


@pytest.mark.parametrize("coded", [False, True])
def test_contenders_agree(coded: bool, tmp_path: Path) -> None:
    path = tmp_path / "crawl.warc.gz"
    sources.write_crawl(path, BODIES, coded=coded)
    ours = sources.read_ours(path, digests=True)
    assert ours[:2] == (15, 5)
    assert ours == sources.read_fastwarc(path) == sources.read_warcio(path)
    decoded = sources.read_ours(path, decode=True)
    assert decoded[2] == sum(map(len, BODIES))
    assert decoded == sources.read_warcio(path, decode=True)


def test_bodies_are_spread_within_bounds() -> None:
    bodies = sources.draw_bodies(iter([b"x" * 3_000] * 100_000), 50)
    assert all(sources.LEAST_BYTES <= len(body) <= sources.MOST_BYTES for body in bodies)
    assert len({len(body) for body in bodies}) > 40


def test_different_results_are_an_error() -> None:
    groups = ["", ", digests compared", ", bodies decoded", ", small pages"]
    results = {
        f"{name}{group}": (1, 1, 1, 1)
        for name in ("gristmill", "fastwarc", "warcio")
        for group in groups
    }
    sources.check_results(results)
    with pytest.raises(ValueError, match="differ"):
        sources.check_results(results | {"warcio": (1, 1, 1, 2)})
