"""Tables: declared columns, in Parquet as in memory, and refused when they differ."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas import tables
from gristmill.schemas.errors import SchemaError

SCHEMAS = {name: value for name, value in vars(tables).items() if isinstance(value, pa.Schema)}
schemas = st.sampled_from(sorted(SCHEMAS))


def test_every_table_is_here():
    assert len(SCHEMAS) == 11


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_table_survives_parquet(tmp_path, name):
    schema = SCHEMAS[name]
    pq.write_table(schema.empty_table(), tmp_path / "table.parquet")
    found = pq.read_schema(tmp_path / "table.parquet")
    tables.require_schema(found, schema, "table.parquet")
    assert found.equals(schema)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_column_names_are_unique(name):
    assert len(set(SCHEMAS[name].names)) == len(SCHEMAS[name].names)


@pytest.mark.parametrize("name", ["DOCUMENTS", "DROPPED", "QUARANTINE", "CURATED"])
def test_rows_lead_back_to_their_bytes(name):
    found = [SCHEMAS[name].field(column.name) for column in tables.LOCATOR]
    assert found == list(tables.LOCATOR)
    assert not any(field.nullable for field in found)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_ids_are_sixteen_bytes(name):
    for field in SCHEMAS[name]:
        if field.name.endswith("_id") and field.name not in ("native_id", "licence_id"):
            assert field.type == pa.binary(16)


def test_quarantine_and_dropped_hold_no_text():
    for schema in (tables.QUARANTINE, tables.DROPPED):
        assert "text" not in schema.names


@given(schemas, st.data())
def test_a_missing_column_is_named(name, data):
    schema = SCHEMAS[name]
    lost = data.draw(st.sampled_from(schema.names))
    found = pa.schema([field for field in schema if field.name != lost])
    with pytest.raises(SchemaError, match=f"part 7: column '{lost}' is missing"):
        tables.require_schema(found, schema, "part 7")


@given(schemas, st.data())
def test_another_type_is_named(name, data):
    schema = SCHEMAS[name]
    index = data.draw(st.integers(0, len(schema) - 1))
    found = schema.set(index, schema.field(index).with_type(pa.duration("s")))
    expected = rf"column '{schema.names[index]}' is duration\[s\], not"
    with pytest.raises(SchemaError, match=expected):
        tables.require_schema(found, schema, "part 7")


@given(schemas, st.randoms())
def test_order_and_further_columns_are_free(name, random):
    schema = SCHEMAS[name]
    fields = [*schema, pa.field("further", pa.int8())]
    tables.require_schema(pa.schema(random.sample(fields, len(fields))), schema, "part 7")
