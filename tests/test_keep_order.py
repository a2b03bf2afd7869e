"""Keep order: criteria in turn, doc_id last, the same for any order of the input."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import keep_order
from gristmill.schemas.tables import ID

NAMES = ("priority", "quality", "newest", "longest")
DOCUMENTS = st.lists(
    st.tuples(
        st.integers(-2, 2),
        st.sampled_from([np.nan, 0.1, 0.10001, 0.5, -1.0, np.inf, -np.inf]),
        st.sampled_from([None, "1969-12-31", "2020-01-01", "2024-06-01T10:00:00"]),
        st.integers(0, 3),
    ),
    max_size=12,
)
Document = tuple[int, float, str | None, int]


def build_columns(documents: list[Document], names: list[int]) -> keep_order.KeepColumns:
    return keep_order.KeepColumns(
        doc_ids=pa.array([bytes([name]) * 16 for name in names], ID),
        priority=np.array([d[0] for d in documents], dtype=np.int64),
        quality=np.array([d[1] for d in documents], dtype=np.float64),
        date=np.array([d[2] for d in documents], dtype="datetime64[s]"),
        length=np.array([d[3] for d in documents], dtype=np.int64),
    )


def rank_slowly(document: Document, criteria: list[str]) -> list[float]:
    priority, quality, date, length = document
    seconds = -np.inf if date is None else float(np.datetime64(date, "s").astype(np.int64))
    steps = float(np.rint(np.clip(quality, -1e12, 1e12) * keep_order.QUALITY_STEPS))
    worst = -np.inf if np.isnan(quality) else steps
    values = {"priority": priority, "quality": -worst, "newest": -seconds, "longest": -length}
    return [values[name] for name in criteria]


@given(DOCUMENTS, st.permutations(NAMES), st.integers(0, 4), st.randoms(use_true_random=False))
def test_order_is_the_declared_one(documents, names, count, random) -> None:
    criteria = list(names[:count])
    numbers = list(range(len(documents)))
    random.shuffle(numbers)
    order = keep_order.sort_key(build_columns(documents, numbers), criteria)
    expected = sorted(
        range(len(documents)), key=lambda i: (*rank_slowly(documents[i], criteria), numbers[i])
    )
    assert order.dtype == np.int64 and order.tolist() == expected


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_input_order_does_not_matter(documents, random) -> None:
    numbers = list(range(len(documents)))
    shuffled = numbers.copy()
    random.shuffle(shuffled)
    order = keep_order.sort_key(build_columns(documents, numbers))
    again = keep_order.sort_key(build_columns([documents[i] for i in shuffled], shuffled))
    assert [shuffled[i] for i in again] == order.tolist()


def test_missing_columns_leave_it_to_the_next() -> None:
    columns = keep_order.KeepColumns(
        pa.array([b"b" * 16, b"a" * 16, b"c" * 16], ID), length=np.array([1, 1, 2])
    )
    assert keep_order.sort_key(columns).tolist() == [2, 1, 0]


def test_mistakes_are_refused() -> None:
    columns = keep_order.KeepColumns(pa.array([b"a" * 16], ID))
    with pytest.raises(ValueError, match="no criterion 'oldest'; there are priority, quality"):
        keep_order.sort_key(columns, ["oldest"])
    with pytest.raises(ValueError, match="length has 2 rows, doc_ids 1"):
        keep_order.KeepColumns(pa.array([b"a" * 16], ID), length=np.array([1, 2]))
