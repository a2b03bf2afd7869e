"""Ranges of a multistream dump, one after another, say what the whole file says."""

import bz2
import io
import itertools
import lzma
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.cleaning.dump_ranges import (
    cut_ranges,
    index_streams,
    name_indexes,
    plan_ranges,
    read_index,
)
from gristmill.cleaning.wikipedia_dump import WikiPage, iterate
from gristmill.pipelines.sources import wikipedia
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found
from gristmill.schemas.sources import Wikipedia

HEAD = (
    '<mediawiki version="0.11"><siteinfo><dbname>lvwiki</dbname><namespaces>'
    '<namespace key="6">Attēls</namespace></namespaces></siteinfo>'
)


def make_page(number: int, rng: random.Random, size: int = 400) -> str:
    text = "".join(rng.choices([*"abcdefgh é", "&amp;"], k=size))
    title = f"Attēls:{number}" if number % 5 == 0 else f"T{number}"
    return (
        f"<page><title>{title}</title><id>{number}</id>"
        f"<revision><id>{number + 9}</id><text>{text}</text></revision></page>\n"
    )


def read_range(packed: bytes, start: int, stop: int | None) -> list[WikiPage | Damaged]:
    return list(iterate(io.BytesIO(packed), start=start, stop=stop))


def read_ranges(packed: bytes, every_bytes: int) -> list[WikiPage | Damaged]:
    ranges = plan_ranges(io.BytesIO(packed), every_bytes=every_bytes)
    return [item for start, stop in ranges for item in read_range(packed, start, stop)]


def pack_streams(data: bytes, cuts: list[int]) -> tuple[bytes, list[int]]:
    edges = [0, *sorted({cut % (len(data) or 1) for cut in cuts} - {0}), len(data)]
    streams = [bz2.compress(data[a:b], 1) for a, b in itertools.pairwise(edges)]
    return b"".join(streams), [0, *itertools.accumulate(map(len, streams))][:-1]


# Reading


@settings(max_examples=150)
@given(
    count=st.integers(1, 40),
    cuts=st.lists(st.integers(1, 1 << 20), max_size=25),
    flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 7)), max_size=4),
    lost=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 900)), max_size=3),
    stop=st.none() | st.integers(0, 1 << 20),
    every_bytes=st.sampled_from([1, 300, 3000]),
    seed=st.integers(0, 99),
)
def test_ranges_equal_the_whole(
    count: int,
    cuts: list[int],
    flips: list[tuple[int, int]],
    lost: list[tuple[int, int]],
    stop: int | None,
    every_bytes: int,
    seed: int,
) -> None:
    """Streams cut anywhere, also inside pages and tags; XML and compressed bytes damaged."""
    rng = random.Random(seed)
    data = (HEAD + "".join(make_page(n + 1, rng) for n in range(count)) + "</mediawiki>").encode()
    for place, size in lost:
        place = len(HEAD.encode()) + place % len(data)
        data = data[:place] + data[place + size :]
    packed, _ = pack_streams(data, cuts)
    damaged = bytearray(packed)
    for place, bit in flips:
        damaged[place % len(packed)] ^= 1 << bit
    packed = bytes(damaged[: None if stop is None else stop % len(packed)])
    assert read_ranges(packed, every_bytes) == read_range(packed, 0, None)


def test_no_bit_loses_a_page_in_silence() -> None:
    """A block mark with a flipped bit is no mark: its block must be missed all the same."""
    rng = random.Random(2)
    data = (HEAD + "".join(make_page(n + 1, rng, 60) for n in range(6)) + "</mediawiki>").encode()
    starts = [match.start() for match in re.finditer(rb"<page>", data)]
    packed, heads = pack_streams(data, [starts[0], starts[2], starts[4]])
    intact = read_range(packed, 0, None)
    marks = [place for head in heads for place in range(head, min(head + 12, len(packed)))]
    others = rng.sample(range(len(packed)), 200)
    for place in [*marks, *others]:
        damaged = bytearray(packed)
        damaged[place] ^= 1 << rng.randrange(8)
        read = read_range(bytes(damaged), 0, None)
        lost = [page for page in intact if page not in read]
        assert not lost or any(isinstance(item, Damaged) for item in read), place
        assert len(lost) <= 4, place  # the block, or it and the one before it


@pytest.mark.parametrize(("padding", "is_damage"), [(0, 0), (1, 0), (4096, 0), (4097, 1)])
def test_padding_between_streams(padding: int, is_damage: int) -> None:
    data = (HEAD + make_page(1, random.Random(1)) + "</mediawiki>").encode()
    first, second = bz2.compress(data[:300]), bz2.compress(data[300:])
    for packed in (first + bytes(padding) + second, first + second + bytes(padding)):
        items = read_range(packed, 0, None)
        assert sum(isinstance(item, WikiPage) for item in items) >= 1 - is_damage
        assert sum(isinstance(item, Damaged) for item in items) == is_damage
    junk = read_range(first + second + b"junk", 0, None)
    assert [type(item) for item in junk] == [WikiPage, Damaged]


