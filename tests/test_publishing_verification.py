"""Whatever changes in a published version is found, and named."""

import os
import random
import re
import shutil

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_samples import TEXTS, Draft

from gristmill.pipelines.publishing import export, objects, verification
from gristmill.schemas import tables
from gristmill.schemas.manifests import FileEntry, VersionManifest, digest_core
from gristmill.schemas.versions import Version, open_version


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    base = tmp_path_factory.mktemp("published")
    Draft(base / "demo", base / "work").publish()
    return base / "demo"


@pytest.fixture
def copied(published, tmp_path):
    return shutil.copytree(published, tmp_path / "demo")


def replace_bytes(path, payload):
    path.unlink()
    path.write_bytes(payload)


def flip(path, position, bit):
    payload = bytearray(path.read_bytes())
    payload[position] ^= 1 << bit
    replace_bytes(path, bytes(payload))


def list_small_files(folder):
    return [
        folder / "versions" / "1.0.0.json",
        folder / "refs" / "latest.json",
        *(folder / "manifests").iterdir(),
    ]


def test_the_untouched_version_has_no_faults(copied):
    assert verification.verify_folder(copied) == []
    assert verification.verify_folder(copied, "1.0.0") == []


def test_every_bit_of_commit_and_latest_counts(copied):
    for path in list_small_files(copied)[:2]:
        payload = path.read_bytes()
        for position in range(len(payload)):
            flip(path, position, position % 8)
            assert verification.verify_folder(copied), f"byte {position} of {path.name}"
            replace_bytes(path, payload)
    assert verification.verify_folder(copied) == []


def test_random_flips_are_found(copied):
    seed = int(os.environ.get("GRISTMILL_FLIP_SEED", "7"))
    count = int(os.environ.get("GRISTMILL_FLIPS", "600"))
    rng = random.Random(seed)
    files = [path for path in copied.rglob("*") if path.is_file() and path.stat().st_size]
    small = list_small_files(copied)
    for number in range(count):
        path = rng.choice(small if number % 3 == 0 else files)
        payload = path.read_bytes()
        position = rng.randrange(len(payload))
        flip(path, position, rng.randrange(8))
        assert verification.verify_folder(copied), f"seed {seed}: byte {position} of {path}"
        replace_bytes(path, payload)
    assert verification.verify_folder(copied) == []


@pytest.mark.parametrize("change", ["remove", "truncate", "grow", "swap", "link"])
def test_each_changed_object_is_named(copied, change):
    version = open_version(copied)
    entries = version.manifest.core.files
    for entry, other in zip(entries, entries[1:] + entries[:1], strict=True):
        path = version.file(entry.path)
        payload = path.read_bytes()
        if change == "remove":
            path.unlink()
        elif change == "truncate":
            replace_bytes(path, payload[:-1])
        elif change == "grow":
            replace_bytes(path, payload + b"\0")
        elif change == "swap":
            replace_bytes(path, version.file(other.path).read_bytes())
        else:
            path.rename(path.with_suffix(".away"))
            path.symlink_to(path.with_suffix(".away"))
        faults = verification.verify_version(version)
        assert len(faults) == 1
        assert faults[0].startswith(f"{entry.path}: ")
        path.unlink(missing_ok=True)
        path.write_bytes(payload)


def rewrite(folder, work, path, change, entry_rows=None):
    """Publish again, unverified, with one table changed and all digests made to fit."""
    version = open_version(folder)
    entry = version.manifest.find(path)
    table = change(pq.read_table(version.file(path)))
    changed = work / "changed.parquet"
    pq.write_table(table, changed)
    sha256, size = objects.put_object(folder, changed, ".parquet")
    changed.unlink()
    rows = entry.rows if entry_rows is None else entry_rows
    forged = FileEntry(path=path, bytes=size, sha256=sha256, rows=rows)
    core = version.manifest.core
    files = tuple(forged if file.path == path else file for file in core.files)
    return forge(folder, core.model_copy(update={"files": files}))


def forge(folder, core):
    return Version(folder, VersionManifest(core=core, core_digest=digest_core(core)))


def set_column(name, value):
    def change(table):
        index = table.schema.get_field_index(name)
        values = [*table.column(name).to_pylist()]
        values[0] = value
        return table.set_column(
            index, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )

    return change


TEXT = "data/train-00000-of-00002.parquet"
TOKENS = "tokens/train-00000-of-00002.parquet"


