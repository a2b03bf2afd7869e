"""What holds of every dialect, whatever it counts: total, closed, and of one text at a time."""

import importlib
import pkgutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import dialects
from gristmill.cleaning.bounds import Bound
from gristmill.schemas.errors import SchemaError

MODULES = [
    importlib.import_module(f"{dialects.__name__}.{info.name}")
    for info in pkgutil.iter_modules(dialects.__path__)
]
DIALECTS = [module for module in MODULES if hasattr(module, "measure") and hasattr(module, "NAME")]
PIECES = st.sampled_from(
    [
        "the", "the the of", "Word", "word", "\u2026", "...", "\u2022 item", "- item", "* item",
        "#", "##", "{", "}", "javascript", "Lorem ipsum", "privacy policy", "[1]", "[edit]", "\n",
        "\n\n", "\r\n", "\t", " ", "\u00a0", "\u2028", "\x1c", "\x85", "\x00", "\u4f60\u597d", "\u0e01\u0e32",
        "\u0645\u0631\u062d\u0628\u0627", "\u0130", "\u212a", "\U0001f600", "\U000e0041", "e\u0301", "\ufeff",
        "http://a.b/%20", "a@b.cd", "3.14", "It ends.", 'She said "no!"', "x" * 70, "'", "\u201d",
    ]
)  # fmt: skip
TEXTS = st.lists(
    st.text(max_size=40)
    | st.lists(PIECES, max_size=25).map("".join)
    | st.lists(PIECES, max_size=25).map(" ".join),
    max_size=5,
)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.NAME)


def measure_texts(dialect, texts):
    return dialect.measure(pa.array(texts, pa.string()))


def assert_same(ours, others):
    """Two batches are equal to the bit; NaN equals NaN."""
    assert ours.schema.equals(others.schema)
    for name in ours.schema.names:
        left, right = ours[name], others[name]
        if pa.types.is_floating(left.type):
            assert np.array_equal(left.to_numpy(), right.to_numpy(), equal_nan=True), name
        else:
            assert left.to_pylist() == right.to_pylist(), name


def test_there_are_dialects_and_each_has_a_name_of_its_own():
    names = [dialect.NAME for dialect in DIALECTS]
    assert {"dolma", "nemo"} <= set(names)
    assert len(names) == len(set(names))
    assert all(dialect.__name__.endswith(f".{dialect.NAME}") for dialect in DIALECTS)


@every_dialect
@given(texts=TEXTS)
def test_any_text_has_all_signals(dialect, texts):
    signals = measure_texts(dialect, texts)
    assert signals.schema.equals(dialect.SCHEMA)
    assert signals.num_rows == len(texts)
    signals.validate(full=True)
    assert all(column.null_count == 0 for column in signals.columns)


@every_dialect
@given(texts=TEXTS, start=st.integers(0, 5))
def test_a_slice_is_measured_as_the_whole_is(dialect, texts, start):
    array = pa.array(texts, pa.string())
    assert_same(dialect.measure(array.slice(start)), dialect.measure(array).slice(start))


@every_dialect
@given(texts=TEXTS)
def test_the_order_of_the_batch_changes_nothing(dialect, texts):
    forwards, backwards = measure_texts(dialect, texts), measure_texts(dialect, texts[::-1])
    for row in range(len(texts)):
        assert_same(forwards.slice(row, 1), backwards.slice(len(texts) - 1 - row, 1))


@every_dialect
@given(texts=TEXTS)
def test_measuring_again_gives_the_same_bits(dialect, texts):
    first = measure_texts(dialect, texts)
    measure_texts(dialect, ["something else in between " * 20])
    assert_same(measure_texts(dialect, texts), first)


@every_dialect
def test_texts_with_nulls_are_refused(dialect):
    with pytest.raises(SchemaError, match="null"):
        measure_texts(dialect, ["text", None])


@every_dialect
def test_no_texts_have_no_rows(dialect):
    assert measure_texts(dialect, []).num_rows == 0


@every_dialect
def test_columns_are_named_after_the_dialect(dialect):
    names = dialect.SCHEMA.names
    assert names
    assert len(set(names)) == len(names)
    for field in dialect.SCHEMA:
        assert field.name.endswith(f"@{dialect.NAME}")
        assert not field.nullable


@every_dialect
def test_tables_bound_numbers_that_the_dialect_measures(dialect):
    numbers = {field.name for field in dialect.SCHEMA if field.type == pa.float64()}
    assert dialect.TABLES
    for table, bounds in dialect.TABLES.items():
        assert bounds, table
        assert all(isinstance(bound, Bound) for bound in bounds)
        metrics = [bound.metric for bound in bounds]
        assert set(metrics) <= numbers, table
        assert len(set(metrics)) == len(metrics), table
    with pytest.raises(TypeError):
        dialect.TABLES["mine"] = ()


@every_dialect
def test_each_table_cites_its_source_in_one_line(dialect):
    assert dialect.SOURCES.keys() == dialect.TABLES.keys()
    for source in dialect.SOURCES.values():
        assert 10 < len(source) < 250
        assert "\n" not in source


@every_dialect
@given(texts=TEXTS)
def test_line_filters_take_any_text_and_add_nothing(dialect, texts):
    for name, keep_lines in dialect.LINE_FILTERS.items():
        for text in texts:
            left = keep_lines(text)
            assert left == keep_lines(text), name
            assert len(left) <= len(text), name


@every_dialect
def test_warming_up_needs_no_text(dialect):
    assert dialect.warm_up() is None
