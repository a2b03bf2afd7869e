"""Who loses what: the share of each group's documents that each rule drops.

A difference in shares is a question and no answer: a rule may drop more of one group
because there is more to drop. The interval says whether there is a difference at all.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.errors import SchemaError

#: Two-sided 95 %.
_NORMAL_QUANTILE: Final = 1.959963984540054
#: What stands for all rules together.
ANY_RULE: Final = "*"

#: A row per grouping, group and rule that dropped anything, and one for all rules. `group`
#: is null for documents without one. `lift`: the group's share over that of all
#: documents; null where the rule drops none. `low`, `high`: Wilson's 95 % interval of `share`.
REMOVAL_SHARES: Final = pa.schema(
    [
        pa.field("grouping", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("dropped", pa.int64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("lift", pa.float64()),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
    ]
)


class Interval(NamedTuple):
    """The bounds of a share."""

    low: float
    high: float


def find_interval(dropped: int, documents: int) -> Interval:
    """Find Wilson's 95 % interval of a share (Wilson 1927); (0, 1) of no documents.

    Raises:
        SchemaError: more are dropped than there are, or fewer than none.
    """
    if not 0 <= dropped <= documents:
        raise SchemaError(f"{dropped} of {documents} documents cannot be dropped")
    if documents == 0:
        return Interval(0.0, 1.0)
    share, square = dropped / documents, _NORMAL_QUANTILE**2
    centre = share + square / (2 * documents)
    spread = _NORMAL_QUANTILE * math.sqrt(
        share * (1 - share) / documents + square / (4 * documents**2)
    )
    scale = 1 + square / documents
    # Rounding must not put the share itself outside.
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return Interval(max(0.0, min(low, share)), min(1.0, max(high, share)))


def removal_shares(groups: Mapping[str, pa.Array], verdicts: pa.RecordBatch) -> pa.Table:
    """Measure the share of each group's documents that each rule drops.

    Args:
        groups: by the name of a grouping (language, domain, topic), the group of each of n
            documents, as strings; null for none.
        verdicts: n rows with `kept` and, of dropped ones, `rule`.

    Returns:
        Rows of `REMOVAL_SHARES`: groupings in their order, groups by name, null last,
        rules by name, all rules together first.

    Raises:
        SchemaError: a column is missing or has another length.
    """
    missing = {"kept", "rule"} - set(verdicts.schema.names)
    if missing:
        raise SchemaError(f"verdicts lack {sorted(missing)}; found {verdicts.schema.names}")
    rules, rule_codes = _number(verdicts.column("rule"))
    kept = verdicts.column("kept").to_numpy(zero_copy_only=False).astype(np.bool_)
    if np.any(kept != (rule_codes == len(rules))):
        raise SchemaError(
            "verdicts are not sound: a rule stands where, and only where, none is kept"
        )
    rows: list[tuple[object, ...]] = []
    for grouping, column in groups.items():
        if len(column) != verdicts.num_rows:
            raise SchemaError(
                f"grouping {grouping!r} has {len(column)} values for {verdicts.num_rows} verdicts"
            )
        names, codes = _number(column)
        counts = np.zeros((len(names) + 1, len(rules) + 1), np.int64)
        np.add.at(counts, (codes, rule_codes), 1)
        rows += [(grouping, *row) for row in list_shares([*names, None], rules, counts)]
    columns = list(zip(*rows, strict=True)) or [()] * len(REMOVAL_SHARES)
    arrays = [
        pa.array(column, field.type) for column, field in zip(columns, REMOVAL_SHARES, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=REMOVAL_SHARES)


def _number(column: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Number the values of a column by name; null is the number after the last."""
    coded = column.cast(pa.string()).dictionary_encode()
    names = coded.dictionary.to_pylist()
    ordered = sorted(names)
    place = {name: number for number, name in enumerate(ordered)}
    numbers = np.array([*(place[name] for name in names), len(names)], np.int64)
    return ordered, numbers[coded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)]


def list_shares(
    names: list[str | None], rules: list[str], counts: npt.NDArray[np.int64]
) -> Iterator[tuple[object, ...]]:
    """List the shares of one grouping.

    Args:
        names: of its groups.
        rules: that drop.
        counts: documents, shape (groups, rules + 1); the last column counts those kept.

    Yields:
        (group, rule, documents, dropped, share, lift, low, high) as in `REMOVAL_SHARES`.
    """
    documents = counts.sum(axis=1)
    dropped = np.column_stack([documents - counts[:, -1], counts[:, :-1]])
    overall = dropped.sum(axis=0) / max(1, documents.sum())
    for group, name in enumerate(names):
        if documents[group] == 0:
            continue
        for rule, label in enumerate([ANY_RULE, *rules]):
            count, total = int(dropped[group, rule]), int(documents[group])
            share = count / total
            lift = share / float(overall[rule]) if overall[rule] else None
            yield name, label, total, count, share, lift, *find_interval(count, total)