@pytest.mark.parametrize(
    ("path", "change", "fault"),
    [
        (TEXT, set_column("text", "another text entirely"), "content_id of 1 rows"),
        (TEXT, set_column("content_id", b"\0" * 16), "rows digest"),
        (TEXT, set_column("split", "test"), "another split"),
        (TEXT, set_column("doc_id", b"\0" * 16), "other documents"),
        (TEXT, lambda table: table.slice(1), "rows, manifest says"),
        (TEXT, lambda table: table[::-1], "not sorted"),
        (TEXT, lambda table: table.take([0, *range(len(table))][:-1]), "not sorted|twice"),
        (TEXT, lambda table: table.drop_columns(["url"]), "'url' is missing"),
        (TOKENS, lambda table: table[::-1], "not sorted"),
        (TOKENS, set_column("doc_id", b"\0" * 16), "other documents"),
        (TOKENS, set_column("n_tokens", 1), "another number of tokens"),
        (TOKENS, set_column("n_bytes", 1), "tokens of"),
        (TOKENS, set_column("tokens", b"\xff\xff" * 39), "token id 65535"),
        (TOKENS, lambda table: table.slice(1), "rows, manifest says"),
        ("dropped/part-00000-of-00001.parquet", lambda table: table.slice(1), "2 rows"),
    ],
)
def test_wrong_rows_are_found_under_right_digests(copied, tmp_path, path, change, fault):
    if path == TOKENS and "65535" in fault:
        first = pq.read_table(open_version(copied).file(path)).column("n_tokens")[0].as_py()
        change = set_column("tokens", b"\xff\xff" * first)
    forged = rewrite(copied, tmp_path, path, change)
    faults = verification.check_content(forged)
    assert any(re.search(fault, found) for found in faults), faults


def test_an_empty_row_group_is_found(tmp_path, copied):
    """`datasets` 5.2 raises ArrowInvalid on one, so no reader must meet it."""
    forged = rewrite(copied, tmp_path, "clusters/part-00000-of-00001.parquet", lambda table: table)
    assert verification.check_content(forged) == [
        "clusters/part-00000-of-00001.parquet: row group 0 has no rows, "
        "which `datasets` cannot read"
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"dataset_id": "gristmill:sha256:0"}, "dataset id"),
        ({"recipe": {"name": "other"}}, "recipe has digest"),
        ({"splits": {}}, "not a split"),
    ],
)
def test_wrong_cores_are_found(published, changes, fault):
    core = open_version(published).manifest.core.model_copy(update=changes)
    faults = verification.check_content(forge(published, core))
    assert any(fault in found for found in faults), faults


def test_lost_records_of_a_stage_are_found(published):
    core = open_version(published).manifest.core
    stage = core.stages[0].model_copy(update={"kept": core.stages[0].kept - 1})
    faults = verification.check_content(
        forge(published, core.model_copy(update={"stages": (stage,)}))
    )
    assert faults == ["stage decide: 50 in, but 42 kept + 7 dropped + 0 quarantined"]


def test_a_document_in_two_splits_is_found(tmp_path, monkeypatch):
    import published_samples

    monkeypatch.setattr(
        published_samples, "doc_id", lambda kind, name: name.split()[-1].rjust(16).encode()
    )
    manifest = Draft(tmp_path / "demo", tmp_path / "work").build()
    faults = verification.check_content(Version(tmp_path / "demo", manifest))
    assert "splits train and validation share 2 documents" in faults


def name_entries(paths):
    return [FileEntry(path=path, bytes=0, sha256="0" * 64) for path in paths]


