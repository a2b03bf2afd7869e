"""The books: in = kept + dropped + quarantined, and totals that forget no unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas.errors import AccountingError
from gristmill.schemas.ledger_records import UINT64, UnitRecord, sum_counts, sum_ids, sum_records

counters = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50), max_size=3)


@st.composite
def records(draw) -> UnitRecord:
    kept, dropped, quarantined = draw(st.integers(0, 50)), draw(counters), draw(counters)
    return UnitRecord(
        stage="measure",
        unit_key=draw(st.text("0123456789abcdef", min_size=4, max_size=4)),
        title="a.warc.gz",
        records_in=kept + sum(dropped.values()) + sum(quarantined.values()),
        kept=kept,
        dropped=dropped,
        quarantined=quarantined,
        ids_in=draw(st.integers(0, UINT64)),
        ids_kept=draw(st.integers(0, UINT64)),
        bytes_in=draw(st.integers(0, 1 << 40)),
        bytes_out=draw(st.integers(0, 1 << 40)),
        cpu_seconds=draw(st.floats(0, 1e4)),
        peak_memory_bytes=draw(st.integers(0, 1 << 40)),
    )


@given(records(), st.integers(-60, 60))
def test_only_balanced_records_pass(record, lost):
    if lost == 0 or record.records_in + lost < 0:
        record.check_balance()
        return
    tampered = record.model_copy(update={"records_in": record.records_in + lost})
    with pytest.raises(AccountingError, match=r"a\.warc\.gz") as refusal:
        tampered.check_balance()
    assert f"{tampered.records_in} in, but {record.kept} kept" in str(refusal.value)


@given(st.lists(records(), max_size=6), st.randoms())
def test_totals_are_sums_in_any_order(units, random):
    shuffled = random.sample(units, len(units))
    totals = sum_records(units)
    again = sum_records(shuffled)
    assert again.model_copy(update={"cpu_seconds": totals.cpu_seconds}) == totals
    assert totals.units == len(units)
    assert totals.kept == sum(unit.kept for unit in units)
    lost = sum(totals.dropped.values()) + sum(totals.quarantined.values())
    assert totals.records_in == totals.kept + lost
    assert totals.ids_in == sum(unit.ids_in for unit in units) % 2**64
    assert totals.ids_kept == sum(unit.ids_kept for unit in units) % 2**64
    assert totals.peak_memory_bytes == max((u.peak_memory_bytes for u in units), default=0)
    assert totals.cpu_seconds == pytest.approx(sum(u.cpu_seconds for u in units), abs=0.001)


@given(st.lists(records(), min_size=1, max_size=4))
def test_totals_of_totals_add_no_record_that_does_not_balance(units):
    broken = units[-1].model_copy(update={"kept": units[-1].kept + 1})
    with pytest.raises(AccountingError):
        sum_records([*units[:-1], broken])


@given(st.lists(counters, max_size=5))
def test_counters_add_key_by_key(parts):
    total = sum_counts(parts)
    assert list(total) == sorted({key for part in parts for key in part})
    assert all(total[key] == sum(part.get(key, 0) for part in parts) for key in total)


ids = st.lists(st.binary(min_size=16, max_size=16), max_size=20)


def stack(values: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16)


@given(ids, ids, st.randoms())
def test_the_checksum_of_ids_has_no_order_and_adds_up(left, right, random):
    whole = left + right
    expected = sum(int.from_bytes(value[:8], "little") for value in whole) % 2**64
    assert sum_ids(stack(whole)) == expected
    assert sum_ids(stack(random.sample(whole, len(whole)))) == expected
    assert (sum_ids(stack(left)) + sum_ids(stack(right))) & UINT64 == expected


@given(ids.filter(bool), st.data())
def test_the_checksum_notices_a_lost_or_doubled_document(values, data):
    index = data.draw(st.integers(0, len(values) - 1))
    if any(values[index][:8]):
        assert sum_ids(stack(values[:index] + values[index + 1 :])) != sum_ids(stack(values))
        assert sum_ids(stack([*values, values[index]])) != sum_ids(stack(values))


def test_a_record_survives_its_file():
    record = UnitRecord(
        stage="s", unit_key="k", title="t", records_in=3, kept=1, dropped={"r": 2}, facts={"n": 1.5}
    )
    assert UnitRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("field", ["records_in", "kept", "bytes_in", "ids_in", "cpu_seconds"])
def test_no_count_is_negative(field):
    values = {"stage": "s", "unit_key": "k", "title": "t", "records_in": 0, "kept": 0, field: -1}
    with pytest.raises(ValueError, match=field):
        UnitRecord(**values)
