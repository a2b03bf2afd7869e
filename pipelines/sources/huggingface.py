"""Dataset repositories of the Hugging Face Hub: a file's name says how it is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.cleaning import text_files
from gristmill.cleaning.dataset_cards import READABLE, find_suffix
from gristmill.cleaning.json_lines import JsonRow
from gristmill.cleaning.parquet_rows import ParquetRow
from gristmill.pipelines.sources import rows
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import HuggingFace


def iterate_file(path: Path, source: HuggingFace, document_bytes: int) -> Iterator[Any]:
    """Read the rows of a Parquet or JSON file, or the whole of a text file.

    Raises:
        InputError: the name ends in nothing that is read.
    """
    suffix = find_suffix(path.name)
    if suffix == ".parquet":
        yield from rows.iterate_parquet(path, source, document_bytes)
    elif suffix == ".txt":
        with path.open("rb") as stream:
            yield from text_files.iterate(stream, max_document_bytes=document_bytes)
    elif suffix:
        yield from rows.iterate_json(path, source, document_bytes)
    else:
        raise InputError(
            f"{path}: a file of a dataset repository is read by its name, which ends in none of "
            f"{', '.join(READABLE)}; name other files by `paths`"
        )


def extract_item(item: Any, source: HuggingFace, document_bytes: int) -> Found | Refused | Damaged:
    """Turn a row or a text file into a document."""
    if isinstance(item, ParquetRow):
        return rows.extract_parquet(item, source, document_bytes)
    if isinstance(item, JsonRow):
        return rows.extract_json(item, source, document_bytes)
    settings = text_files.TextSettings(max_document_bytes=document_bytes, licence=source.licence)
    return text_files.extract_piece(item, settings)