def test_a_whole_wikipedia(shared_data: Callable[[str], Path]) -> None:
    data = next(shared_data("wiki-ltgwiki-full").rglob("smallwiki*.xml")).read_bytes()
    starts = [match.start() for match in re.finditer(rb"  <page>", data)]
    packed, heads = pack_streams(data, [*starts[::100], data.index(b"</mediawiki>")])
    whole = read_range(packed, 0, None)
    assert len(whole) == 2004
    assert read_ranges(packed, 100_000) == whole
    assert len(plan_ranges(io.BytesIO(packed), every_bytes=100_000)) == 7
    # An offset is what Wikimedia's index says of the page.
    index = "".join(
        f"{heads[1 + ordinal // 100]}:{page.page_id}:{page.title}\n"
        for ordinal, page in enumerate(whole)
        if isinstance(page, WikiPage)
    ).encode()
    offsets = read_index(io.BytesIO(bz2.compress(index)))
    assert offsets == [0, *sorted({page.offset for page in whole})]
    ranges = plan_ranges(io.BytesIO(packed), every_bytes=100_000, index=io.BytesIO(index))
    assert [item for start, stop in ranges for item in read_range(packed, start, stop)] == whole
    for page in whole[::301]:
        assert isinstance(page, WikiPage)
        text = bz2.BZ2Decompressor().decompress(packed[page.offset :])
        element = text[page.position : page.position + page.length]
        assert element.startswith(b"<page>") and element.endswith(b"</page>")
        assert f"<id>{page.page_id}</id>".encode() in element


def test_old_dumps_know_namespaces_in_every_range() -> None:
    rng = random.Random(1)
    data = (HEAD + "".join(make_page(n + 1, rng) for n in range(30)) + "</mediawiki>").encode()
    starts = [match.start() for match in re.finditer(rb"<page>", data)]
    pages = read_ranges(pack_streams(data, starts)[0], 1)
    assert [page.namespace for page in pages if isinstance(page, WikiPage)] == [
        6 if n % 5 == 0 else 0 for n in range(1, 31)
    ]


# Planning


@given(
    st.lists(st.integers(1, 10_000), unique=True), st.integers(10_001, 20_000), st.integers(1, 9999)
)
def test_ranges_cover_the_file(offsets: list[int], size: int, every_bytes: int) -> None:
    ranges = cut_ranges([0, *sorted(offsets)], size, every_bytes)
    assert [start for start, _ in ranges] == [0, *(stop for _, stop in ranges[:-1])]
    assert ranges[-1][1] == size
    assert all(stop - start >= every_bytes for start, stop in ranges[:-1])
    assert {start for start, _ in ranges} <= {0, *offsets}


@given(st.integers(0, 99), st.lists(st.integers(1, 1 << 20), max_size=20))
def test_every_head_is_found(seed: int, cuts: list[int]) -> None:
    rng = random.Random(seed)
    data = (HEAD + "".join(make_page(n, rng) for n in range(30))).encode()
    packed, heads = pack_streams(data, cuts)
    assert index_streams(io.BytesIO(packed), every_bytes=1) == heads


def test_a_head_in_the_data_is_none() -> None:
    head = bz2.compress(b"x")[:10]
    stored = b"".join(head + bytes([n, n + 1, n + 2]) for n in range(200))
    packed = lzma.compress(stored) + stored
    assert index_streams(io.BytesIO(bz2.compress(b"a") + packed), every_bytes=1) == [0]


