"""Licences of wiki pages by project and date of the revision."""

import datetime

import pytest

from gristmill.cleaning.wiki_sites import find_licence, name_site


@pytest.mark.parametrize(
    ("name", "date", "expected"),
    [
        ("enwiki", "2024-01-02", "CC-BY-SA-4.0"), ("enwiki", "2023-06-07", "CC-BY-SA-4.0"),
        ("enwiki", "2023-06-06", "CC-BY-SA-3.0"), ("enwiki", "2003-01-01", "CC-BY-SA-3.0"),
        ("dewiktionary", "2024-01-02", "CC-BY-SA-4.0"), ("frwikivoyage", "2020-01-02", "CC-BY-SA-3.0"),
        ("enwikinews", "2020-01-02", "CC-BY-2.5"), ("enwikinews", "2005-01-02", None),
        ("enwikinews", "2025-06-01", None), ("commonswiki", "2024-01-02", None), ("mywiki", None, None),
        ("x", "2024-01-02", None),
    ],
)  # fmt: skip
def test_licences(name: str, date: str | None, expected: str | None) -> None:
    moment = datetime.datetime.fromisoformat(f"{date}T00:00:00+00:00") if date else None
    assert find_licence(name_site(name), moment) == expected
