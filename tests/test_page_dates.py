"""`parse_date`: what pages write, what has two readings, and what is out of range."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.page_dates import EARLIEST, find_date, parse_date

UTC = datetime.UTC


def at(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2019-08-14", at(2019, 8, 14)),
        (" 2019-8-4\n", at(2019, 8, 4)),
        ("2019-08", at(2019, 8, 1)),
        ("2019/08/14", at(2019, 8, 14)),
        ("2019.08.14 10:00", at(2019, 8, 14, 10)),
        ("20190814", at(2019, 8, 14)),
        ("20190814T101112Z", at(2019, 8, 14, 10, 11, 12)),
        ("2019-08-14T10:11:12Z", at(2019, 8, 14, 10, 11, 12)),
        ("2019-08-14T10:11:12.345+02:00", at(2019, 8, 14, 8, 11, 12)),
        ("2019-08-14 10:11:12 -0500", at(2019, 8, 14, 15, 11, 12)),
        ("2019-08-14T10:11+0530", at(2019, 8, 14, 4, 41)),
        ("2019-08-14T25:00", at(2019, 8, 14)),
        ("Wed, 14 Aug 2019 10:11:12 GMT", at(2019, 8, 14, 10, 11, 12)),
        ("Wed Aug 14 2019 10:11:12 GMT+0200 (CEST)", at(2019, 8, 14, 8, 11, 12)),
        ("Wed Aug 14 10:11:12 UTC 2019", at(2019, 8, 14, 10, 11, 12)),
        ("August 14, 2019", at(2019, 8, 14)),
        ("Aug. 14th, 2019 at 5:30 pm", at(2019, 8, 14, 17, 30)),
        ("Sept 3, 2020 12:05 AM", at(2020, 9, 3, 0, 5)),
        ("14 August 2019", at(2019, 8, 14)),
        ("Thursday, 1st of March 2020", at(2020, 3, 1)),
    ],
)
def test_written_dates(value: str, expected: datetime.datetime) -> None:
    assert parse_date(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", "yesterday", "2019", "03/04/2019", "3.4.2019", "2019-13-01", "2019-02-30"),
        *("201908141011", "1970-01-01", "0001-01-01T00:00:00Z", "1989-12-31"),
        *("2019-08-14T10:11:12+25:00", "2019-W33-3", "2019-08/14", "2019814", "1565777472"),
        *("Foo 14, 2019", "May 2019"),
    ],
)
def test_no_dates(value: str) -> None:
    assert parse_date(value) is None


def test_dates_after_the_capture_are_mistakes() -> None:
    assert parse_date("2024-05-07", at(2024, 5, 6, 12)) == at(2024, 5, 7)
    assert parse_date("2024-05-08", at(2024, 5, 6, 12)) is None


@given(
    st.datetimes(datetime.datetime(1990, 1, 2), datetime.datetime(2200, 1, 1)),
    st.integers(-14, 14),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S %z", "%Y/%m/%d %H:%M:%S%z"])
    | st.sampled_from(["%a, %d %b %Y %H:%M:%S %z", "%B %d, %Y %I:%M:%S %p %z"]),
)
def test_formatted_dates_come_back(moment: datetime.datetime, hours: int, form: str) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=hours))
    aware = moment.replace(microsecond=0, tzinfo=zone)
    assert parse_date(aware.strftime(form)) == aware


@given(
    st.text(max_size=60) | st.from_regex(r"[0-9]{1,5}[-/. ][0-9a-z]{1,5}[-/. ][0-9]{1,5}.{0,20}")
)
def test_any_text_is_a_date_in_range_or_none(value: str) -> None:
    date = parse_date(value, at(2024, 5, 6))
    assert date is None or EARLIEST <= date <= at(2024, 5, 7)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/2019/08/14/mills", at(2019, 8, 14)),
        ("https://h/blog/2019-8-4", at(2019, 8, 4)),
        ("https://h/a/b/2019/08/14.html", at(2019, 8, 14)),
        ("https://h/2019/08/mills", None),
        ("https://h/2019/13/14/", None),
        ("https://h/12019/08/14/", None),
        ("https://h/?/2019/08/14/", None),
        ("https://2019/08/14/", None),
        ("", None),
    ],
)
def test_dates_of_addresses(url: str, expected: datetime.datetime | None) -> None:
    assert find_date(url) == expected
    assert find_date(url, at(2010, 1, 1)) is None
