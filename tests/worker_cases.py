"""Work functions that misbehave, for the tests of the pool."""

import os
import time

from gristmill.pipelines.children import UnitContext, UnitResult


def count_up(context: UnitContext) -> UnitResult:
    """Handle `documents` one by one; those in `params` hang, die, grow, raise or sleep."""
    params = context.unit.params
    kept, quarantined = [], {}
    for ordinal in range(params["documents"]):
        reason = context.watch.refusal(ordinal)
        if reason is not None:
            quarantined[reason] = quarantined.get(reason, 0) + 1
            continue
        context.watch.enter(ordinal)
        misbehave(params.get("bad", {}).get(str(ordinal)))
        kept.append(ordinal)
    (context.folder / "kept.txt").write_text(",".join(map(str, kept)))
    return UnitResult(params["documents"], len(kept), quarantined=quarantined)


def count_batches(context: UnitContext) -> UnitResult:
    """Handle documents in batches, so that the pool must find the bad one."""
    import pyarrow as pa

    params = context.unit.params
    ids = pa.RecordBatch.from_pydict({"ordinal": list(range(params["documents"]))})
    kept, quarantined = [], {}
    for first in range(0, params["documents"], params["batch"]):
        for rows, reason in context.watch.slices(ids.slice(first, params["batch"]), first):
            if reason is not None:
                quarantined[reason] = quarantined.get(reason, 0) + 1
                continue
            ordinals = rows["ordinal"].to_pylist()
            for ordinal in ordinals:
                misbehave(params.get("bad", {}).get(str(ordinal)))
            kept.extend(ordinals)
    (context.folder / "kept.txt").write_text(",".join(map(str, kept)))
    return UnitResult(params["documents"], len(kept), quarantined=quarantined)


def misbehave(how: str | None) -> None:
    if how == "hang":
        while True:
            pass
    if how == "sleep":
        time.sleep(3600)
    if how == "die":
        os._exit(7)
    if how == "grow":
        hoard = []
        while True:
            hoard.append(bytearray(8 << 20))
    if how == "raise":
        raise ValueError("the document says: secret text")


def lose_one(context: UnitContext) -> UnitResult:
    """Claim one record more than it accounts for."""
    return UnitResult(records_in=2, kept=1)


def refuse(context: UnitContext) -> UnitResult:
    """Fail for a reason that is no document's."""
    raise OSError(28, "No space left on device", "/somewhere/part.parquet")
