"""Finding the rows that concern one unit's documents in tables that concern all.

The tables are read one part at a time, so memory is bounded by a part and by
the rows found.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines.part_files import read_batches
from gristmill.schemas.errors import AccountingError


def find_rows(paths: Sequence[str], ids: pa.Array, schema: pa.Schema) -> pa.Table:
    """Rows whose doc_id is among `ids`, from all parts of a table keyed by doc_id.

    Args:
        paths: parts of the table.
        ids: doc_ids of the unit.
        schema: columns wanted; doc_id among them.
    """
    known = pc.unique(ids)
    found = [schema.empty_table()]
    for path in paths:
        for batch in read_batches(path, schema.names):
            mask = pc.is_in(batch["doc_id"], value_set=known)
            kept = batch.filter(mask)
            if kept.num_rows:
                found.append(pa.Table.from_batches([kept]).cast(schema))
    return pa.concat_tables(found).combine_chunks()


def align_rows(
    documents: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Positions of `others` in `documents`, of which it is a subsequence.

    Ids may repeat, so equal ids are matched in order, not by value alone.

    Args:
        documents: doc_ids, shape (n, 16).
        others: doc_ids, shape (m, 16), m <= n, in the same order.

    Returns:
        Shape (m,), ascending.

    Raises:
        AccountingError: `others` is not a subsequence of `documents`.
    """
    if np.array_equal(documents, others):
        return np.arange(len(others), dtype=np.int64)
    positions = np.empty(len(others), np.int64)
    known = [row.tobytes() for row in documents]
    place = -1
    for index, wanted in enumerate(others):
        try:
            place = known.index(wanted.tobytes(), place + 1)
        except ValueError:
            raise AccountingError(
                f"row {index} of {len(others)} has an id that is not, or not in this order, "
                f"among those of the {len(documents)} documents"
            ) from None
        positions[index] = place
    return positions
