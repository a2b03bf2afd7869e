"""OpenWebText archives in every layout, and twelve tars that mean harm."""

import bz2
import gzip
import io
import lzma
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.bounded_streams import StreamError
from gristmill.cleaning.openwebtext_archive import (
    RELEASE_DOCUMENTS,
    ArchiveMember,
    MemberSettings,
    explain_shortfall,
    extract_member,
    find_subset,
    iterate,
)
from gristmill.cleaning.tar_members import MAX_NAME_BYTES, TarReader
from gristmill.pipelines.sources import openwebtext
from gristmill.schemas.fates import COLLECT_RULES, QUARANTINE_REASONS, Damaged, Found, Refused
from gristmill.schemas.sources import OpenWebText

NAME = "0000005-93544d279b4a2417d2201864e28639b1.txt"
Item = ArchiveMember | Damaged | Refused


def make_tar(
    members: dict[str, bytes], tar_format: int = tarfile.GNU_FORMAT, folder: str = ""
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        if folder:
            info = tarfile.TarInfo(folder)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return buffer.getvalue()


def make_special(**fields: object) -> bytes:
    """A tar of one special member and one document after it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("a.txt")
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(bytes(info.size)))
        after = tarfile.TarInfo("after.txt")
        after.size = 5
        tar.addfile(after, io.BytesIO(b"after"))
    return buffer.getvalue()


def read_all(data: bytes, **options: int | str) -> list[Item]:
    return list(iterate(io.BytesIO(data), **options))  # type: ignore[arg-type]


def members_of(items: list[Item]) -> list[ArchiveMember]:
    return [item for item in items if isinstance(item, ArchiveMember)]


@pytest.fixture(scope="module")
def documents(shared_data: Callable[[str], Path]) -> dict[str, dict[str, bytes]]:
    """The four real documents, by subset."""
    folder = next(shared_data("owt-owt-hf-dummy").rglob("unz"))
    subsets: dict[str, dict[str, bytes]] = {}
    for path in sorted(folder.rglob("*.txt")):
        number = path.parent.name.removeprefix("fake_subset-").partition("_")[0]
        subset = f"urlsf_subset00-{number}"
        subsets.setdefault(subset, {})[path.name] = path.read_bytes()
    assert sum(map(len, subsets.values())) == 4
    return subsets


def make_release(documents: dict[str, dict[str, bytes]]) -> dict[str, bytes]:
    return {
        f"openwebtext/{subset}_data.xz": lzma.compress(make_tar(texts))
        for subset, texts in documents.items()
    }


def test_all_layouts_agree(documents: dict[str, dict[str, bytes]]) -> None:
    subsets = make_release(documents)
    mirror = make_tar(subsets, folder="openwebtext")
    expected = [
        (subset, name, text) for subset, texts in documents.items() for name, text in texts.items()
    ]
    for packed in (lzma.compress(mirror), mirror, gzip.compress(mirror), bz2.compress(mirror)):
        items = read_all(packed)
        assert len(items) == 4
        assert [(m.subset, m.name, m.payload) for m in members_of(items)] == expected
    alone = [
        member
        for path, packed in subsets.items()
        for member in members_of(read_all(packed, subset=find_subset(path)))
    ]
    assert alone == members_of(read_all(mirror))


def test_real_documents(documents: dict[str, dict[str, bytes]]) -> None:
    fates = [
        extract_member(member, MemberSettings())
        for member in members_of(read_all(make_tar(make_release(documents))))
    ]
    found = [fate for fate in fates if isinstance(fate, Found)]
    assert len(found) == 4
    assert found[0].native_id == f"urlsf_subset00-1/{NAME}"
    assert all(len(fate.text) > 500 and "\n\n\n" not in fate.text for fate in found)
    sources = [text.decode() for texts in documents.values() for text in texts.values()]
    assert [fate.text.split() for fate in found] == [text.split() for text in sources]


def test_stray_members_are_counted() -> None:
    inner = make_tar({"a.txt": b"a", "a.txt.lock": b"", "README": b"x", "b.txt": b"b"}, folder="d")
    outer = {
        "openwebtext/urlsf_subset01-2_data.xz": lzma.compress(inner),
        "openwebtext/urlsf_subset01-2_data.xz.lock": b"",
    }
    items = read_all(make_tar(outer, folder="openwebtext"))
    assert [(m.subset, m.name) for m in members_of(items)] == [
        ("urlsf_subset01-2", "a.txt"),
        ("urlsf_subset01-2", "b.txt"),
    ]
    refused = [item for item in items if isinstance(item, Refused)]
    assert [item.detail for item in refused] == [
        "name of no document: a.txt.lock",
        "name of no document: README",
        "name of no document: openwebtext/urlsf_subset01-2_data.xz.lock",
    ]
    assert {item.rule for item in refused} == {"stray_member"} <= COLLECT_RULES


def test_subset_in_a_subset_is_refused() -> None:
    inner = make_tar({"urlsf_subset01-3_data.xz": b"x", "a.txt": b"a"})
    items = read_all(make_tar({"urlsf_subset01-2_data.xz": inner}))
    assert [type(item) for item in items] == [Refused, ArchiveMember]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("urlsf_subset00-1_data.xz", "urlsf_subset00-1"),
        ("openwebtext/urlsf_subset20-999_data.xz", "urlsf_subset20-999"),
        ("urlsf_subset00-1_data.xz.lock", ""),
        ("urlsf_subset00.tar", ""),
        ("", ""),
    ],
)
def test_subset_names(name: str, expected: str) -> None:
    assert find_subset(name) == expected


# Damage


@pytest.mark.parametrize("codec", ["tar", "xz", "gz", "zst"])
def test_truncation_at_every_byte(codec: str) -> None:
    tar = make_tar({"a.txt": b"one", "b.txt": b"two"})[:-8192]  # without most of the padding
    compress: Callable[[bytes], bytes] = {
        "tar": lambda data: data,
        "xz": lzma.compress,
        "gz": gzip.compress,
        "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    }[codec]
    whole = compress(tar)
    intact = read_all(whole)
    assert [m.payload for m in members_of(intact)] == [b"one", b"two"]
    # Zero blocks after the first are padding: without them a plain tar is whole.
    end = len(tar.rstrip(b"\x00")) // 512 * 512 + 1024 if codec == "tar" else len(whole)
    for cut in range(0, end, 1 if codec != "tar" else 7):
        items = read_all(whole[:cut])
        assert items[:-1] == intact[: len(items) - 1], cut
        assert isinstance(items[-1], Damaged), cut


def test_damaged_subset_costs_itself() -> None:
    good = lzma.compress(make_tar({"a.txt": b"a"}))
    texts = {f"{i}.txt": bytes(str(i) * 2000, "ascii") for i in range(40)}
    bad = bytearray(lzma.compress(make_tar(texts)))
    bad[-60] ^= 4
    cut = good[:-9]
    subsets = {
        "urlsf_subset00-1_data.xz": bytes(bad),
        "urlsf_subset00-2_data.xz": cut,
        "urlsf_subset00-3_data.xz": b"no tar at all",
        "urlsf_subset00-4_data.xz": good,
    }
    items = read_all(make_tar(subsets))
    damaged = [item for item in items if isinstance(item, Damaged)]
    assert [item.native_id for item in damaged] == [
        "urlsf_subset00-1",
        "urlsf_subset00-2",
        "urlsf_subset00-3",
    ]
    assert isinstance(items[-1], ArchiveMember) and items[-1].subset == "urlsf_subset00-4"
    assert {item.reason for item in damaged} <= QUARANTINE_REASONS


def test_truncated_archive_is_reported_once() -> None:
    texts = {f"{i}.txt": bytes(str(i) * 3000, "ascii") for i in range(50)}
    whole = make_tar({"urlsf_subset00-1_data.xz": make_tar(texts)})
    items = read_all(whole[: len(whole) // 2])
    assert sum(isinstance(item, Damaged) for item in items) == 1
    assert len(members_of(items)) > 15


@given(st.data())
def test_flipped_bits_are_an_answer(data: st.DataObject) -> None:
    tar = bytearray(make_tar({"a.txt": b"one", "x" * 120 + ".txt": b"two"}, tarfile.PAX_FORMAT))
    for _ in range(data.draw(st.integers(1, 4))):
        tar[data.draw(st.integers(0, 3000))] ^= 1 << data.draw(st.integers(0, 7))
    for item in read_all(bytes(tar), subset="s"):
        assert isinstance(item, ArchiveMember | Damaged | Refused)


@given(st.binary(max_size=2000))
def test_any_bytes_are_an_answer(data: bytes) -> None:
    assert all(isinstance(item, Damaged) for item in read_all(data)[-1:])


# Twelve malicious tars


HOSTILE: dict[str, tuple[bytes, str]] = {
    "dotdot": (make_special(name="../../evil.txt"), "name leaves the archive"),
    "dotdot inside": (make_special(name="a/../../evil.txt"), "name leaves the archive"),
    "absolute": (make_special(name="/tmp/evil.txt"), "name leaves the archive"),
    "symbolic link": (make_special(type=tarfile.SYMTYPE, linkname="/etc"), "symbolic link"),
    "hard link": (make_special(type=tarfile.LNKTYPE, linkname="/etc/passwd"), "hard link"),
    "hard link to a link": (
        make_special(name="a/b/c.txt", type=tarfile.LNKTYPE, linkname="a/b/../../x"),
        "hard link",
    ),
    "character device": (make_special(type=tarfile.CHRTYPE), "device"),
    "block device": (make_special(type=tarfile.BLKTYPE), "device"),
    "pipe": (make_special(type=tarfile.FIFOTYPE), "pipe"),
    "name of 64 KB": (make_special(name="n" * 65_536 + ".txt"), "name too long"),
    "long name leaves": (make_special(name="../" + "n" * 200 + ".txt"), "name leaves the archive"),
    "unknown type": (make_special(type=b"Z"), "unknown member"),
}


def list_all(folder: Path) -> dict[str, tuple[int, int]]:
    """All that lies below a folder, with its kind and the time of its last change."""
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_member_is_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, expected = HOSTILE[case]
    scratch = tmp_path / "a" / "b" / "c"
    scratch.mkdir(parents=True)
    archive = scratch / "urlsf_subset00-1_data.xz"
    archive.write_bytes(lzma.compress(data))
    monkeypatch.chdir(scratch)
    before = list_all(tmp_path)
    items = read_all(data, subset="s")
    source = OpenWebText(name="owt", kind="openwebtext", paths=("x",))
    for item in openwebtext.iterate_file(archive, source, 1 << 20):
        if isinstance(item, ArchiveMember):
            assert isinstance(openwebtext.extract_item(item, source, 1 << 20), Found)
    assert [type(item) for item in items] == [Refused, ArchiveMember]
    assert isinstance(items[0], Refused)
    assert items[0].rule == "stray_member" and items[0].detail.startswith(expected)
    assert items[0].detail.isascii() and len(items[0].detail) < 300
    assert isinstance(items[1], ArchiveMember) and items[1].payload == b"after"
    assert list_all(tmp_path) == before
    assert not Path("/tmp/evil.txt").exists()


def _seal(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header)


def test_sparse_file_of_8_exbibytes() -> None:
    tar = make_special()
    header = bytearray(tar[:512])
    header[156:157] = b"S"
    header[482] = 1
    header[483:495] = b"\x80" + (1 << 63).to_bytes(11, "big")  # the size when unpacked
    more = bytearray(512)
    more[504] = 1
    data = _seal(header) + bytes(more) + bytes(512) + tar[512:]
    items = read_all(data, subset="s")
    assert [type(item) for item in items] == [Refused, ArchiveMember]


def test_member_of_8_exbibytes() -> None:
    tar = make_special()
    header = bytearray(tar[:512])
    header[124:136] = b"\x80" + (1 << 63).to_bytes(11, "big")
    items = read_all(_seal(header) + tar[512:], subset="s")
    assert [item.reason for item in items if isinstance(item, Damaged)] == [
        "too_large",
        "truncated_record",
    ]
    header[124:136] = b"\xff" * 12  # a negative size
    (damaged,) = read_all(_seal(header) + tar[512:], subset="s")
    assert isinstance(damaged, Damaged) and damaged.reason == "damaged_record"


def test_member_over_the_cap() -> None:
    data = make_tar({"a.txt": b"x" * 101, "b.txt": b"x" * 100})
    items = read_all(data, subset="s", max_member_bytes=100)
    assert [type(item) for item in items] == [Damaged, ArchiveMember]
    assert isinstance(items[0], Damaged) and items[0].reason == "too_large"


def test_repeated_names_are_kept() -> None:
    data = make_tar({"a.txt": b"1"})[:1024] + make_tar({"a.txt": b"2"})
    assert [m.payload for m in members_of(read_all(data, subset="s"))] == [b"1", b"2"]


class Repeated(io.RawIOBase):
    """The same bytes over and over, then an end."""

    def __init__(self, block: bytes, count: int, tail: bytes) -> None:
        self._pieces: Iterator[bytes] = iter([block] * count + [tail])

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def test_many_members_take_no_memory() -> None:
    block = (make_tar({"a.lock": b""})[:512] + make_tar({"a.txt": b"a"})[:1024]) * 50
    stream = Repeated(block, 200, bytes(1024))
    tracemalloc.start()
    started = time.process_time()
    count = sum(1 for _ in iterate(stream, subset="s"))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000  # a fiftieth of the million, at a peak that does not grow
    assert peak < 4 << 20
    assert time.process_time() - started < 10


@pytest.mark.parametrize("codec", ["xz", "gz", "bz2", "zst"])
def test_bombs(codec: str) -> None:
    tar = make_tar({"a.txt": b"a"})[:1024] + bytes(1 << 27)
    compress: Callable[[bytes], bytes] = {
        "xz": lzma.compress,
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "zst": zstandard.ZstdCompressor().compress,
    }[codec]
    started = time.process_time()
    items = read_all(make_tar({"urlsf_subset00-1_data.xz": compress(tar), "b.txt": b"b"}))
    assert [type(item) for item in items] == [ArchiveMember, Damaged, ArchiveMember]
    assert isinstance(items[1], Damaged) and items[1].reason == "too_large"
    assert time.process_time() - started < 15


def test_shortfall_is_said() -> None:
    """Users of the release got 7,982,430 of 8,013,769 documents, and no word."""
    said = explain_shortfall("owt", 7_982_430, RELEASE_DOCUMENTS)
    assert said is not None
    assert "hold 7,982,430 documents, 31,339 fewer than expected_documents 8,013,769" in said
    assert explain_shortfall("owt", RELEASE_DOCUMENTS, RELEASE_DOCUMENTS) is None


def test_mirror_of_plain_tars(documents: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    """``subsets/urlsf_subset00.tar``: plain tars of subsets, as the mirror has them."""
    release = make_release(documents)
    path = tmp_path / "urlsf_subset00.tar"
    path.write_bytes(make_tar({**release, "openwebtext/urlsf_subset00-1_data.xz.lock": b""}))
    source = OpenWebText(name="owt", kind="openwebtext", paths=("x",))
    items = list(openwebtext.iterate_file(path, source, 1 << 20))
    assert members_of(items) == members_of(read_all(lzma.compress(make_tar(release))))
    assert [item.rule for item in items if isinstance(item, Refused)] == ["stray_member"]


# Members to documents


def member_of(payload: bytes, subset: str = "urlsf_subset00-1") -> ArchiveMember:
    return ArchiveMember(NAME, payload, subset, 512, len(payload))


def test_found() -> None:
    fate = extract_member(member_of("a\r\n\n\n\nb é".encode()), MemberSettings(licence="CC0-1.0"))
    assert isinstance(fate, Found)
    assert (fate.native_id, fate.text) == (f"urlsf_subset00-1/{NAME}", "a\n\nb é")
    assert (fate.offset, fate.length, fate.charset) == (512, 10, "utf-8")
    assert fate.licence == "CC0-1.0"
    alone = extract_member(member_of(b"a", subset=""), MemberSettings())
    assert alone.native_id == NAME


def test_other_fates() -> None:
    bad = extract_member(member_of(b"abc\xff"), MemberSettings())
    assert isinstance(bad, Damaged)
    assert (bad.reason, bad.detail) == ("undecodable", "not UTF-8 at byte 3")
    empty = extract_member(member_of(b" \n\n"), MemberSettings())
    assert isinstance(empty, Refused) and empty.rule == "empty_text"
    large = extract_member(member_of(b"abc"), MemberSettings(max_document_bytes=2))
    assert isinstance(large, Damaged) and large.reason == "too_large"


# The tar reader


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
@given(
    members=st.dictionaries(
        st.text(alphabet="abcé漢/._-", min_size=1, max_size=90).filter(
            lambda name: name.strip("/.")
        ),
        st.binary(max_size=1500),
        max_size=5,
    ),
    deep=st.booleans(),
)
def test_equals_the_standard_library(
    tar_format: int, members: dict[str, bytes], deep: bool
) -> None:
    prefix = "folder/" * 12 if deep else ""
    try:
        data = make_tar({prefix + name: payload for name, payload in members.items()}, tar_format)
    except ValueError:
        return  # ustar has no room for the name
    reader = TarReader(io.BytesIO(data))
    ours = [(m.name.rstrip("/"), m.size, m.offset, reader.read_all()) for m in reader]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        theirs = [
            (m.name.rstrip("/"), m.size, m.offset_data, tar.extractfile(m).read())  # type: ignore[union-attr]
            for m in tar
        ]
    assert ours == theirs


def test_unread_data_are_skipped() -> None:
    reader = TarReader(io.BytesIO(make_tar({"a": b"x" * 5000, "b": b"y"})))
    sizes = []
    for member in reader:
        sizes.append((member.size, len(reader.read(100))))
    assert sizes == [(5000, 100), (1, 1)]


def test_longest_name() -> None:
    fits, over = "n" * MAX_NAME_BYTES, "n" * (MAX_NAME_BYTES + 2)
    names = [m.name for m in TarReader(io.BytesIO(make_tar({fits: b"", over: b""})))]
    assert names == [fits, ""]


def test_huge_pax_header_is_refused() -> None:
    info = tarfile.TarInfo("a.txt")
    info.pax_headers = {"comment": "x" * 100_000}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with pytest.raises(StreamError, match="pax header"):
        list(TarReader(io.BytesIO(buffer.getvalue())))
