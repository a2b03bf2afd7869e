"""What every dialect says in the same way: its columns, bounds on them, a batch of its rows."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound


def name_columns(dialect: str, stems: Iterable[str]) -> list[pa.Field]:
    """Name the columns of metrics: ``<stem>@<dialect>``, float64 without nulls."""
    return [pa.field(f"{stem}@{dialect}", pa.float64(), nullable=False) for stem in stems]


def bound_stem(
    dialect: str, stem: str, low: float | None = None, high: float | None = None
) -> Bound:
    """Bound a metric of a dialect by its stem; the limits are kept."""
    return Bound(metric=f"{stem}@{dialect}", min=low, max=high)


def read_bounds(dialect: str, bounds: Iterable[Bound]) -> tuple[Bound, ...]:
    """Put the limits of a reference table on the dialect's own metrics of the same stems."""
    return tuple(dataclasses.replace(bound, metric=f"{bound.metric}@{dialect}") for bound in bounds)


def make_batch(metrics: npt.NDArray[np.float64], schema: pa.Schema) -> pa.RecordBatch:
    """Turn rows of metrics, shape (n, columns), into n rows of a schema of float64 columns."""
    columns = [pa.array(column) for column in np.ascontiguousarray(metrics.T)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
