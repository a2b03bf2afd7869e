"""Who loses what: shares that add up, intervals that hold them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.fairness import ANY_RULE, REMOVAL_SHARES, find_interval, removal_shares
from gristmill.schemas.errors import SchemaError


def judge(*rules):
    return pa.RecordBatch.from_pydict(
        {
            "kept": pa.array([rule is None for rule in rules], pa.bool_()),
            "rule": pa.array(rules, pa.string()),
        }
    )


def test_shares_by_group_and_rule():
    groups = {"language": pa.array(["en", "en", "en", "de", None])}
    table = removal_shares(groups, judge("a", "b", None, "a", None))
    assert table.schema == REMOVAL_SHARES
    rows = [
        (row["group"], row["rule"], row["documents"], row["dropped"], row["share"], row["lift"])
        for row in table.to_pylist()
    ]
    assert rows == [
        ("de", ANY_RULE, 1, 1, 1.0, 1 / 0.6),
        ("de", "a", 1, 1, 1.0, 1 / 0.4),
        ("de", "b", 1, 0, 0.0, 0.0),
        ("en", ANY_RULE, 3, 2, 2 / 3, 2 / 3 / 0.6),
        ("en", "a", 3, 1, 1 / 3, 1 / 3 / 0.4),
        ("en", "b", 3, 1, 1 / 3, 1 / 3 / 0.2),
        (None, ANY_RULE, 1, 0, 0.0, 0.0),
        (None, "a", 1, 0, 0.0, 0.0),
        (None, "b", 1, 0, 0.0, 0.0),
    ]


def test_nothing_dropped_lifts_nothing():
    (row,) = removal_shares({"g": pa.array(["x"])}, judge(None)).to_pylist()
    assert (row["rule"], row["dropped"], row["lift"]) == (ANY_RULE, 0, None)
    assert removal_shares({}, judge()).num_rows == 0
    assert removal_shares({"g": pa.array([], pa.string())}, judge()).num_rows == 0


@pytest.mark.parametrize(
    ("dropped", "documents", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1000, 0.0002, 0.0056),
    ],
)
def test_intervals_are_wilsons(dropped, documents, low, high):
    found = find_interval(dropped, documents)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_an_interval_holds_its_share(dropped, kept):
    low, high = find_interval(dropped, dropped + kept)
    share = dropped / (dropped + kept) if dropped + kept else 0.5
    assert 0 <= low <= share <= high <= 1
    mirrored = find_interval(kept, dropped + kept)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", None]), st.sampled_from(["a", "b", None])), max_size=40
    ),
    st.randoms(use_true_random=False),
)
def test_shares_add_up_whatever_the_order(pairs, random):
    table = removal_shares(
        {"g": pa.array([group for group, _ in pairs], pa.string())},
        judge(*(rule for _, rule in pairs)),
    )
    rows = table.to_pylist()
    whole = [row for row in rows if row["rule"] == ANY_RULE]
    assert sum(row["documents"] for row in whole) == len(pairs)
    assert sum(row["dropped"] for row in whole) == sum(rule is not None for _, rule in pairs)
    for total in whole:
        parts = [row["dropped"] for row in rows if row["group"] == total["group"]]
        assert sum(parts) == 2 * total["dropped"]
    turned = random.sample(pairs, len(pairs))
    again = removal_shares(
        {"g": pa.array([group for group, _ in turned], pa.string())},
        judge(*(rule for _, rule in turned)),
    )
    assert again.equals(table)


def test_what_cannot_be_is_refused():
    with pytest.raises(SchemaError, match="rule"):
        removal_shares({}, judge(None).select(["kept"]))
    with pytest.raises(SchemaError, match="2 values"):
        removal_shares({"g": pa.array(["x", "y"])}, judge(None))
    unsound = pa.RecordBatch.from_pydict({"kept": [True], "rule": ["a"]})
    with pytest.raises(SchemaError, match="sound"):
        removal_shares({}, unsound)
    with pytest.raises(SchemaError):
        find_interval(2, 1)
