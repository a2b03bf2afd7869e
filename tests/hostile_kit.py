"""What a hostile case is, and bombs under every coding.

Bombs expand to 256 MiB: far over every cap and over the memory that a worker may use
beside its libraries, and still made in a moment.
"""

import bz2
import functools
import gzip
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import brotli
import zstandard

BOMB_BYTES = 256 << 20
NEIGHBOURS = ("first", "last")
#: What a record may end as that is refused for its size or shape.
REFUSED = frozenset({"too_large", "too_complex", "bad_encoding", "damaged_record"})


@dataclass(frozen=True)
class Hostile:
    """A file with a hostile item between its neighbours.

    Attributes:
        name: of the case.
        source: YAML of its source, with ``{}`` for the path.
        file: name of the file.
        make: gives the file's bytes.
        fates: what may become of the hostile item: ``kept``, a collect rule or a reason.
        kept: healthy documents that must be found.
    """

    name: str
    source: str
    file: str
    make: Callable[[], bytes]
    fates: frozenset[str]
    kept: int = len(NEIGHBOURS)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": functools.partial(gzip.compress, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}
SUFFIXES = {"gzip": "gz", "bz2": "bz2", "xz": "xz", "zstd": "zst"}
WEB = "{{name: web, kind: commoncrawl, paths: ['{}']}}"
WIKI = "{{name: wiki, kind: wikipedia, paths: ['{}']}}"
ARCHIVE = "{{name: owt, kind: openwebtext, paths: ['{}']}}"
ROWS = "{{name: rows, kind: jsonl, paths: ['{}'], text: text, id: id}}"


def compress_zeros(codec: str, size: int = BOMB_BYTES) -> bytes:
    """Zeros under a coding, made piece by piece."""
    piece = bytes(16 << 20)
    pieces = size // len(piece)
    if codec in ("gzip", "deflate"):
        packer = zlib.compressobj(9, wbits=31 if codec == "gzip" else 15)
    elif codec == "br":
        brotli_packer = brotli.Compressor(quality=5)
        parts = [brotli_packer.process(piece) for _ in range(pieces)]
        return b"".join([*parts, brotli_packer.finish()])
    elif codec == "zstd":
        packer = zstandard.ZstdCompressor().compressobj()
    else:
        # Several streams in a row are one file.
        return {"bz2": bz2.compress, "xz": lzma.compress}[codec](piece) * pieces
    return b"".join([*(packer.compress(piece) for _ in range(pieces)), packer.flush()])


compress_zeros_once = functools.cache(compress_zeros)
