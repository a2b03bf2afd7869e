"""Path lists: where the names in them lie, and what is no name."""

import gzip
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_samples import QUIET
from test_inputs import make_recipe

from gristmill.pipelines import path_lists
from gristmill.pipelines.inputs import find_inputs, list_paths
from gristmill.pipelines.path_lists import (
    choose_names,
    expand_list,
    find_base,
    is_path_list,
    parse_names,
)
from gristmill.schemas.errors import InputError, UsageError

CRAWL = "crawl-data/CC-MAIN-2024-22"
NAMES = st.lists(
    st.lists(st.from_regex(r"[A-Za-z0-9_=+-][A-Za-z0-9_.=+-]{0,8}", fullmatch=True), min_size=1)
    .map("/".join)
    .filter(lambda name: len(name) <= 1024),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("warc.paths.gz", True),
        ("https://a.example/crawl-data/X/wet.paths.gz?token=1", True),
        ("s3://bucket/x.paths", True),
        ("a.warc.gz", False),
        ("https://a.example/?file=warc.paths.gz", False),
    ],
)
def test_lists_are_known_by_their_names(text, expected):
    assert is_path_list(text) is expected


@given(NAMES, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_every_plain_name_is_read(names, packed, end):
    payload = end.join(names).encode()
    assert parse_names(gzip.compress(payload) if packed else payload, "x") == names


@given(st.binary(max_size=200))
def test_any_bytes_are_names_or_one_error(payload):
    try:
        names = parse_names(payload, "x")
    except InputError as error:
        assert str(error).startswith("x is not a list of files")
    else:
        assert all(".." not in name.split("/") and not name.startswith("/") for name in names)


@pytest.mark.parametrize(
    "line",
    [
        "../a",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "./a",
        "http://x.example/a",
        "a b",
        "a\\b",
        "s3://b/a",
        "a*",
        "~/a",
        "a\tb",
        "x" * 1025,
        "-\x00",
        "é",
    ],
)
def test_a_name_that_leads_elsewhere_spoils_the_list(line):
    with pytest.raises(InputError, match="not a list of files"):
        parse_names(f"good.warc.gz\n{line}\n".encode(), "x")


def test_a_bomb_and_a_book_are_no_lists(monkeypatch):
    monkeypatch.setattr(path_lists, "MAX_LIST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="decoded bytes"):
        parse_names(gzip.compress(b"a\n" * (1 << 20)), "x")
    monkeypatch.setattr(path_lists, "MAX_NAMES", 10)
    with pytest.raises(InputError, match="11 names"):
        parse_names(b"a\n" * 11, "x")


@pytest.mark.parametrize(
    ("origin", "base", "expected"),
    [
        (f"https://d.example/{CRAWL}/warc.paths.gz", None, "https://d.example/"),
        (f"https://d.example/m/{CRAWL}/warc.paths.gz?t=1", None, "https://d.example/m/"),
        (f"s3://commoncrawl/{CRAWL}/wet.paths.gz", None, "s3://commoncrawl/"),
        (f"/mirror/{CRAWL}/warc.paths.gz", None, "/mirror/"),
        (f"{CRAWL}/warc.paths.gz", None, ""),
        ("https://d.example/cc-index/table/x.parquet", None, "https://d.example/"),
        ("warc.paths.gz", "https://d.example", "https://d.example/"),
        (f"https://d.example/{CRAWL}/warc.paths.gz", "s3://b/", "s3://b/"),
    ],
)
def test_names_start_where_the_list_lies_or_the_recipe_says(origin, base, expected):
    assert find_base(origin, base) == expected


@pytest.mark.parametrize("origin", ["warc.paths.gz", "https://d.example/my-crawl-data/x.paths"])
def test_without_a_base_it_says_what_to_do(origin):
    with pytest.raises(UsageError, match="`base`"):
        find_base(origin, None)


@given(st.lists(st.integers(), min_size=1, max_size=50, unique=True), st.integers(1, 60))
def test_names_are_chosen_evenly_and_once(names, most):
    chosen = choose_names(names, most)
    assert len(chosen) == min(most, len(names)) and chosen == [n for n in names if n in chosen]
    places = [names.index(name) for name in chosen]
    gaps = [later - earlier for earlier, later in itertools.pairwise(places)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_list_on_disk_names_files_next_to_it(tmp_path):
    names = [f"{CRAWL}/segments/1/warc/{number}.warc.gz" for number in range(3)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / CRAWL / "warc.paths.gz").write_bytes(gzip.compress("\n".join(names).encode()))
    recipe = make_recipe(tmp_path, f"{CRAWL}/warc.paths.gz")
    assert [name for name, _ in list_paths(recipe, recipe.sources[0])] == names
    found = find_inputs(recipe, tmp_path / "work", QUIET)
    assert [item.name for item in found] == names
    some = recipe.sources[0].model_copy(update={"files_per_list": 1})
    assert [name for name, _ in list_paths(recipe, some)] == names[:1]


def test_a_list_that_is_not_there_is_said(tmp_path):
    recipe = make_recipe(tmp_path, "crawl-data/warc.paths.gz")
    with pytest.raises(UsageError, match="no such list of files"):
        list(list_paths(recipe, recipe.sources[0]))


def test_a_file_that_a_list_names_but_that_is_not_there_is_said(tmp_path):
    (tmp_path / "crawl-data").mkdir()
    (tmp_path / "crawl-data" / "warc.paths").write_text("crawl-data/a.warc.gz\n")
    recipe = make_recipe(tmp_path, "crawl-data/warc.paths")
    with pytest.raises(UsageError, match="matches no file"):
        find_inputs(recipe, tmp_path / "work", QUIET)


def test_addresses_keep_to_the_base():
    payload = f"{CRAWL}/a.warc.gz\n".encode()
    expanded = expand_list(payload, "x.paths", base="https://d.example/", most=None)
    assert expanded == [f"https://d.example/{CRAWL}/a.warc.gz"]
