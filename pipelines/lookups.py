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
    """
    if len(documents) == len(others):
        return np.arange(len(others), dtype=np.int64)
    positions = np.empty(len(others), np.int64)
    place = 0
    for index, wanted in enumerate(others):
        while not np.array_equal(documents[place], wanted):
            place += 1
        positions[index] = place
        place += 1
    return positions
