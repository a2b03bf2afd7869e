"""Capped decompression: nothing is lost in silence, nothing expands without bound."""

import bz2
import gzip
import io
import lzma
import random
import time
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import bounded_streams, bzip2_blocks
from gristmill.cleaning.bounded_streams import (
    CorruptStreamError,
    OversizeStreamError,
    StreamError,
    TruncatedStreamError,
    decode_chunks,
    open_decoded,
)
from gristmill.cleaning.decompressors import detect_format
from gristmill.schemas.errors import InputError

LIMIT = 1 << 30
SAMPLE = b"The mill grinds slowly, but it grinds exceedingly small. \xc3\xa9" * 9


def _compress_lzma(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def _compress_zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _compress_zstd,
    "lzma": _compress_lzma,
}
MULTI_MEMBER = ["gz", "bz2", "xz", "zst"]


class TrickleStream(io.RawIOBase):
    """Returns fewer bytes than asked for, as sockets do."""

    def __init__(self, data: bytes, step: int) -> None:
        self._inner = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, self._step) if size >= 0 else self._step)


def drain(packed: bytes, max_bytes: int = LIMIT) -> tuple[bytes, StreamError | None]:
    out = []
    try:
        for chunk in decode_chunks(io.BytesIO(packed), max_bytes=max_bytes):
            out.append(chunk)
    except StreamError as fault:
        return b"".join(out), fault
    return b"".join(out), None


