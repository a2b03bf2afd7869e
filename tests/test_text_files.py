"""Text files: cut by file, paragraph and line; encodings; damage."""

import gzip
import io
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.text_files import Split, TextPiece, TextSettings, extract_piece, iterate
from gristmill.pipelines.sources.text import list_folder
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged, Found, Refused


def read_all(data: bytes, split: Split, **limits: int) -> list[TextPiece | Damaged]:
    return list(iterate(io.BytesIO(data), split=split, **limits))


def extract_all(data: bytes, split: Split) -> list[Found | Refused | Damaged]:
    return [
        extract_piece(item, TextSettings()) if isinstance(item, TextPiece) else item
        for item in read_all(data, split)
    ]


def texts_of(data: bytes, split: Split) -> list[str]:
    return [fate.text for fate in extract_all(data, split) if isinstance(fate, Found)]


POEM = "The mill\n  by the brook\n\n\t\nturns Öl\nand grain\n\nall day.\n"


@pytest.mark.parametrize(
    ("split", "names", "texts"),
    [
        ("file", [""], ["The mill\n  by the brook\n\nturns Öl\nand grain\n\nall day."]),
        (
            "paragraph",
            ["line:0", "line:4", "line:7"],
            ["The mill\n  by the brook", "turns Öl\nand grain", "all day."],
        ),
        (
            "line",
            ["line:0", "line:1", "line:4", "line:5", "line:7"],
            ["The mill", "by the brook", "turns Öl", "and grain", "all day."],
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_cuts_and_encodings(
    split: Split, names: list[str], texts: list[str], encoding: str
) -> None:
    fates = extract_all(POEM.encode(encoding), split)
    found = [fate for fate in fates if isinstance(fate, Found)]
    assert [fate.native_id for fate in found] == names
    assert [fate.text for fate in found] == texts
    assert {fate.charset for fate in found} <= {encoding.removesuffix("-sig"), "utf-8", "utf-16-le",
                                                "utf-32-le", "cp1252"}  # fmt: skip


@given(st.lists(st.sampled_from(["mill", " stone", "", " ", "Öl", "\t"]), max_size=30))
def test_pieces_frame_their_lines(lines: list[str]) -> None:
    data = "\n".join(lines).encode()
    pieces = read_all(data, "paragraph")
    for piece in pieces:
        assert isinstance(piece, TextPiece)
        assert data[piece.offset : piece.offset + piece.length] == piece.payload
        assert data[: piece.offset].count(b"\n") == int(piece.name.removeprefix("line:"))
    expected = [
        part.split()
        for part in re.split(r"\n[ \t]*(?=\n)", "\n" + "\n".join(lines))
        if part.strip()
    ]
    assert [
        piece.payload.decode().split() for piece in pieces if isinstance(piece, TextPiece)
    ] == expected
    assert len(read_all(data, "line")) == sum(bool(line.strip()) for line in lines)


@given(st.binary(max_size=300), st.sampled_from(["file", "paragraph", "line"]))
def test_any_bytes_are_an_answer(data: bytes, split: Split) -> None:
    for fate in extract_all(data, split):
        if isinstance(fate, Damaged):
            assert fate.reason in QUARANTINE_REASONS
        else:
            assert isinstance(fate, Found) or fate.rule == "empty_text"


def test_one_encoding_for_all_lines() -> None:
    """A line of legacy text alone says too little to tell its encoding by."""
    lines = ["Der Müller mahlt.", "Das Öl fließt über die Mühle.", "Ä"]
    assert texts_of("\n".join(lines).encode("cp1252"), "line") == lines


def test_limits() -> None:
    data = b"a\n" + b"b" * 100 + b"\nc\n\nd\n"
    file = read_all(data, "file", max_document_bytes=50)
    assert [type(item) for item in file] == [Damaged]
    lines = read_all(data, "line", max_document_bytes=50)
    assert [type(item) for item in lines] == [TextPiece, Damaged, TextPiece, TextPiece]
    assert isinstance(lines[1], Damaged) and lines[1][:4] == (
        "too_large", "line of 101 bytes > 50", 2, 101,
    )  # fmt: skip
    paragraphs = read_all(b"a\n" * 40 + b"\nd", "paragraph", max_document_bytes=50)
    assert [type(item) for item in paragraphs] == [Damaged, TextPiece]
    piece = TextPiece(b"abc", "", 0, 3)
    assert isinstance(extract_piece(piece, TextSettings(max_document_bytes=2)), Damaged)


@pytest.mark.parametrize("split", ["file", "paragraph", "line"])
def test_truncation_is_damage(split: Split) -> None:
    packed = gzip.compress(POEM.encode() * 50)
    whole = read_all(packed, split)
    assert not any(isinstance(item, Damaged) for item in whole)
    for cut in range(1, len(packed)):
        # One byte of a gzip header is a text of one byte.
        if cut > 1:
            read = read_all(packed[:cut], split)
            assert isinstance(read[-1], Damaged), cut
            assert read[-1].reason == "truncated_record"


def test_binary_files_are_undecodable() -> None:
    (fate,) = extract_all(bytes(range(256)) * 50, "file")
    assert isinstance(fate, Damaged) and fate.reason == "undecodable"
    assert [type(fate) for fate in extract_all(b"  \n\n", "file")] == [Refused]


def test_bombs_are_bounded() -> None:
    packed = gzip.compress(b"a" * (1 << 27))
    started = time.process_time()
    for split in ("file", "line"):
        (item,) = read_all(packed, split)  # type: ignore[arg-type]
        assert isinstance(item, Damaged) and item.reason == "too_large"
    assert time.process_time() - started < 10


def test_folders(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", ".hidden", ".git/config", "c/d/e"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    names = [str(path.relative_to(tmp_path)) for path in list_folder(tmp_path, hidden=False)]
    assert names == ["a.txt", "b/1.txt", "b/2.txt", "c/d/e"]
    assert len(list_folder(tmp_path, hidden=True)) == 6
