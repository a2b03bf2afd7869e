"""JSON Lines and Parquet files: one document a row, fields mapped by the recipe."""

from collections.abc import Iterator
from pathlib import Path

from gristmill.cleaning import json_lines, parquet_rows
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import HuggingFace, JsonLines, ParquetRows


def map_fields(source: JsonLines | ParquetRows | HuggingFace) -> json_lines.FieldMap:
    """Field mapping of a source."""
    return json_lines.FieldMap(
        text=source.text,
        id=source.id,
        url=source.url,
        date=source.date,
        title=source.title,
        language=source.language,
    )


def iterate_json(
    path: Path, source: JsonLines | HuggingFace, document_bytes: int
) -> Iterator[json_lines.JsonRow | Damaged]:
    """Read the lines of one file."""
    with path.open("rb") as stream:
        # JSON writes one character in up to six bytes.
        yield from json_lines.iterate(stream, max_line_bytes=6 * document_bytes + (1 << 20))


def extract_json(
    row: json_lines.JsonRow, source: JsonLines | HuggingFace, document_bytes: int
) -> Found | Refused | Damaged:
    """Turn a line into a document."""
    settings = json_lines.RowSettings(max_document_bytes=document_bytes, licence=source.licence)
    return json_lines.extract_row(row, map_fields(source), settings)


def iterate_parquet(
    path: Path, source: ParquetRows | HuggingFace, document_bytes: int
) -> Iterator[parquet_rows.ParquetRow | Damaged]:
    """Read the mapped columns of one file."""
    yield from parquet_rows.iterate(path, map_fields(source))


def extract_parquet(
    row: parquet_rows.ParquetRow, source: ParquetRows | HuggingFace, document_bytes: int
) -> Found | Refused | Damaged:
    """Turn a row into a document."""
    settings = json_lines.RowSettings(max_document_bytes=document_bytes, licence=source.licence)
    return parquet_rows.extract_row(row, map_fields(source), settings)