@pytest.mark.parametrize("name", CODECS)
@given(data=st.binary(max_size=3000), step=st.integers(1, 70_000), repeats=st.integers(1, 400))
def test_round_trip(name: str, data: bytes, step: int, repeats: int) -> None:
    # Little repetition at small steps: the source is read once for each step.
    data *= min(repeats, 1 + step)
    packed = CODECS[name](data)
    stream = open_decoded(TrickleStream(packed, max(step, len(packed) // 200)), max_bytes=LIMIT)  # type: ignore[arg-type]
    assert stream.read() == data
    assert stream.read(1) == b""


@pytest.mark.parametrize("name", [*CODECS, "plain"])
def test_format_is_detected(name: str) -> None:
    packed = CODECS[name](SAMPLE) if name in CODECS else SAMPLE
    assert detect_format(packed[:13]) == name


@pytest.mark.parametrize(
    "head", [b"", b"B", b"BZh", b"BZhx", b"]", b"]]>", b"]\x00\x00\x00\x01abc]]]]]", b"P*M", b"PK"]
)
def test_look_alikes_are_plain(head: bytes) -> None:
    assert detect_format(head) == "plain"


@pytest.mark.parametrize("name", MULTI_MEMBER)
@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=6), zeros=st.integers(0, 2000))
def test_members_are_one_stream(name: str, parts: list[bytes], zeros: int) -> None:
    packed = b"".join(map(CODECS[name], parts)) + bytes(zeros)
    assert drain(packed) == (b"".join(parts), None)


def test_skippable_zstd_frames() -> None:
    frame = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00hello"
    packed = frame + _compress_zstd(b"one ") + frame + _compress_zstd(b"two") + frame
    assert drain(packed) == (b"one two", None)


@pytest.mark.parametrize("name", MULTI_MEMBER)
def test_truncation_at_every_byte_raises(name: str) -> None:
    packed = CODECS[name](SAMPLE[:40]) + CODECS[name](SAMPLE)
    first = len(CODECS[name](SAMPLE[:40]))
    for cut in range(6, len(packed)):
        out, fault = drain(packed[:cut])
        assert (SAMPLE[:40] + SAMPLE).startswith(out)
        if cut == first:  # a whole member: the loss cannot be seen from the stream
            assert fault is None and out == SAMPLE[:40]
        elif first < cut < first + 6 and not isinstance(fault, TruncatedStreamError):
            assert isinstance(fault, CorruptStreamError)  # too short for a member's magic
        else:
            assert isinstance(fault, TruncatedStreamError), cut


@pytest.mark.parametrize("name", MULTI_MEMBER)
@given(data=st.data())
def test_bit_flips_are_never_silent(name: str, data: st.DataObject) -> None:
    packed = bytearray(CODECS[name](SAMPLE))
    # Header fields that do not touch the content (time, operating system) may change freely.
    bit = data.draw(st.integers(10 * 8, len(packed) * 8 - 1))
    packed[bit // 8] ^= 1 << bit % 8
    out, fault = drain(bytes(packed))
    assert fault is not None or out == SAMPLE


@pytest.mark.parametrize("name", CODECS)
def test_bomb_is_refused(name: str) -> None:
    bomb = CODECS[name](bytes(1 << 28))
    tracemalloc.start()
    started = time.process_time()
    out = 0
    with pytest.raises(OversizeStreamError) as caught:
        for chunk in decode_chunks(io.BytesIO(bomb), max_bytes=LIMIT):
            out += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == "too_large"
    assert caught.value.offset <= len(bomb)
    assert out <= 1000 * bounded_streams.READ_BYTES
    assert peak < 80 << 20
    assert time.process_time() - started < 10


@pytest.mark.parametrize("name", MULTI_MEMBER)
def test_hundred_thousand_empty_members(name: str) -> None:
    packed = CODECS[name](b"") * 100_000 + CODECS[name](b"end")
    started = time.process_time()
    assert drain(packed) == (b"end", None)
    assert time.process_time() - started < 10


def test_zstd_window_is_capped() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    out, fault = drain(compressor.compress(SAMPLE) + compressor.flush())
    assert out == b"" and isinstance(fault, OversizeStreamError)


@pytest.mark.parametrize("name", [*CODECS, "plain"])
def test_total_is_capped(name: str) -> None:
    packed = CODECS[name](SAMPLE) if name in CODECS else SAMPLE
    assert drain(packed, max_bytes=len(SAMPLE)) == (SAMPLE, None)
    assert isinstance(drain(packed, max_bytes=len(SAMPLE) - 1)[1], OversizeStreamError)


@pytest.mark.parametrize("name", MULTI_MEMBER)
@pytest.mark.parametrize("tail", [b"garbage", b"\x00\x00x", b"PK\x03\x04"])
def test_bytes_after_the_last_member(name: str, tail: bytes) -> None:
    out, fault = drain(CODECS[name](SAMPLE) + tail)
    assert out == SAMPLE
    assert isinstance(fault, CorruptStreamError)


def test_fault_comes_after_all_bytes_and_stays() -> None:
    packed = gzip.compress(SAMPLE)[:-1]
    stream = open_decoded(io.BytesIO(packed), max_bytes=LIMIT)
    assert stream.read() == SAMPLE
    for _ in range(2):
        with pytest.raises(TruncatedStreamError, match="gz stream ends too early"):
            stream.read(1)


def test_seven_zip_says_what_to_do() -> None:
    with pytest.raises(InputError, match="repack as bz2"):
        open_decoded(io.BytesIO(b"7z\xbc\xaf\x27\x1c" + bytes(50)), max_bytes=LIMIT).read()


# bzip2, block by block


def drain_blocks(packed: bytes) -> tuple[bytes, list[StreamError]]:
    events = list(bzip2_blocks.decode_streams(io.BytesIO(packed), max_bytes=LIMIT))
    faults = [event for event in events if isinstance(event, StreamError)]
    return b"".join(event for event in events if isinstance(event, bytes)), faults


def _noise(size: int) -> bytes:
    """Bytes that do not compress, so that blocks are full."""
    return random.Random(1).randbytes(size)


@given(
    parts=st.lists(st.binary(max_size=400), min_size=1, max_size=5),
    level=st.integers(1, 9),
    repeats=st.integers(1, 300),
)
def test_blocks_equal_the_library(parts: list[bytes], level: int, repeats: int) -> None:
    packed = b"".join(bz2.compress(part * repeats, level) for part in parts)
    assert drain_blocks(packed) == (bz2.decompress(packed), [])


def test_many_blocks_in_one_stream() -> None:
    data = _noise(1_100_000)
    assert drain_blocks(bz2.compress(data, 1)) == (data, [])


@pytest.mark.parametrize("place", [0.05, 0.4, 0.6, 0.95])
def test_damage_costs_one_block(place: float) -> None:
    data = _noise(1_000_000)
    packed = bytearray(bz2.compress(data, 1))
    packed[int(len(packed) * place)] ^= 0x10
    out, faults = drain_blocks(bytes(packed))
    assert [type(fault) for fault in faults] == [CorruptStreamError]
    prefix = next((i for i, (a, b) in enumerate(zip(out, data, strict=False)) if a != b), len(out))
    assert out[prefix:] == data[len(data) - len(out) + prefix :]
    assert 0 < len(data) - len(out) <= 100_000


def test_block_truncation_at_every_byte() -> None:
    packed = bz2.compress(SAMPLE)
    for cut in range(len(packed)):
        out, faults = drain_blocks(packed[:cut])
        assert out in (b"", SAMPLE)
        assert [type(fault) for fault in faults] == [TruncatedStreamError], cut


def test_false_marks_end() -> None:
    for mark in ("314159265359", "177245385090"):
        started = time.process_time()
        _, faults = drain_blocks(bytes.fromhex(mark) * 200_000)
        assert len(faults) <= bzip2_blocks.MAX_FAULTS
        assert time.process_time() - started < 10


def test_block_bomb_is_refused() -> None:
    out, faults = drain_blocks(bz2.compress(bytes(1 << 28)))
    assert [type(fault) for fault in faults] == [OversizeStreamError]
    assert len(out) <= 2 << 20
