"""Files appear whole or not at all, and a name is given once."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas import atomic_files


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@given(st.binary(max_size=3000))
def test_what_is_written_is_read(tmp_path_factory, payload):
    path = tmp_path_factory.mktemp("whole") / "deep" / "file.bin"
    atomic_files.write_whole(path, payload)
    assert path.read_bytes() == payload
    assert list_names(path.parent) == ["file.bin"]
    assert atomic_files.sha256_file(path) == hashlib.sha256(payload).hexdigest()


def test_digest_of_a_file_longer_than_one_read(tmp_path):
    payload = bytes(range(256)) * 9000
    (tmp_path / "long").write_bytes(payload)
    found = atomic_files.sha256_file(tmp_path / "long")
    assert found == hashlib.sha256(payload).hexdigest()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupted_writer_leaves_nothing(tmp_path, error):
    with pytest.raises(error), atomic_files.appear_whole(tmp_path / "file") as partial:
        partial.write_bytes(b"half")
        raise error
    assert list_names(tmp_path) == []


def test_an_interrupted_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    atomic_files.write_whole(path, b"old")
    with pytest.raises(ValueError, match="stop"), atomic_files.appear_whole(path) as partial:
        partial.write_bytes(b"new and long")
        raise ValueError("stop")
    assert path.read_bytes() == b"old" and list_names(tmp_path) == ["file"]


def test_the_file_is_not_there_before_it_is_whole(tmp_path):
    path = tmp_path / "file"
    with atomic_files.appear_whole(path) as partial:
        partial.write_bytes(b"half")
        assert not path.exists()
        assert partial.name.endswith(atomic_files.PARTIAL_SUFFIX)
        assert partial.parent == path.parent  # a rename does not cross file systems
        partial.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_files.appear_whole(tmp_path / "file"):
        pass
    assert list_names(tmp_path) == []


def test_a_failed_rename_leaves_nothing(tmp_path, monkeypatch):
    def refuse(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        atomic_files.write_whole(tmp_path / "file", b"data")
    assert list_names(tmp_path) == []


def test_a_file_and_its_folder_are_synced_before_anyone_is_told(tmp_path, monkeypatch):
    done: list[str] = []
    real = {"fsync": os.fsync, "replace": os.replace}

    def fsync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        done.append("sync " + ("folder" if name == tmp_path.name else "file"))
        real["fsync"](descriptor)

    def replace(source: Path, target: Path) -> None:
        done.append("rename")
        real["replace"](source, target)

    monkeypatch.setattr(atomic_files.os, "fsync", fsync)
    monkeypatch.setattr(atomic_files.os, "replace", replace)
    atomic_files.write_whole(tmp_path / "file", b"data")
    assert done == ["sync file", "rename", "sync folder"]


def test_the_second_creator_is_told_so(tmp_path):
    path = tmp_path / "new" / "commit.json"
    assert atomic_files.create_once(path, b"first")
    assert not atomic_files.create_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert list_names(path.parent) == ["commit.json"]


@pytest.mark.parametrize("attempt", range(5))
def test_of_many_creators_one_wins(tmp_path, attempt):
    path = tmp_path / "commit.json"
    start = threading.Barrier(8)
    won: list[bytes] = []

    def create(number: int) -> None:
        payload = bytes([number]) * 10_000
        start.wait()
        if atomic_files.create_once(path, payload):
            won.append(payload)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and path.read_bytes() == won[0]
    assert list_names(tmp_path) == ["commit.json"]


def test_a_killed_writer_leaves_only_what_is_swept(tmp_path):
    script = (
        "import os, pathlib, sys\n"
        "from gristmill.schemas.atomic_files import appear_whole\n"
        "with appear_whole(pathlib.Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half')\n"
        "    os._exit(9)\n"
    )
    path = tmp_path / "deep" / "file"
    code = subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode
    assert code == 9
    assert not path.exists() and len(list_names(path.parent)) == 1
    (path.parent / "other").write_bytes(b"stays")
    assert atomic_files.remove_partials(tmp_path) == 1
    assert list_names(path.parent) == ["other"]
