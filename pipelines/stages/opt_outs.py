"""Opt-outs in decide: what pages and robots.txt reserve, and which of it a recipe heeds."""

import fnmatch
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.schemas.tables import OPT_OUTS


def match_opt_outs(opt_outs: pa.Array, patterns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which documents have a reservation that some pattern names.

    Args:
        opt_outs: `OPT_OUTS` of each document.
        patterns: reservations, in which ``*`` stands for anything.
    """
    found = np.zeros(len(opt_outs), bool)
    flat = opt_outs.flatten()
    if not patterns or not len(flat):
        return found
    names = flat.dictionary_encode()
    meant = [
        any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        for name in names.dictionary.to_pylist()
    ]
    hits = np.array(meant, bool)[np.asarray(names.indices)]
    found[np.asarray(pc.list_parent_indices(opt_outs))[hits]] = True
    return found


def merge_opt_outs(ids: pa.Array, own: pa.Array, consents: pa.Table) -> pa.Array:
    """Add what robots.txt reserves to what pages themselves do.

    Args:
        ids: doc_ids, in any order.
        own: `OPT_OUTS` of each.
        consents: rows of `CONSENTS` of at least these documents.
    """
    if not consents.num_rows:
        return own
    place = pc.index_in(ids, value_set=consents["doc_id"].combine_chunks()).to_pylist()
    listed = consents["opt_outs"].to_pylist()
    merged = [
        mine if where is None else sorted({*(mine or ()), *listed[where]})
        for mine, where in zip(own.to_pylist(), place, strict=True)
    ]
    return pa.array(merged, OPT_OUTS)
