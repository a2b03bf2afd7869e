"""Index files of both kinds, near and far: what is picked and how much is read for it."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crawl_server import CrawlServer, make_crawl, serve_crawl

from gristmill.cleaning.index_rows import RowFilter
from gristmill.pipelines import index_files
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.index_files import select_index
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.transfers import Transfer

FETCHING = Fetching(Transfer(requests_per_second=None, tries=2, timeout_seconds=2))
FILTERS = {
    "all": RowFilter(),
    "status": RowFilter(status=(200,)),
    "language": RowFilter(languages=("deu",)),
    "type": RowFilter(mime_types=("application/xhtml+xml",)),
    "host": RowFilter(hosts=("www.site1.example.org", "site2.example.com")),
    "domain": RowFilter(domains=("example.com",), status=(200,), truncated=False),
}


@pytest.fixture(scope="module")
def crawl() -> dict[str, bytes]:
    return make_crawl(files=6, pages=20)


@pytest.fixture(scope="module")
def server(crawl: dict[str, bytes]) -> Iterator[CrawlServer]:
    with serve_crawl(crawl) as running:
        yield running


def list_indexes(crawl: dict[str, bytes]) -> tuple[list[str], str]:
    tables = sorted(name for name in crawl if name.endswith(".parquet"))
    [text] = [name for name in crawl if name.endswith("cdx-00000.gz")]
    return tables, text


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_tables_and_text_near_and_far_give_the_same_picks(tmp_path, crawl, server, wanted):
    tables, text = list_indexes(crawl)
    found = []
    for names in (tables, [text]):
        for start in (f"{server.base_url}/", f"{tmp_path}/"):
            picks = []
            for name in names:
                local = tmp_path / name
                local.parent.mkdir(parents=True, exist_ok=True)
                local.write_bytes(crawl[name])
                picks += select_index(start + name, wanted, None, FETCHING).picks.to_pylist()
            found.append(sorted(picks, key=lambda pick: (pick["filename"], pick["offset"])))
    assert 0 < len(found[0]) <= 120
    assert all(other == found[0] for other in found)


def test_row_groups_of_other_hosts_are_not_read(crawl, server):
    tables, _ = list_indexes(crawl)
    everything = sum(
        select_index(f"{server.base_url}/{name}", RowFilter(), None, FETCHING).rows
        for name in tables
    )
    wanted = RowFilter(hosts=("site1.example.com",))
    some = [select_index(f"{server.base_url}/{name}", wanted, None, FETCHING) for name in tables]
    assert everything == 120
    assert (
        sum(found.rows for found in some) <= 15 < sum(found.picks.num_rows for found in some) + 15
    )
    assert {found.picks.num_rows for found in some} != {0}


def test_a_limit_draws_the_same_from_table_and_text(tmp_path, crawl):
    tables, text = list_indexes(crawl)
    rows = [pq.read_table(io.BytesIO(crawl[name])) for name in tables]
    pq.write_table(pa.concat_tables(rows), tmp_path / "one.parquet")
    (tmp_path / "one.cdxj.gz").write_bytes(crawl[text])
    table = select_index(str(tmp_path / "one.parquet"), RowFilter(), 7, FETCHING).picks
    lines = select_index(str(tmp_path / "one.cdxj.gz"), RowFilter(), 7, FETCHING).picks
    assert table.num_rows == 7 and table.equals(lines)


def write(tmp_path: Path, payload: bytes) -> str:
    (tmp_path / "index").write_bytes(payload)
    return str(tmp_path / "index")


BROKEN = {
    "empty": b"",
    "html": b"<html>\n<body>\nnot found\n</body>\n</html>\n",
    "cut gzip": gzip.compress(b'a 1 {"filename": "a"}\n' * 50)[:-9],
    "cut table": None,
    "table of something else": None,
    "magic alone": b"PAR1",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_index_is_one_error_or_no_pick(tmp_path, crawl, kind):
    tables, _ = list_indexes(crawl)
    payload = BROKEN[kind]
    if kind == "cut table":
        payload = crawl[tables[0]][:-100]
    elif kind == "table of something else":
        sink = io.BytesIO()
        pq.write_table(pa.table({"text": ["a"]}), sink)
        payload = sink.getvalue()
    path = write(tmp_path, payload)
    if kind == "empty":
        assert select_index(path, RowFilter(), None, FETCHING).picks.num_rows == 0
    else:
        with pytest.raises(InputError, match="index"):
            select_index(path, RowFilter(), None, FETCHING)


@pytest.mark.parametrize("place", range(0, 4000, 97))
def test_a_damaged_table_is_one_error_or_fewer_picks(tmp_path, crawl, place):
    tables, _ = list_indexes(crawl)
    payload = bytearray(crawl[tables[0]])
    payload[place % len(payload)] ^= 0xFF
    payload[-(place % 700) - 9] ^= 0x55
    try:
        found = select_index(write(tmp_path, bytes(payload)), RowFilter(), None, FETCHING)
    except InputError as error:
        assert "index" in str(error)
    else:
        assert found.picks.num_rows <= 60


def test_an_index_that_is_not_there_is_said(tmp_path, server):
    for path in (str(tmp_path / "none"), f"{server.base_url}/none"):
        with pytest.raises(InputError, match="none"):
            select_index(path, RowFilter(), None, FETCHING)


def test_a_selection_of_half_a_crawl_is_refused(tmp_path, crawl, monkeypatch):
    monkeypatch.setattr(index_files, "MAX_PICKS", 20)
    tables, _ = list_indexes(crawl)
    path = write(tmp_path, crawl[tables[0]])
    with pytest.raises(UsageError, match="over 20 records: narrow it"):
        select_index(path, RowFilter(), None, FETCHING)
    assert select_index(path, RowFilter(), 30, FETCHING).picks.num_rows == 30


def test_a_row_group_that_would_fill_the_memory_is_refused(tmp_path, crawl, monkeypatch):
    monkeypatch.setattr(index_files, "MAX_GROUP_BYTES", 100)
    tables, _ = list_indexes(crawl)
    with pytest.raises(InputError, match="a row group of"):
        select_index(write(tmp_path, crawl[tables[0]]), RowFilter(), None, FETCHING)
