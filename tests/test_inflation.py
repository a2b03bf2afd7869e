"""Inflaters: whole streams round trip, in bounded pieces; damage is `InflateError`."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.inflation import (
    BrotliInflater,
    InflateError,
    Inflater,
    ZlibInflater,
    ZstdInflater,
)


def compress_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS: dict[str, tuple[Callable[[], Inflater], Callable[[bytes], bytes]]] = {
    "gzip": (lambda: ZlibInflater(31), gzip.compress),
    "zlib": (lambda: ZlibInflater(15), zlib.compress),
    "deflate": (lambda: ZlibInflater(-15), compress_raw),
    "zstd": (ZstdInflater, zstandard.ZstdCompressor(write_checksum=True).compress),
    "brotli": (BrotliInflater, lambda data: bytes(brotli.compress(data, quality=3))),
}


def inflate_all(inflater: Inflater, raw: bytes) -> tuple[bytes, int, int]:
    """Decoded bytes, used bytes, longest piece."""
    pieces = [b""]
    index = 0
    while not inflater.finished:
        piece, used = inflater.inflate(memoryview(raw)[index:])
        if not piece and not used and not inflater.finished:
            break
        pieces.append(piece)
        index += used
    return b"".join(pieces), index, max(map(len, pieces))


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=3000).map(lambda data: data * 40))
def test_round_trip(coding: str, data: bytes) -> None:
    start, compress = CODINGS[coding]
    inflater = start()
    packed = compress(data)
    decoded, used, _ = inflate_all(inflater, packed)
    assert (decoded, used, inflater.finished) == (data, len(packed), True)


@pytest.mark.parametrize("coding", [name for name in CODINGS if name != "brotli"])
def test_stops_at_the_end_of_the_member(coding: str) -> None:
    start, compress = CODINGS[coding]
    packed = compress(b"first" * 100)
    decoded, used, _ = inflate_all(start(), packed + b"what follows")
    assert (decoded, used) == (b"first" * 100, len(packed))


@pytest.mark.parametrize("coding", CODINGS)
def test_pieces_are_bounded(coding: str) -> None:
    start, compress = CODINGS[coding]
    decoded, _, longest = inflate_all(start(), compress(bytes(48 << 20)))
    assert len(decoded) == 48 << 20
    assert longest <= 17 << 20


@pytest.mark.parametrize("coding", CODINGS)
def test_cut_streams_never_finish(coding: str) -> None:
    start, compress = CODINGS[coding]
    packed = compress(bytes(range(256)) * 3)
    for cut in range(len(packed)):
        inflater = start()
        decoded, _, _ = inflate_all(inflater, packed[:cut])
        assert not inflater.finished
        assert (bytes(range(256)) * 3).startswith(decoded)


@pytest.mark.parametrize("coding", CODINGS)
@given(raw=st.binary(min_size=1, max_size=300))
def test_any_bytes_decode_or_raise(coding: str, raw: bytes) -> None:
    try:
        inflate_all(CODINGS[coding][0](), raw)
    except InflateError as error:
        assert str(error)