@given(st.integers(1, 12), st.data())
def test_a_missing_shard_is_named(count, data):
    paths = [f"data/train-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    assert list(verification.check_names(name_entries(paths))) == []
    missing = data.draw(st.integers(0, count - 1))
    rest = paths[:missing] + paths[missing + 1 :]
    found = list(verification.check_names(name_entries(rest)))
    assert found == ([f"{paths[missing][:-8]}: missing"] if rest else [])


def test_odd_names_are_found():
    paths = ["a-00000-of-00001.parquet"] * 2
    assert list(verification.check_names(name_entries(paths))) == [f"{paths[0]}: named twice"]
    two = ["a-00000-of-00001.parquet", "a-00000-of-00002.parquet", "a-00001-of-00002.parquet"]
    assert list(verification.check_names(name_entries(two))) == ["a: numbered by two counts"]
    high = ["a-00000-of-00001.parquet", "a-00007-of-00001.parquet"]
    assert list(verification.check_names(name_entries(high))) == ["a-00007-of-00001: too many"]


def test_an_export_is_whole_and_readable(published, tmp_path):
    version = open_version(published)
    exported = export.export_version(version, tmp_path / "plain")
    assert export.verify_export(tmp_path / "plain") == []
    table = pyarrow.dataset.dataset(tmp_path / "plain" / "data", format="parquet").to_table()
    assert len(table) == sum(map(len, TEXTS.values()))
    tables.require_schema(
        pyarrow.dataset.dataset(tmp_path / "plain" / "tokens", format="parquet").schema,
        tables.TOKENS,
        "tokens",
    )
    assert (tmp_path / "plain" / "README.md").read_text().startswith("---\n")
    sums = (tmp_path / "plain" / "SHA256SUMS").read_text().splitlines()
    assert len(sums) == len(exported.manifest.core.files) + 1
    assert not list(tmp_path.glob("*.partial"))


def test_an_export_gets_a_card_with_costs_if_the_version_has_none(published, tmp_path):
    manifest = open_version(published).manifest
    files = tuple(entry for entry in manifest.core.files if entry.path != "README.md")
    core = manifest.core.model_copy(update={"files": files})
    cost = {"stage": "decide", "records_in": 50, "cpu_seconds": 2.0, "bytes_in": 9, "bytes_out": 8}
    bare = VersionManifest(core=core, core_digest=digest_core(core), envelope={"stages": [cost]})
    export.export_version(Version(published, bare), tmp_path / "plain")
    assert "| decide | 2.0 | 25 | 9 | 8 |" in (tmp_path / "plain" / "README.md").read_text()
    assert export.verify_export(tmp_path / "plain") == []


@pytest.mark.parametrize("change", ["remove", "extra", "rename", "duplicate", "flip", "link"])
def test_each_change_of_an_export_is_found(published, tmp_path, change):
    reference = tmp_path / "reference"
    export.export_version(open_version(published), reference)
    names = sorted(path.relative_to(reference) for path in reference.rglob("*") if path.is_file())
    for number, name in enumerate(names):
        folder = shutil.copytree(reference, tmp_path / f"{number}")
        path = folder / name
        if change == "remove":
            path.unlink()
        elif change == "extra":
            path.with_name(f"{path.name}.more").write_bytes(b"x")
        elif change == "rename":
            path.rename(path.with_name("renamed"))
        elif change == "duplicate":
            shutil.copy(path, path.with_name(f"{path.stem}-copy{path.suffix}"))
        elif change == "flip":
            flip(path, path.stat().st_size // 2, 3)
        else:
            path.unlink()
            path.symlink_to(reference / name)
        try:
            faults = export.verify_export(folder)
        except export.UsageError as error:
            faults = [str(error)]
        assert any(path.stem in fault or "manifest" in fault for fault in faults), (name, faults)


def test_an_export_does_not_write_over_anything(published, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(export.UsageError, match="not empty"):
        export.export_version(open_version(published), tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    (tmp_path / "empty").mkdir()
    export.export_version(open_version(published), tmp_path / "empty")
    assert export.verify_export(tmp_path / "empty") == []
    with pytest.raises(export.UsageError, match="not an exported version"):
        export.verify_export(tmp_path / "mine")


def test_real_articles_make_the_round_trip(tmp_path, shared_data):
    lines = (shared_data("dedup-minhash-articles-1000") / "articles_1000.train").read_text()
    texts = [line.split(" ", 1)[1] for line in lines.splitlines()]
    parts = {"train": texts[20:], "validation": texts[10:20], "test": texts[:10]}
    sample = Draft(tmp_path / "demo", tmp_path / "work", texts=parts)
    sample.publish()
    assert verification.verify_folder(tmp_path / "demo") == []
    export.export_version(open_version(tmp_path / "demo"), tmp_path / "plain")
    read = pyarrow.dataset.dataset(tmp_path / "plain" / "data", format="parquet")
    assert sorted(read.to_table(columns=["text"])["text"].to_pylist()) == sorted(texts)
    edited = {**parts, "train": [*texts[20:-1], texts[-1] + " (corrected)"]}
    outcome = Draft(tmp_path / "demo", tmp_path / "work2", texts=edited).publish()
    assert outcome.version == "2.0.0"
    assert verification.verify_folder(tmp_path / "demo", "1.0.0") == []
    assert verification.verify_folder(tmp_path / "demo") == []
