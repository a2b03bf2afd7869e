"""Quarantine rows for documents that a later stage could not handle."""

import pyarrow as pa

from gristmill.pipelines.part_files import as_batch, complete_rows
from gristmill.schemas.tables import QUARANTINE


def quarantine_rows(documents: pa.RecordBatch, stage: str, reason: str) -> pa.RecordBatch:
    """Make rows of `QUARANTINE` for documents that killed a child.

    Args:
        documents: has doc_id, source, native_id, url and the locator columns.
        stage: where it happened.
        reason: one of `fates.QUARANTINE_REASONS`.
    """
    rows = documents.num_rows
    given = {
        "stage": pa.array([stage] * rows),
        "reason": pa.array([reason] * rows),
        "detail": pa.array(["killed while this document was handled"] * rows),
    }
    return as_batch(complete_rows(QUARANTINE, given, documents))
