"""Inflaters: whole streams round trip, in bounded pieces; damage is `InflateError`."""

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.cleaning.decompressors import FORMATS
from gristmill.cleaning.inflation import (
    FEED_BYTES,
    BrotliInflater,
    InflateError,
    Inflater,
    ZlibInflater,
    ZstdInflater,
    inflate_gzip,
)


def compress_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS: dict[str, tuple[Callable[[], Inflater], Callable[[bytes], bytes]]] = {
    "gzip": (lambda: ZlibInflater(31), gzip.compress),
    "zlib": (lambda: ZlibInflater(15), zlib.compress),
    "deflate": (lambda: ZlibInflater(-15), compress_raw),
    "zstd": (ZstdInflater, zstandard.ZstdCompressor(write_checksum=True).compress),
    "bz2": (FORMATS["bz2"], bz2.compress),
    "xz": (FORMATS["xz"], lzma.compress),
    "lzma": (FORMATS["lzma"], lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
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


@pytest.mark.parametrize("coding", ["gzip", "zstd", "bz2", "xz"])
@given(size=st.integers(FEED_BYTES, 400_000), flip=st.integers(100, 99_999))
@settings(max_examples=12)
def test_what_comes_before_damage_does_not_depend_on_the_feeding(
    coding: str, size: int, flip: int
) -> None:
    start, compress = CODINGS[coding]
    raw = bytearray(compress(random.Random(1).randbytes(100_000).hex().encode()))
    raw[flip % len(raw)] ^= 1

    def decode(size: int) -> bytes:
        inflater, pieces, index = start(), [b""], 0
        try:
            while not inflater.finished:
                piece, used = inflater.inflate(memoryview(raw)[index : index + size])
                if not piece and not used:
                    break
                pieces.append(piece)
                index += used
        except InflateError:
            pass
        return b"".join(pieces)

    assert decode(size) == decode(FEED_BYTES)


@given(st.binary(max_size=2000).map(lambda data: data * 60), st.binary(max_size=50))
def test_gzip_in_one_go(data: bytes, behind: bytes) -> None:
    packed = gzip.compress(data)
    raw = b"before" + packed + behind
    assert inflate_gzip(raw, 6, 1 << 20) == (data, 6 + len(packed))
    assert inflate_gzip(raw[: 6 + len(packed) - 1], 6, 1 << 20) is None
    with pytest.raises(InflateError):
        inflate_gzip(raw[:-1] + b"x", 7, 1 << 20)
    if len(data) > 1:
        with pytest.raises(InflateError, match="more than"):
            inflate_gzip(raw, 6, len(data) - 1)


@pytest.mark.parametrize("place", [-1, -5, -30])
def test_gzip_in_one_go_checks_all(place: int) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 3))
    packed[place] ^= 1
    with pytest.raises(InflateError):
        inflate_gzip(bytes(packed), 0, 1 << 20)
