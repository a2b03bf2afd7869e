"""The lists of a recipe: what they accept, and what of them decides the bytes of a dataset."""

import pydantic
import pytest

from gristmill.schemas.list_files import UrlList, UrlWordList, WordList

PIN = "0" * 64
MAKERS = [
    lambda path, sha256: WordList(language="en", path=path, sha256=sha256),
    lambda path, sha256: UrlList(category="ads", path=path, sha256=sha256),
    lambda path, sha256: UrlWordList(kind="hard", path=path, sha256=sha256),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_list_needs_a_path_and_a_whole_pin(make):
    make("words.txt", PIN)
    for path, sha256 in (("", PIN), ("words.txt", ""), ("words.txt", "A" * 64), ("x", "0" * 63)):
        with pytest.raises(pydantic.ValidationError):
            make(path, sha256)


@pytest.mark.parametrize("make", MAKERS)
def test_where_a_list_lies_decides_nothing(make):
    assert make("a", PIN).fragment() == make("s3://b/c", PIN).fragment()
    assert make("a", PIN).fragment() != make("a", "1" * 64).fragment()


def test_what_a_list_is_decides():
    kinds = [UrlList(category="c", path="p", sha256=PIN, kind=kind) for kind in ("domains", "urls")]
    assert kinds[0].fragment() != kinds[1].fragment()
    assert WordList(language="en", path="p", sha256=PIN).kind == "entries"


@pytest.mark.parametrize("language", ["en", "fil", "fr-CA-u-sd-caqc", "zh_Hant"])
def test_codes_of_languages(language):
    assert WordList(language=language, path="p", sha256=PIN).language == language


def test_names_that_are_none():
    with pytest.raises(pydantic.ValidationError):
        WordList(language="english words", path="p", sha256=PIN)
    with pytest.raises(pydantic.ValidationError):
        UrlList(category="a b", path="p", sha256=PIN)
    with pytest.raises(pydantic.ValidationError):
        UrlList(category="a", path="p", sha256=PIN, surprise=1)
