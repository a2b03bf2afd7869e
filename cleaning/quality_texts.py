"""Texts to train a quality model on: read them strictly, count each once, hold some out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from gristmill.cleaning import json_lines, parquet_rows, text_files
from gristmill.cleaning.json_lines import FieldMap, RowSettings
from gristmill.cleaning.text_files import TextPiece, TextSettings
from gristmill.schemas.errors import InputError, SchemaError, UsageError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.identity import hash_parts

#: Endings of files that hold a document a line, a JSON object a line, or Parquet.
COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst")
_TEXT: Final = ".txt"
_JSON: Final = (".jsonl", ".ndjson", ".json")
_PARQUET: Final = ".parquet"

_DIGEST_BYTES: Final = 16


class FileTexts(NamedTuple):
    """Texts of a file, normalised as collect stores them, and how many were empty."""

    texts: list[str]
    empty: int


@dataclass(frozen=True)
class LabelledTexts:
    """Texts by side, each once, and what was set aside.

    Attributes:
        training: (positives, negatives) to train on.
        held_out: (positives, negatives) that no training sees.
        duplicates: texts that had been there before on the same side.
        on_both_sides: texts that stood on both sides, and so teach nothing; left out.
    """

    training: tuple[list[str], list[str]]
    held_out: tuple[list[str], list[str]]
    duplicates: int
    on_both_sides: int


def _kind_of(path: Path) -> str:
    name = path.name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def _iterate_fates(path: Path, field: str) -> Iterator[tuple[str, Found | Refused | Damaged]]:
    """Yield every row of a file with its place in words."""
    kind, fields = _kind_of(path), FieldMap(text=field)
    if kind == _PARQUET:
        for row in parquet_rows.iterate(path, fields):
            if isinstance(row, Damaged):
                yield f"row {row.offset + 1}", row
            else:
                fate = parquet_rows.extract_row(row, fields, RowSettings())
                yield f"row {row.ordinal + 1}", fate
        return
    if kind not in (_TEXT, *_JSON):
        raise UsageError(f"{path}: give .jsonl, .parquet or .txt, plain or compressed by gz or zst")
    with path.open("rb") as stream:
        rows: Iterator[Any] = (
            text_files.iterate(stream, split="line")
            if kind == _TEXT
            else json_lines.iterate(stream)
        )
        for row in rows:
            if isinstance(row, Damaged):
                yield _name_line(row.native_id or ""), row
            elif isinstance(row, TextPiece):
                yield _name_line(row.name), text_files.extract_piece(row, TextSettings())
            else:
                fate = json_lines.extract_row(row, fields, RowSettings())
                yield f"line {row.ordinal + 1}", fate


def _name_line(name: str) -> str:
    number = name.removeprefix("line:")
    return f"line {int(number) + 1}" if number.isdigit() else "line 1"


def read_texts(path: Path, field: str = "text") -> FileTexts:
    """Read every text of a file; one bad row is an error, since a label would be lost with it.

    Args:
        path: ``.jsonl`` (or ``.ndjson``, ``.json``), ``.parquet``, or ``.txt`` with a
            document a line; the first and last may be compressed by gz, bz2, xz or zst.
        field: that holds the text; a dot goes into an object.

    Raises:
        InputError: the file is missing, damaged, or a row has no text; names file and line.
        UsageError: the file's name says that it is of another kind.
    """
    texts, empty = [], 0
    try:
        for place, fate in _iterate_fates(path, field):
            if isinstance(fate, Damaged):
                raise InputError(f"{path}, {place}: {fate.detail}; mend or remove it")
            if isinstance(fate, Refused):
                empty += 1
            else:
                texts.append(fate.text)
    except SchemaError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    return FileTexts(texts, empty)


def digest_text(text: str) -> bytes:
    """Digest a text; runs of white space count as one space, as they do in scoring."""
    return hash_parts("text", " ".join(text.split()), size=_DIGEST_BYTES)


def draw_share(seed: int, what: str, digest: bytes) -> float:
    """Draw a number in [0, 1) that depends on the seed, its use and the text alone."""
    return int.from_bytes(hash_parts(what, seed, digest, size=8), "little") / 2.0**64


def _list_once(texts: Sequence[str]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for text in texts:
        found.setdefault(digest_text(text), text)
    return found


def split_texts(
    positives: Sequence[str], negatives: Sequence[str], held_out: float, seed: int
) -> LabelledTexts:
    """Split labelled texts by the hash of each, so that none is on both sides of the split.

    Args:
        positives: texts that are wanted.
        negatives: others.
        held_out: share of each that is held out.
        seed: of the split.
    """
    sides = (_list_once(positives), _list_once(negatives))
    shared = sides[0].keys() & sides[1].keys()
    training: tuple[list[str], list[str]] = ([], [])
    tests: tuple[list[str], list[str]] = ([], [])
    for side, found in enumerate(sides):
        for digest, text in found.items():
            if digest not in shared:
                is_out = draw_share(seed, "held-out", digest) < held_out
                (tests if is_out else training)[side].append(text)
    given = len(positives) + len(negatives)
    duplicates = given - len(sides[0]) - len(sides[1])
    return LabelledTexts(training, tests, duplicates, len(shared))


def halve_sample(
    texts: Sequence[str], training: tuple[Sequence[str], ...], seed: int
) -> tuple[list[str], list[str]]:
    """Split a sample into two halves by the hash of each text, without training texts."""
    seen = {digest_text(text) for side in training for text in side}
    halves: tuple[list[str], list[str]] = ([], [])
    for digest, text in _list_once(texts).items():
        if digest not in seen:
            halves[draw_share(seed, "half", digest) >= 0.5].append(text)
    return halves
