"""warcio or FastWARC over archive files, record by record, until it ends or gives up.

Runs in the peers' environment and prints one line of JSON: for each file the records,
each as type, URL and SHA-1 of its block, and what ended it if not the end of the file.

    .venv-peers/bin/python peer_archives.py warcio FILE...
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

Record = tuple[str, str, str]


def read_with_warcio(path: Path) -> Iterator[Record]:
    """As its README has it; ARC records come as WARC records."""
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, arc2warc=True, no_record_parse=True):
            block = record.raw_stream.read()
            url = record.rec_headers.get_header("WARC-Target-URI") or ""
            yield record.rec_type or "", url, hashlib.sha1(block).hexdigest()


def read_with_fastwarc(path: Path) -> Iterator[Record]:
    """As its documentation has it."""
    from fastwarc.warc import ArchiveIterator

    for record in ArchiveIterator(str(path), parse_http=False):
        block = record.reader.read()
        url = record.headers.get("WARC-Target-URI") or ""
        yield str(record.record_type), url, hashlib.sha1(block).hexdigest()


READERS = {"warcio": read_with_warcio, "fastwarc": read_with_fastwarc}


def main() -> None:
    """Read every file; whatever a reader raises ends that file, and is noted."""
    read = READERS[sys.argv[1]]
    found = {}
    for name in sys.argv[2:]:
        records: list[Record] = []
        error = None
        try:
            records.extend(read(Path(name)))
        except Exception as raised:  # what peers raise on damage is what is measured
            error = type(raised).__name__
        found[name] = {"records": records, "error": error}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
