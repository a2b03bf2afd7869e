"""Cards of dataset repositories: configurations, globs, and what is hostile in either."""

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dataset_cards import find_suffix, is_readable, match_files, read_configs

NAMES = ["a.parquet", "data/a.parquet", "data/b.jsonl.gz", "data/deep/c.txt", "data2/a.parquet"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*.parquet"], [0]), (["**/*.parquet"], [0, 1, 4]), (["data/*"], [1, 2, 3]),
        (["data"], [1, 2, 3]), (["data/**"], [1, 2, 3]), (["data/?.parquet"], [1]),
        (["data[0-9]/*"], [4]), (["data/[!a]*"], [2, 3]), (["**"], [0, 1, 2, 3, 4]), ([], []),
        (["data/[", "data/a.parquet"], [1]), (["/data/a.parquet"], [1]), (["*"], [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_globs(patterns: list[str], expected: list[int]) -> None:
    assert match_files(NAMES, patterns) == sorted(NAMES[place] for place in expected)


@given(
    st.lists(st.text(alphabet="ab.", min_size=1, max_size=6), max_size=6),
    st.text(alphabet="ab.*?", max_size=6),
)
def test_globs_equal_the_standard_library_in_one_folder(names: list[str], pattern: str) -> None:
    expected = {name for name in names if fnmatch.fnmatchcase(name, pattern)}
    assert set(match_files(names, [pattern])) == expected


@given(st.text(max_size=40))
def test_any_pattern_is_an_answer(pattern: str) -> None:
    assert set(match_files(NAMES, [pattern])) <= set(NAMES)


def test_globs_are_linear() -> None:
    started = time.process_time()
    assert match_files(["a" * 1000 + "b"], ["*a" * 300 + "c"]) == []
    assert time.process_time() - started < 2


def make_card(metadata: str) -> bytes:
    return f"---\n{metadata}\n---\n# Text\n".encode()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("configs:\n- config_name: a\n  data_files: x/*.parquet", {"a": ("x/*.parquet",)}),
        (
            "configs:\n- config_name: a\n  data_files:\n  - split: train\n    path: [b, ./c]\n"
            "  - split: test\n    path: d",
            {"a": ("b", "c", "d")},
        ),
        ("configs:\n- config_name: a\n  data_files:\n    train: b\n    test: [c]", {"a": ("b", "c")}),
        ("configs:\n- config_name: a\n  data_dir: sub/", {"a": ("sub/**",)}),
        ("configs:\n- config_name: a\n  data_dir: sub\n  data_files: '*.txt'", {"a": ("sub/*.txt",)}),
        ("license: mit", {}), ("configs: 5", {}), ("configs: [5, {}]", {}), ("[", {}), ("a: *b", {}),
        ("configs:\n- config_name: 5\n  data_files: x", {}),
        ("configs:\n- config_name: a\n  data_files: {train: {b: 1}, test: 5}", {}),
        ("!!python/object/apply:os.system ['true']", {}),
    ],
)  # fmt: skip
def test_configurations(metadata: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert read_configs(make_card(metadata)) == expected


@pytest.mark.parametrize(
    "card", [b"", b"# no metadata", b"---\nconfigs:", b"\xff\xfe", b"---\n---"]
)
def test_cards_without_metadata(card: bytes) -> None:
    assert read_configs(card) == {}


def test_laughing_card_ends() -> None:
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
    ]
    started = time.process_time()
    assert read_configs(make_card("\n".join([*lines, "configs: *a29"]))) == {}
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "suffix", "readable"),
    [
        ("a.parquet", ".parquet", True), ("A.JSONL.GZ", ".jsonl", True), ("a.json.zst", ".json", True),
        ("x/b.txt", ".txt", True), ("dataset_infos.json", ".json", False), ("README.md", "", False),
        (".hidden/a.txt", ".txt", False), ("a.csv", "", False), ("a.gz", "", False),
    ],
)  # fmt: skip
def test_names(name: str, suffix: str, readable: bool) -> None:
    assert (find_suffix(name), is_readable(name)) == (suffix, readable)
