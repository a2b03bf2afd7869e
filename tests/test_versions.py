"""Opening a version: only what was committed, and only if it is what the commit names."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_versions import build_version, random_documents

from gristmill.schemas import versions
from gristmill.schemas.errors import CorruptFileError, UsageError


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "demo"
    splits = {"train": random_documents(9), "test": random_documents(2, seed=1)}
    build_version(folder, splits, version="1.0.0")
    build_version(folder, splits, version="1.10.0", sequence_length=8)
    build_version(folder, splits, version="1.9.0", sequence_length=32)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built, tmp_path / "demo")


def test_latest_is_what_the_pointer_names(built):
    assert versions.open_version(built).manifest.core.version == "1.9.0"
    assert versions.open_version(built, "1.0.0").manifest.core.version == "1.0.0"


def test_versions_are_ordered_as_numbers(built):
    assert versions.list_versions(built) == ["1.0.0", "1.9.0", "1.10.0"]


@given(st.lists(st.tuples(*[st.integers(0, 10**9 - 1)] * 3), unique=True, max_size=8))
def test_any_versions_are_ordered_as_numbers(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("names")
    (folder / "versions").mkdir()
    for number in numbers:
        (folder / "versions" / ("{}.{}.{}.json".format(*number))).touch()
    for stray in (
        "1.0.json",
        "1.0.0.json.x.partial",
        "v1.0.0.json",
        "1.0.0-rc1.json",
        "१.0.0.json",
    ):
        (folder / "versions" / stray).touch()
    assert versions.list_versions(folder) == ["{}.{}.{}".format(*n) for n in sorted(numbers)]


def test_files_are_found_by_prefix_and_sorted(built):
    version = versions.open_version(built, "1.0.0")
    paths = [entry.path for entry in version.files("tokens/train-")]
    assert paths == ["tokens/train-00000-of-00002.parquet", "tokens/train-00001-of-00002.parquet"]
    assert version.files("nothing/") == []
    assert version.dataset_id == version.manifest.core.dataset_id
    for entry in version.manifest.core.files:
        assert version.file(entry.path).stat().st_size == entry.bytes


def test_a_folder_without_versions_says_so(tmp_path):
    with pytest.raises(UsageError, match="holds no published version"):
        versions.open_version(tmp_path)
    assert versions.list_versions(tmp_path) == []


@pytest.mark.parametrize("version", ["2.0.0", "../refs/latest", "", "1.0.0\n", "1.0", "/1.0.0"])
def test_an_unknown_version_lists_those_that_exist(built, version):
    with pytest.raises(UsageError, match=r"has no version .*1\.0\.0.*1\.10\.0"):
        versions.open_version(built, version)


BROKEN = {
    "empty": b"",
    "list": b"[]",
    "other key": b'{"name": 1}',
    "no utf-8": b"\xff",
    "deep": b"[" * 200_000,
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_a_broken_pointer_is_refused(folder, payload):
    (folder / "refs" / "latest.json").write_bytes(payload)
    with pytest.raises(CorruptFileError, match=r"latest\.json does not name its version"):
        versions.open_version(folder)


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_a_broken_commit_is_refused(folder, payload):
    (folder / "versions" / "1.0.0.json").write_bytes(payload)
    with pytest.raises(CorruptFileError, match=r"1\.0\.0\.json does not name its manifest"):
        versions.open_version(folder, "1.0.0")


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:../../../../etc/passwd",
        "md5:" + "0" * 64,
        "sha256:" + "0" * 64 + "\n",
    ],
)
def test_a_commit_leads_nowhere_else(folder, digest):
    (folder / "versions" / "1.0.0.json").write_text(json.dumps({"manifest": digest}))
    with pytest.raises(CorruptFileError, match="names no manifest digest"):
        versions.open_version(folder, "1.0.0")


def test_a_missing_manifest_is_named(folder):
    (folder / "versions" / "1.0.0.json").write_text(json.dumps({"manifest": f"sha256:{'0' * 64}"}))
    with pytest.raises(CorruptFileError, match=r"0000\.json is missing"):
        versions.open_version(folder, "1.0.0")


def test_a_manifest_under_the_digest_of_another_is_refused(folder):
    first, second = (
        versions.open_version(folder, name).manifest.core_digest.removeprefix("sha256:")
        for name in ("1.0.0", "1.9.0")
    )
    shutil.copy(folder / f"manifests/{first}.json", folder / f"manifests/{second}.json")
    with pytest.raises(CorruptFileError, match=f"names sha256:{second}"):
        versions.open_version(folder, "1.9.0")
    assert versions.open_version(folder, "1.0.0").manifest.core.version == "1.0.0"
