"""Lines of a text index, CDXJ or CDX of eleven fields, as columns of the table index.

::

    org,example)/ 20240518010203 {"url": "https://example.org/", "status": "200", …}
    org,example)/ 20240518010203 https://example.org/ text/html 200 SHA1 - - 1043 53 f.warc.gz

An index server's answer, JSON without a key and a time before it, is CDXJ as well.
"""

import io
import json
from collections.abc import Iterator
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

#: Columns that lines are brought to; numbers that are none, and what is missing, are null.
COLUMNS: Final = pa.schema(
    [
        pa.field("url", pa.string()),
        pa.field("fetch_status", pa.int64()),
        pa.field("content_digest", pa.string()),
        pa.field("content_mime_type", pa.string()),
        pa.field("content_mime_detected", pa.string()),
        pa.field("content_languages", pa.string()),
        pa.field("content_truncated", pa.string()),
        pa.field("warc_filename", pa.string()),
        pa.field("warc_record_offset", pa.int64()),
        pa.field("warc_record_length", pa.int64()),
    ]
)
_KEYS: Final = {
    "url": "url",
    "status": "fetch_status",
    "digest": "content_digest",
    "mime": "content_mime_type",
    "mime-detected": "content_mime_detected",
    "languages": "content_languages",
    "truncated": "content_truncated",
    "filename": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
}
#: Letters of a CDX header line and the columns that they stand for.
_LETTERS: Final = {
    "a": "url",
    "s": "fetch_status",
    "k": "content_digest",
    "m": "content_mime_type",
    "g": "warc_filename",
    "V": "warc_record_offset",
    "S": "warc_record_length",
}
_USUAL_HEADER: Final = "N b a m s k r M S V g"
_HEADER: Final = b" CDX "
_NUMBER: Final = r"^[0-9]{1,18}$"
_JSON_LINE: Final = r"^(?:[^\s{]\S* [0-9]{1,17} )?(?P<json>\{.*\})\s*$"
BLOCK_BYTES: Final = 4 << 20
MAX_LINE_BYTES: Final = 1 << 20


def iterate_rows(stream: BinaryIO) -> Iterator[tuple[pa.Table, int]]:
    """Yield a text index block by block.

    Args:
        stream: its lines, decompressed.

    Yields:
        (columns of schema `COLUMNS`, how many lines of the block were none). Lines that
        are no rows, or longer than 1 MiB, are counted and skipped.
    """
    header = ""
    for block, too_long in _iterate_blocks(stream):
        if block.startswith(_HEADER):
            line, _, block = block.partition(b"\n")
            header = line.decode("ascii", "replace")[len(_HEADER) :].strip()
        lines = [line for line in block.decode("utf-8", "replace").split("\n") if line.strip()]
        if not lines:
            if too_long:
                yield COLUMNS.empty_table(), too_long
            continue
        table = parse_lines(pa.array(lines, pa.string()), header or _USUAL_HEADER)
        yield table, too_long + max(0, len(lines) - table.num_rows)


def _iterate_blocks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Cut a stream at line ends; yields (block, lines that were too long for it)."""
    rest = b""
    is_long = False
    while chunk := stream.read(BLOCK_BYTES):
        if is_long:
            _, found, chunk = chunk.partition(b"\n")
            is_long = not found
        block, found, rest = (rest + chunk).rpartition(b"\n")
        skipped = len(rest) > MAX_LINE_BYTES
        if skipped:
            rest, is_long = b"", True
        if block or skipped:
            yield block, int(skipped)
    if rest:
        yield rest, 0


def parse_lines(lines: pa.Array, header: str = _USUAL_HEADER) -> pa.Table:
    """Columns of lines, those of CDXJ first; a line that is no row has none.

    Args:
        lines: strings, without line ends.
        header: the letters of a CDX file's fields, for the lines that are not CDXJ.

    Returns:
        A table of schema `COLUMNS`.
    """
    bodies = pc.struct_field(pc.extract_regex(lines, _JSON_LINE), "json")
    is_json = pc.is_valid(bodies)
    parts = []
    if pc.any(is_json).as_py():
        parts.append(_parse_objects(bodies.drop_null()))
    if not pc.all(is_json).as_py():
        parts.append(_parse_fields(lines.filter(pc.invert(is_json)), header.split()))
    return pa.concat_tables(parts) if parts else COLUMNS.empty_table()


def _parse_objects(bodies: pa.Array) -> pa.Table:
    payload = "\n".join(bodies.to_pylist()).encode("utf-8", "replace")
    wanted = pa.schema([pa.field(key, pa.string()) for key in _KEYS])
    try:
        table = pj.read_json(
            io.BytesIO(payload),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(payload) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=wanted, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:  # one odd line spoils a block
        table = _parse_slowly(bodies)
    return _shape({column: table[key] for key, column in _KEYS.items()}, table.num_rows)


def _parse_slowly(bodies: pa.Array) -> pa.Table:
    """As Arrow's reader, line by line, without the lines that are no objects."""
    rows = []
    for body in bodies.to_pylist():
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            continue
        values = {key: found.get(key) for key in _KEYS}
        rows.append(
            {
                key: str(value).encode("utf-8", "replace").decode("utf-8")
                if isinstance(value, str | int) and not isinstance(value, bool)
                else None
                for key, value in values.items()
            }
        )
    return pa.Table.from_pylist(rows, pa.schema([pa.field(key, pa.string()) for key in _KEYS]))


def _parse_fields(lines: pa.Array, letters: list[str]) -> pa.Table:
    fields = pc.split_pattern(lines, " ")
    fields = fields.filter(pc.equal(pc.list_value_length(fields), len(letters)))
    columns = {
        _LETTERS[letter]: pc.list_element(fields, place)
        for place, letter in enumerate(letters)
        if letter in _LETTERS
    }
    return _shape(
        {
            name: pc.replace_with_mask(
                values, pc.fill_null(pc.equal(values, "-"), False), pa.scalar(None, pa.string())
            )
            for name, values in columns.items()
        },
        len(fields),
    )


def _shape(columns: dict[str, pa.Array | pa.ChunkedArray], rows: int) -> pa.Table:
    arrays = []
    for field in COLUMNS:
        values = columns.get(field.name)
        if values is None:
            values = pa.nulls(rows, pa.string())
        if field.type == pa.int64():
            number = pc.fill_null(pc.match_substring_regex(values, _NUMBER), False)
            values = pc.if_else(number, values, pa.scalar(None, pa.string())).cast(pa.int64())
        arrays.append(values)
    return pa.table(arrays, schema=COLUMNS)