class Counting(io.BytesIO):
    """Counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece


def test_planning_reads_little() -> None:
    rng = random.Random(5)
    stream = bz2.compress(make_page(1, rng, 200_000).encode())
    head = bz2.compress(HEAD.encode())
    source = Counting(head + stream * 400)
    ranges = plan_ranges(source, every_bytes=8 << 20)
    assert len(ranges) > 3
    assert source.taken < len(source.getvalue()) // 2


@pytest.mark.parametrize("name", ["plain", "xz", "one stream", "no dump", "utf-16", "small"])
def test_others_are_one_range(name: str) -> None:
    data = (HEAD + make_page(1, random.Random(1)) + "</mediawiki>").encode()
    packed = {
        "plain": data,
        "xz": lzma.compress(data),
        "one stream": bz2.compress(data),
        "no dump": bz2.compress(b"a") + bz2.compress(b"b"),
        "utf-16": pack_streams(data.decode().encode("utf-16"), [500])[0],
        "small": pack_streams(data, [300])[0],
    }[name]
    every_bytes = 10_000 if name == "small" else 1
    if name == "utf-16":
        packed = packed + packed
    ranges = plan_ranges(io.BytesIO(packed), every_bytes=every_bytes)
    assert ranges == [(0, len(packed))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "enwiki-20240601-pages-articles-multistream1.xml-p1p41242.bz2",
            "enwiki-20240601-pages-articles-multistream-index1.txt-p1p41242.bz2",
        ),
        ("x-multistream.xml.bz2", "x-multistream-index.txt.bz2"),
    ],
)
def test_index_names(name: str, expected: str) -> None:
    assert name_indexes(name) == (expected, expected.removesuffix(".bz2"))


def test_others_have_no_index() -> None:
    assert name_indexes("enwiki-20240601-pages-articles.xml.bz2") == ()
    assert name_indexes("a-multistream-index.txt.bz2") == ()


@pytest.mark.parametrize(
    "index",
    [b"", b"no index", b"<html>\n<p>Not found", b"x" * 100_000, b"-5:1:a\n", b"\xff:1:a\n", b"\n" * 999,
     bz2.compress(b"5:1:a\n")[:-4]],
)  # fmt: skip
def test_indexes_that_are_none(index: bytes) -> None:
    with pytest.raises(InputError, match="index"):
        read_index(io.BytesIO(index))


def test_index_lines() -> None:
    index = b"616:10:A:1:2\n616:12:B\n99999:13:5:6:7\nnoise\n77777:14:C"
    assert read_index(io.BytesIO(index)) == [0, 616, 77777, 99999]


def test_index_of_another_dump_is_refused() -> None:
    rng = random.Random(1)
    data = (HEAD + "".join(make_page(n, rng) for n in range(30)) + "</mediawiki>").encode()
    packed, heads = pack_streams(data, [2000, 4000])
    index = f"{heads[1] + 1}:1:a\n{heads[2] + 1}:2:b\n".encode()
    with pytest.raises(InputError, match=f"byte {heads[1] + 1} of the dump, where none begins"):
        plan_ranges(io.BytesIO(packed), every_bytes=1, index=io.BytesIO(index))


def test_a_damaged_head_is_no_cut() -> None:
    rng = random.Random(1)
    data = (HEAD + "".join(make_page(n, rng) for n in range(30)) + "</mediawiki>").encode()
    packed, heads = pack_streams(data, [2000, 4000, 6000])
    index = "".join(f"{head}:{n}:a\n" for n, head in enumerate(heads[1:])).encode()
    damaged = bytearray(packed)
    damaged[heads[2]] ^= 1
    ranges = plan_ranges(io.BytesIO(damaged), every_bytes=1, index=io.BytesIO(index))
    assert [start for start, _ in ranges] == [0, heads[1], heads[3]]
    items = [item for start, stop in ranges for item in read_range(bytes(damaged), start, stop)]
    assert items == read_range(packed, 0, None)


@given(st.binary(max_size=400), st.integers(1, 100))
def test_any_bytes_have_a_plan(noise: bytes, every_bytes: int) -> None:
    packed = bz2.compress(HEAD.encode()) + noise
    ranges = plan_ranges(io.BytesIO(packed), every_bytes=every_bytes)
    assert ranges[0][0] == 0 and ranges[-1][1] == len(packed)
    assert read_ranges(packed, every_bytes) == read_range(packed, 0, None)


# Through the source


@pytest.mark.parametrize("with_index", [True, False])
def test_pieces_of_a_file(tmp_path: Path, with_index: bool) -> None:
    rng = random.Random(3)
    data = (HEAD + "".join(make_page(n + 1, rng) for n in range(60)) + "</mediawiki>").encode()
    starts = [match.start() for match in re.finditer(rb"<page>", data)]
    packed, heads = pack_streams(data, [*starts[::10], data.index(b"</mediawiki>")])
    path = tmp_path / "lvwiki-20240601-pages-articles-multistream.xml.bz2"
    path.write_bytes(packed)
    if with_index:
        index = "".join(f"{head}:{10 * n + 1}:T\n" for n, head in enumerate(heads[1:-1]))
        (tmp_path / name_indexes(path.name)[0]).write_bytes(bz2.compress(index.encode()))
    source = Wikipedia(name="lv", kind="wikipedia", paths=("x",))
    cuts = wikipedia.cut_file(path, 500, 1 << 20)
    assert 3 < len(cuts) <= 7 and set(cuts) <= set(heads)

    def read_fates(start: int, stop: int | None) -> list[object]:
        items = wikipedia.iterate_file(path, source, 1 << 20, start=start, stop=stop)
        return [
            item if isinstance(item, Damaged) else wikipedia.extract_item(item, source, 1 << 20)  # type: ignore[arg-type]
            for item in items
        ]

    parts = [read_fates(start, stop) for start, stop in zip(cuts, [*cuts[1:], None], strict=True)]
    assert [fate for part in parts for fate in part] == read_fates(0, None)
    assert all(parts)
    assert sum(isinstance(fate, Found) for part in parts for fate in part) == 48


def test_index_of_another_file_names_itself(tmp_path: Path) -> None:
    rng = random.Random(1)
    data = (HEAD + "".join(make_page(n, rng) for n in range(30)) + "</mediawiki>").encode()
    path = tmp_path / "a-multistream.xml.bz2"
    path.write_bytes(pack_streams(data, [2000, 4000])[0])
    index = tmp_path / name_indexes(path.name)[1]
    index.write_bytes(b"900:1:a\n")
    with pytest.raises(InputError, match=r"a-multistream-index\.txt: .* byte 900 of the dump"):
        wikipedia.cut_file(path, 1, 1 << 20)
