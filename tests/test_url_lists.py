"""Lists of addresses and of words in them: what they match, and that they agree with datatrove."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_files import name_url_words, name_urls, write_list
from listed_urls import load_urls

from gristmill.cleaning import url_lists, url_words
from gristmill.cleaning.url_entries import read_url_list
from gristmill.cleaning.url_lists import MAX_CATEGORIES, URL_CATEGORIES, UrlLists
from gristmill.cleaning.url_rules import settle_host
from gristmill.cleaning.url_words import URL_WORDS, UrlWords, read_url_words
from gristmill.schemas.errors import InputError

GOLDEN = Path(__file__).parent / "cases" / "dialects" / "url_words.npz"


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    domains = write_list(folder / "domains", "# note", "bad.org", "*.Worse.co.uk", "1.2.3.4")
    urls = write_list(
        folder / "urls", "www.some.net/dir/", "http://Some.net:80/a?id=1", "whole.net/"
    )
    hosts = write_list(folder / "hosts", "127.0.0.1 localhost", "0.0.0.0 host.com other.com # x")
    adblock = write_list(folder / "ads", "! note", "||ads.net^$third-party", "||t.net/pixel")
    return UrlLists(
        [
            name_urls(domains, "domains"),
            name_urls(urls, "urls", "urls"),
            name_urls(hosts, "hosts", "hosts"),
            name_urls(adblock, "ads", "easylist"),
            name_urls(urls, "domains", "urls"),
        ]
    )


def match(lists, *urls):
    return lists.match(pa.array(urls, pa.string())).to_pylist()


@pytest.mark.parametrize(
    ("url", "categories"),
    [
        ("http://bad.org", ["domains"]),
        ("https://a.B.bad.org:8080/x", ["domains"]),
        ("http://notbad.org", []),
        ("http://bad.org.uk", []),
        ("http://www.worse.co.uk/", ["domains"]),
        ("http://1.2.3.4/x", ["domains"]),
        ("http://u@some.net/dir", ["domains", "urls"]),
        ("http://www.some.net/dir/page?x", ["domains", "urls"]),
        ("http://some.net/dir?x", ["domains", "urls"]),
        ("http://some.net/dirt", []),
        ("http://some.net/", []),
        ("http://a.some.net/dir", []),
        ("http://some.net/a?id=1&x", ["domains", "urls"]),
        ("http://some.net/a?id=12", []),
        ("http://whole.net", ["domains", "urls"]),
        ("http://whole.net?x", ["domains", "urls"]),
        ("http://host.com/x", ["hosts"]),
        ("http://www.host.com/x", []),
        ("http://other.com", ["hosts"]),
        ("http://localhost/", []),
        ("http://x.ads.net/", ["ads"]),
        ("http://t.net/pixel/1", ["ads"]),
        ("http://t.net/pixels", []),
        ("", None),
        (None, None),
    ],
)
def test_matches(lists, url, categories):
    assert match(lists, url) == [categories]


def test_the_column_and_the_counts(lists):
    assert lists.categories == ("ads", "domains", "hosts", "urls")
    assert lists.refused == (0, 0, 0, 0, 0)
    assert lists.match(pa.array([], pa.string())).type == URL_CATEGORIES
    assert UrlLists([]).match(pa.array(["http://bad.org"])).to_pylist() == [[]]


@given(
    st.lists(st.none() | st.lists(st.sampled_from("abc"), unique=True).map(sorted), max_size=6),
    st.sets(st.sampled_from("abcd")),
    st.integers(0, 6),
)
def test_the_first_list_that_blocks_is_named(listed, blocked, cut):
    column = pa.array(listed, URL_CATEGORIES)[cut:]
    expected = [next((name for name in row or () if name in blocked), None) for row in listed[cut:]]
    found = url_lists.find_blocked(column, blocked)
    assert found.type == pa.string() and found.to_pylist() == expected


def test_warming_up_compiles_all_that_matching_needs(lists):
    url_lists.warm_up()
    lists.match(pa.array(["http://bad.org/x", None, ""]))
    kernels = (url_lists._look_up, url_lists._hash_texts, url_lists._add_keys)
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1, 1]


def test_hostile_lines_cost_themselves_alone(tmp_path):
    path = write_list(
        tmp_path / "list",
        "good.org",
        "x" * 3000,
        "a b.org",
        "..",
        "\ufffd.org",
        "caf\u00e9.fr",
        "[::1]",
        "[x]",
    )
    entries, refused = read_url_list(name_urls(path, "c"))
    assert [text for _, text in entries] == ["good.org", "xn--caf-dma.fr", "[::1]"]
    assert refused == 5
    for kind, usable in (("urls", 3), ("hosts", 1), ("easylist", 0)):
        entries, refused = read_url_list(name_urls(path, "c", kind))
        assert len(entries) == usable and len(entries) + refused >= 7, kind


def test_a_list_may_be_compressed_and_must_be_the_one_pinned(tmp_path):
    path = tmp_path / "domains.gz"
    path.write_bytes(gzip.compress(b"bad.org\n"))
    spec = name_urls(path, "c")
    assert match(UrlLists([spec]), "http://bad.org") == [["c"]]
    path.write_bytes(gzip.compress(b"other.org\n"))
    with pytest.raises(InputError, match="pins"):
        UrlLists([spec])


def test_too_many_categories_are_refused(tmp_path):
    path = write_list(tmp_path / "domains", "bad.org")
    specs = [name_urls(path, f"c{number}") for number in range(MAX_CATEGORIES + 1)]
    assert match(UrlLists(specs[1:]), "http://bad.org") == [sorted(s.category for s in specs[1:])]
    with pytest.raises(InputError, match="categories"):
        UrlLists(specs)


LABELS = st.sampled_from(["a", "b", "c", "www", "xn--a"])
HOSTS = st.lists(LABELS, min_size=2, max_size=5).map(".".join)


@given(st.sets(HOSTS, min_size=1, max_size=8), st.lists(HOSTS, min_size=1, max_size=8))
def test_domains_match_as_suffixes_do(tmp_path_factory, domains, hosts):
    path = write_list(tmp_path_factory.mktemp("d") / "domains", *sorted(domains))
    lists = UrlLists([name_urls(path, "c")])
    expected = [
        ["c"] if any(f".{host}".endswith(f".{domain}") for domain in domains) else []
        for host in hosts
    ]
    assert match(lists, *(f"http://{host}/x" for host in hosts)) == expected


@given(st.lists(st.text(max_size=30) | st.none(), max_size=6), st.data())
def test_order_and_slices_change_nothing(lists, urls, data):
    whole = lists.match(pa.array(urls, pa.string()))
    whole.validate(full=True)
    cut = data.draw(st.integers(0, len(urls)))
    assert lists.match(pa.array(urls, pa.string())[cut:]).equals(whole[cut:])
    assert match(lists, *reversed(urls)) == whole.to_pylist()[::-1]


def test_real_lists_match_their_own_entries(shared_data):
    folder = shared_data("url-ut1-subset")
    specs = [
        name_urls(path, path.parent.name, path.name)
        for path in sorted(folder.glob("*/*"))
        if path.name in ("domains", "urls") and path.stat().st_size
    ]
    lists = UrlLists(specs)
    assert lists.refused == (0,) * len(specs)
    for spec in specs:
        lines = Path(spec.path).read_text(encoding="utf-8").splitlines()
        found = match(lists, *(f"https://{line}" for line in lines))
        assert all(spec.category in (names or ()) for names in found)


def test_of_easylist_the_rules_on_pages_are_read(shared_data):
    path = shared_data("url-dolma-easylist") / "easylist.txt.gz"
    entries, refused = read_url_list(name_urls(path, "ads", "easylist"))
    assert len(entries) > 40_000 and refused > 20_000
    assert match(UrlLists([name_urls(path, "ads", "easylist")]), "https://doubleclick.net/x") == [
        ["ads"]
    ]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    hard = write_list(folder / "hard", "# note", "Porn", "hot sex")
    return UrlWords([name_url_words(hard, kind) for kind in ("strict", "hard")])


@pytest.mark.parametrize(
    ("url", "strict", "hard", "dialect"),
    [
        ("http://a.com/porn", 1, 1, 1),
        ("http://a.com/PORN-hotsex", 2, 2, 1),
        ("http://a.com/unicorn", 0, 0, 0),
        ("http://a.com/po-rn", 1, 0, 0),
        ("http://pornhot.sex", 2, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_words_are_counted(words, url, strict, hard, dialect):
    (row,) = words.measure(pa.array([url])).to_pylist()
    counts = [row[f"url_{name}"] for name in ("strict_words", "hard_words", "hard_words@datatrove")]
    assert counts == [strict, hard, dialect]


def test_without_an_address_or_a_list_nothing_is_said(words):
    found = words.measure(pa.array([None, "x"], pa.string()))
    assert found.schema == URL_WORDS
    assert all(np.isnan(column.to_numpy()[0]) for column in found.columns)
    assert np.isnan(found.column("url_soft_words").to_numpy()).all()


@given(st.lists(st.text("porn hOTsex-/\u00e9", max_size=20), max_size=5))
def test_words_are_those_that_python_splits(words, urls):
    import re

    found = words.measure(pa.array(urls, pa.string()))
    for url, row in zip(urls, found.to_pylist(), strict=True):
        parts = [set(re.split("[^a-zA-Z0-9]+", text)) for text in (url.lower(), url)]
        if url.lower().isascii():
            assert row["url_hard_words"] == len(parts[0] & {"porn", "hotsex"})
        assert row["url_hard_words@datatrove"] == len(parts[1] & {"porn", "hotsex"})


def test_every_count_is_datatroves(shared_data):
    """datatrove 0.10.1 on 29,041 addresses: no difference in words, and three in domains.

    It compares domains in the case in which an address has them, takes an IP address for
    no host, and looks at the registered domain and the whole host but at none between.
    """
    recorded = np.load(GOLDEN)
    urls = load_urls(shared_data("url-ut1-subset"))
    assert recorded["count"] == len(urls)
    peer = {
        name: np.unpackbits(recorded[name], count=len(urls)).astype(bool)
        for name in ("hard", "soft1", "soft2", "strict", "domain")
    }
    english = shared_data("tox-ldnoobw") / "en"
    kinds = ("strict", "hard", "soft")
    found = UrlWords([name_url_words(english, kind) for kind in kinds]).measure(pa.array(urls))
    hard, soft = (found.column(f"url_{k}_words@datatrove").to_numpy() for k in kinds[1:])
    assert np.array_equal(hard >= 1, peer["hard"]) and np.array_equal(soft >= 1, peer["soft1"])
    assert np.array_equal(soft >= 2, peer["soft2"])
    assert np.array_equal(found.column("url_strict_words").to_numpy() >= 1, peer["strict"])
    gambling = shared_data("url-ut1-subset") / "gambling" / "domains"
    lists = UrlLists([name_urls(gambling, "gambling")])
    ours = np.array([bool(names) for names in match(lists, *urls)])
    assert not (peer["domain"] & ~ours).any()
    listed = set(gambling.read_text(encoding="utf-8").splitlines())
    for place in np.flatnonzero(ours & ~peer["domain"]):
        host = urls[place].split("/")[2]
        labels = (settle_host(host) or "").split(".")
        between = [".".join(labels[n:]) for n in range(1, len(labels) - 1)]
        assert host != host.lower() or host.replace(".", "").isdigit() or listed & set(between)


def test_an_entry_without_letters_is_datatroves_empty_word(tmp_path):
    path = write_list(tmp_path / "hard", "\U0001f595", "porn")
    assert read_url_words(name_url_words(path, "hard")) == (("porn",), True, 1)
    rows = UrlWords([name_url_words(path, "hard")]).measure(
        pa.array(["http://a.b/", "http://a.b/c"])
    )
    assert rows.column("url_hard_words").to_pylist() == [0, 0]
    assert rows.column("url_hard_words@datatrove").to_pylist() == [1, 0]


def test_tables_bound_columns_and_have_sources():
    assert url_words.TABLES.keys() == url_words.SOURCES.keys()
    bounded = {bound.metric for table in url_words.TABLES.values() for bound in table}
    assert bounded <= set(URL_WORDS.names)
