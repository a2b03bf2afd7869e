"""Fixtures that find the real inputs, and hypothesis profiles."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session")
def need_engine() -> Callable[[str], None]:
    """Installs Spark or Flink if it is not there; skips, saying so, where that cannot be."""
    from gristmill.pipelines.engines.installation import find_engine, install_engine
    from gristmill.schemas.errors import EngineError

    def install(name: str) -> None:
        try:
            find_engine(name)
        except EngineError:
            missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
            if missing:
                pytest.skip(f"{name} needs {' and '.join(missing)}, not on this machine")
            install_engine(name, lambda message: None)

    return install


@pytest.fixture(scope="session")
def prism() -> Iterator[Path]:
    """Prism's binary: the one named or on PATH, else built by Go, once for all sessions."""
    from gristmill.pipelines.engines.servers import PRISM_MODULE, PRISM_VARIABLE

    named = os.environ.get(PRISM_VARIABLE) or shutil.which("prism")
    path = Path(named) if named else Path.home() / ".cache" / "gristmill" / "prism" / "prism"
    if not path.exists():
        if shutil.which("go") is None:
            pytest.skip("prism needs its binary, or Go to build it; neither is on this machine")
        subprocess.run(
            ["go", "install", PRISM_MODULE],
            env={**os.environ, "GOBIN": str(path.parent)},
            check=True,
            capture_output=True,
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PRISM_VARIABLE, str(path))
        yield path


@pytest.fixture(scope="module")
def wait_for_nothing() -> Iterator[None]:
    """Requests that failed are made again at once."""
    from gristmill.pipelines import http_requests

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
        yield


@pytest.fixture(scope="module")
def stop_children() -> Iterator[None]:
    """The pools of children that a module's runs left are closed behind it."""
    yield
    from gristmill.pipelines.workers import close_pools

    close_pools()
