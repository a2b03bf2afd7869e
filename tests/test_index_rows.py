"""Rows of an index against a filter written the slow way."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.index_rows import (
    PICKS,
    RowFilter,
    draw_picks,
    key_prefixes,
    list_columns,
    may_hold,
    number_files,
    order_picks,
    select_picks,
)
from gristmill.schemas.errors import SchemaError

DIGEST = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
HOSTS = ["example.org", "www.example.org", "de.Example.org", "example.org.", "notexample.org"]
HOSTS += ["example.com", "org", "", "10.0.0.1", None]
ROW = st.fixed_dictionaries(
    {
        "url_host_name": st.sampled_from(HOSTS),
        "fetch_status": st.sampled_from([200, 301, 404, None]),
        "content_mime_type": st.sampled_from(["text/html", "Text/HTML; charset=x", None]),
        "content_mime_detected": st.sampled_from(["text/html", "application/pdf", None]),
        "content_languages": st.sampled_from(["eng", "eng,deu", "deu,eng,fra", "en", "", None]),
        "content_truncated": st.sampled_from(["length", "", None]),
        "content_digest": st.sampled_from([DIGEST, f"sha1:{DIGEST}", "md5:0", "", None]),
        "warc_filename": st.sampled_from(["a.gz", "a/b.gz", "../a", "/a", "a//b", "x:y", "", None]),
        "warc_record_offset": st.sampled_from([0, 7, -1, 1 << 48, None]),
        "warc_record_length": st.sampled_from([1, 99, 0, -1, 1 << 31, None]),
    }
)
SCHEMA = pa.schema(
    [
        (
            name,
            pa.int64()
            if name in ("fetch_status", "warc_record_offset", "warc_record_length")
            else pa.string(),
        )
        for name in [
            "url_host_name",
            "fetch_status",
            "content_mime_type",
            "content_mime_detected",
            "content_languages",
            "content_truncated",
            "content_digest",
            "warc_filename",
            "warc_record_offset",
            "warc_record_length",
        ]
    ]
)
FILTER = st.builds(
    RowFilter,
    status=st.sampled_from([(), (200,), (200, 301)]),
    languages=st.sampled_from([(), ("eng",), ("deu", "fra")]),
    mime_types=st.sampled_from([(), ("text/html",), ("application/pdf",)]),
    hosts=st.sampled_from([(), ("www.example.org",), ("example.com", "10.0.0.1")]),
    domains=st.sampled_from([(), ("example.org",), ("org",)]),
    truncated=st.booleans(),
)


def wants(row: dict, wanted: RowFilter) -> bool:
    host = (row["url_host_name"] or "").lower().rstrip(".")
    mime = row["content_mime_detected"] or row["content_mime_type"] or ""
    tests = [
        not wanted.status or row["fetch_status"] in wanted.status,
        not wanted.languages
        or bool(set(wanted.languages) & set((row["content_languages"] or "").split(","))),
        not wanted.mime_types or mime.lower().partition(";")[0].strip() in wanted.mime_types,
        not (wanted.hosts or wanted.domains)
        or host in wanted.hosts
        or any(host == name or host.endswith(f".{name}") for name in wanted.domains),
        wanted.truncated or not row["content_truncated"],
    ]
    return all(tests)


def is_pick(row: dict) -> bool:
    return (
        row["warc_filename"] in ("a.gz", "a/b.gz")
        and row["warc_record_offset"] in (0, 7)
        and row["warc_record_length"] in (1, 99)
    )


@given(st.lists(ROW, max_size=30), FILTER)
def test_picks_are_the_rows_that_a_slow_filter_wants(rows, wanted):
    picks = select_picks(pa.Table.from_pylist(rows, SCHEMA), wanted)
    assert picks.schema == PICKS
    assert picks.to_pylist() == [
        {
            "filename": row["warc_filename"],
            "offset": row["warc_record_offset"],
            "length": row["warc_record_length"],
            "digest": DIGEST if DIGEST in (row["content_digest"] or "") else None,
        }
        for row in rows
        if wants(row, wanted) and is_pick(row)
    ]


def test_columns_of_other_widths_will_do():
    row = {"fetch_status": 200, "warc_filename": "a", "warc_record_offset": 3}
    table = pa.Table.from_pylist([{**row, "warc_record_length": 4}]).cast(
        pa.schema(
            [
                ("fetch_status", pa.int16()),
                ("warc_filename", pa.dictionary(pa.int32(), pa.string())),
                ("warc_record_offset", pa.int32()),
                ("warc_record_length", pa.uint32()),
            ]
        )
    )
    assert select_picks(table, RowFilter(status=(200,))).num_rows == 1


def test_hosts_are_read_off_addresses_where_there_is_no_column_of_them():
    urls = ["https://www.Example.org:8080/x", "http://user@example.org", "ftp://a.b/?@example.org"]
    urls += ["https://example.org.evil.com/", "mailto:x@example.org", None]
    table = pa.table(
        {
            "url": urls,
            "warc_filename": [f"{number}" for number in range(len(urls))],
            "warc_record_offset": [0] * len(urls),
            "warc_record_length": [1] * len(urls),
        }
    )
    picks = select_picks(table, RowFilter(domains=("example.org",)))
    assert picks["filename"].to_pylist() == ["0", "1"]


@pytest.mark.parametrize("column", ["warc_filename", "warc_record_offset", "fetch_status"])
def test_a_table_of_something_else_is_said(column):
    table = pa.Table.from_pylist([], SCHEMA).drop_columns([column])
    with pytest.raises(SchemaError, match=column):
        select_picks(table, RowFilter(status=(200,)))


def test_a_column_of_another_type_is_said():
    table = pa.Table.from_pylist([], SCHEMA).drop_columns(["warc_record_offset"])
    table = table.append_column("warc_record_offset", pa.array([], pa.list_(pa.int64())))
    with pytest.raises(SchemaError, match="another type"):
        select_picks(table, RowFilter())


def test_a_language_is_never_a_pattern():
    table = pa.Table.from_pylist([], SCHEMA)
    with pytest.raises(SchemaError, match="no code of a language"):
        select_picks(table, RowFilter(languages=("(a+)+$",)))


def test_only_what_a_filter_reads_is_asked_for():
    available = [*SCHEMA.names, "url", "url_path"]
    assert list_columns(RowFilter(), available) == [
        "warc_filename",
        "warc_record_offset",
        "warc_record_length",
        "content_digest",
    ]


PICK = st.fixed_dictionaries(
    {
        "filename": st.sampled_from(["a", "b", "c/d"]),
        "offset": st.integers(0, 5),
        "length": st.integers(1, 3),
        "digest": st.sampled_from([DIGEST, None]),
    }
)
MANY = st.lists(PICK, max_size=40)


@given(MANY)
def test_picks_are_ordered_and_each_record_stands_once(rows):
    ordered = order_picks(pa.Table.from_pylist(rows, PICKS))
    keys = [(row["filename"], row["offset"]) for row in ordered.to_pylist()]
    assert keys == sorted({(row["filename"], row["offset"]) for row in rows})
    numbers = number_files(ordered).tolist()
    assert [names for names, _ in keys] == [
        sorted({name for name, _ in keys})[number] for number in numbers
    ]


@given(MANY, MANY, st.integers(1, 20))
def test_a_draw_of_draws_is_the_draw_of_all(left, right, limit):
    tables = [order_picks(pa.Table.from_pylist(rows, PICKS)) for rows in (left, right)]
    whole = draw_picks(order_picks(pa.concat_tables(tables)), limit)
    parts = pa.concat_tables([draw_picks(table, limit) for table in tables])
    drawn = draw_picks(order_picks(parts), limit)
    keys = [[(row["filename"], row["offset"]) for row in t.to_pylist()] for t in (whole, drawn)]
    assert keys[0] == keys[1] == sorted(keys[0]) and len(keys[0]) <= limit


def test_a_draw_is_fair_and_another_seed_is_another_draw():
    picks = pa.table(
        [["f"] * 4000, list(range(4000)), [1] * 4000, pa.nulls(4000, pa.string())], schema=PICKS
    )
    drawn = draw_picks(picks, 1000)["offset"].to_pylist()
    quarters = [sum(1 for offset in drawn if offset // 1000 == part) for part in range(4)]
    assert all(150 < quarter < 350 for quarter in quarters)  # six standard deviations
    assert draw_picks(picks, 1000, seed=1)["offset"].to_pylist() != drawn


@given(
    st.lists(st.sampled_from(["a.com", "b.example.org", "www.example.org", "x.co"]), max_size=3),
    st.lists(
        st.sampled_from(["com,a)/x", "org,example)/", "org,example,b)/", "net,z)/"]),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 20),
)
def test_no_row_group_with_a_host_in_it_is_passed_over(hosts, keys, cut):
    prefixes = key_prefixes(RowFilter(hosts=hosts))
    least, most = min(keys).encode(), max(keys).encode()
    holds = any(key.encode().startswith(prefix) for key in keys for prefix in prefixes)
    # Bounds may be cut short by whoever wrote them.
    for bounds in ((least, most), (least[:cut], most[:cut])):
        assert may_hold(*bounds, prefixes) or (prefixes and not holds)


def test_row_groups_of_other_hosts_are_passed_over():
    prefixes = key_prefixes(RowFilter(domains=("example.org",)))
    assert not may_hold(b"com,a)/", b"net,z)/", prefixes)
    assert not may_hold(b"org,f)/", b"org,z)/", prefixes)
    assert may_hold(b"net,z)/", b"org,f)/", prefixes)
    assert key_prefixes(RowFilter(hosts=("10.0.0.1",))) == []
