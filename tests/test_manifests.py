"""Manifests: what the digest covers cannot change unnoticed, and nothing escapes its folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.schemas import manifests
from gristmill.schemas.errors import CorruptFileError, UsageError
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import (
    FileEntry,
    SplitFacts,
    StageFacts,
    StageManifest,
    StagePart,
    TokenizerFacts,
    VersionCore,
    VersionManifest,
)

SHA256 = hashlib.sha256(b"").hexdigest()
CORE = VersionCore(
    dataset="demo",
    version="1.2.3",
    dataset_id="sha256:00",
    parents=("sha256:11",),
    recipe={"name": "grüße", "score": 0.65, "none": None},
    recipe_digest="22",
    splits={"train": SplitFacts(documents=3, utf8_bytes=90, tokens=30, rows_digest="33")},
    tokenizer=TokenizerFacts(
        path="tokenizer/tokenizer.json", sha256=SHA256, vocab_size=300, eos_id=0, dtype="uint16"
    ),
    packing={"sequence_length": 64},
    files=(FileEntry(path="data/train-00000-of-00001.parquet", bytes=5, sha256=SHA256, rows=3),),
    stages=(StageFacts(stage="collect", records_in=4, kept=3, dropped={"x": 1}, quarantined={}),),
    counts_by={"language": {"en": 3}},
)


def seal(core: VersionCore, **envelope: Any) -> VersionManifest:
    return VersionManifest(
        core=core, core_digest=manifests.digest_core(core), envelope=dict(envelope)
    )


def write(folder: Path, payload: bytes) -> Path:
    path = folder / "manifest.json"
    path.write_bytes(payload)
    return path


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
).filter(lambda value: "\\ud" not in json.dumps(value) and "Infinity" not in json.dumps(value))


@given(json_values)
def test_canonical_json_is_read_back(value):
    assert json.loads(manifests.canonical_json(value)) == value


@given(st.dictionaries(st.text("abcdef", max_size=4), st.integers(), min_size=2), st.randoms())
def test_canonical_json_does_not_depend_on_order(value, random):
    items = random.sample(list(value.items()), len(value))
    assert manifests.canonical_json(dict(items)) == manifests.canonical_json(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_what_json_cannot_say(number):
    with pytest.raises(ValueError, match="JSON"):
        manifests.canonical_json({"x": [number]})


def test_the_digest_is_of_the_canonical_core():
    payload = json.dumps(
        CORE.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    expected = "sha256:" + hashlib.sha256(payload.encode()).hexdigest()
    assert manifests.digest_core(CORE) == expected


def test_the_envelope_is_not_covered(tmp_path):
    first, second = seal(CORE), seal(CORE, created_at="2024-01-01", cost=3)
    assert first.core_digest == second.core_digest
    path = write(tmp_path, second.model_dump_json().encode())
    assert manifests.read_manifest(path) == second


PAYLOAD = seal(CORE).model_dump_json().encode()


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
@example(PAYLOAD.index(b'"tokens":30') + 10, ord("0") ^ ord("1"))
@example(PAYLOAD.index(b'"sha256"'), ord('"') ^ ord(" "))
def test_no_changed_byte_of_the_core_passes(tmp_path_factory, position, change):
    changed = bytearray(PAYLOAD)
    changed[position] ^= change
    path = write(tmp_path_factory.mktemp("changed"), bytes(changed))
    try:
        found = manifests.read_manifest(path)
    except CorruptFileError as error:
        assert str(path) in str(error)
    else:
        assert found.core == CORE  # other spelling, same content


@given(st.integers(0, len(PAYLOAD) - 1))
def test_no_shortened_manifest_passes(tmp_path_factory, length):
    path = write(tmp_path_factory.mktemp("short"), PAYLOAD[:length])
    with pytest.raises(CorruptFileError):
        manifests.read_manifest(path)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "other"},
        {"parents": ()},
        {"recipe": {}},
        {"files": ()},
        {"stages": ()},
        {"counts_by": {}},
        {"models": {"language": "44"}},
        {"packing": {"sequence_length": 65}},
    ],
    ids=str,
)
def test_every_part_of_the_core_is_covered(tmp_path, change):
    sealed = seal(CORE)
    tampered = sealed.model_copy(update={"core": CORE.model_copy(update=change)})
    path = write(tmp_path, tampered.model_dump_json().encode())
    with pytest.raises(CorruptFileError, match="core has digest"):
        manifests.read_manifest(path)


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"core": {}, "extra": 1}'],
    ids=["empty", "null", "list", "object", "no utf-8", "deep", "extra"],
)
def test_what_is_no_manifest_is_refused(tmp_path, payload):
    with pytest.raises(CorruptFileError, match="is not a version manifest"):
        manifests.read_manifest(write(tmp_path, payload))


def test_a_manifest_too_large_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "MAX_MANIFEST_BYTES", 10)
    with pytest.raises(CorruptFileError, match="over 10"):
        manifests.read_manifest(write(tmp_path, PAYLOAD))


def test_an_unknown_key_is_refused(tmp_path):
    value = json.loads(PAYLOAD)
    value["core"]["further"] = 1
    with pytest.raises(CorruptFileError, match="further"):
        manifests.read_manifest(write(tmp_path, json.dumps(value).encode()))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.parquet",
        "data/../../up.parquet",
        "data//x",
        "data/",
        ".hidden",
        "data/.hidden",
        "a b",
        "a\\b",
        "data/x.parquet\n",
        "data/ü",
        "a..b",
        "C:/x",
        "-rf",
    ],
)
def test_paths_stay_inside_their_folder(path):
    with pytest.raises(ValueError, match="is not a plain relative path"):
        FileEntry(path=path, bytes=0, sha256=SHA256)


segment = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,8}(\.[a-z]{1,4})?", fullmatch=True)


@given(st.lists(segment, min_size=1, max_size=4))
def test_plain_paths_pass_and_lead_to_an_object(tmp_path_factory, segments):
    entry = FileEntry(path="/".join(segments), bytes=0, sha256=SHA256)
    folder = Path("/store/dataset")
    place = (folder / entry.path).resolve()
    assert place.is_relative_to(folder)
    suffix = Path(segments[-1]).suffix
    assert entry.object_path == f"objects/{SHA256[:2]}/{SHA256}{suffix}"


@pytest.mark.parametrize("sha256", ["", "0" * 63, "g" * 64, "A" * 64, "0" * 64 + "\n"])
def test_a_digest_is_64_hex_digits(sha256):
    with pytest.raises(ValueError, match="sha256"):
        FileEntry(path="x", bytes=0, sha256=sha256)


def test_a_file_is_found_by_its_logical_path():
    manifest = seal(CORE)
    assert manifest.find("data/train-00000-of-00001.parquet") is manifest.core.files[0]
    with pytest.raises(UsageError, match=r"version 1\.2\.3 has no file 'nothing'"):
        manifest.find("nothing")


def test_parts_of_a_table_keep_their_order():
    parts = tuple(
        StagePart(path=f"{n}", table="ab"[n % 2], unit_key="k", rows=0, bytes=0, sha256=SHA256)
        for n in range(5)
    )
    manifest = StageManifest(stage="s", key="k", parts=parts, totals=StageTotals())
    assert [part.path for part in manifest.of_table("a")] == ["0", "2", "4"]
    assert manifest.of_table("c") == []
