"""Fixtures that find the real inputs, and hypothesis profiles."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import zstandard

hypothesis.settings.register_profile("fast", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "fast")
)

REPOSITORY = Path(__file__).parents[1]
SHARED = Path(os.environ.get("GRISTMILL_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_file() -> Callable[[str], Path]:
    """A file of the real inputs, by name; skips, saying so, when it is not on this machine."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs {path}, which is not on this machine (set GRISTMILL_TEST_DATA)")
        return path

    return find


@pytest.fixture(scope="session")
def shared_data(
    shared_file: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A set of the real inputs, unpacked once a session: `shared_data("warc-warcio")`."""
    unpacked: dict[str, Path] = {}

    def unpack(name: str) -> Path:
        if name not in unpacked:
            archive = shared_file(f"{name}.tar.zst")
            folder = tmp_path_factory.mktemp(name)
            decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
            with (
                archive.open("rb") as packed,
                decoder.stream_reader(packed) as stream,
                tarfile.open(fileobj=stream, mode="r|") as members,
            ):
                members.extractall(folder, filter="data")
            unpacked[name] = folder
        return unpacked[name]

    return unpack
