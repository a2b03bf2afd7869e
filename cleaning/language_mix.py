"""The languages of a text line by line: pages that mix languages do it by lines.

A line counts if it has enough letters to say anything; what it weighs is its bytes.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.tables import LANGUAGE_MIX

#: A line with fewer letters says too little of its language.
LEAST_LETTERS: Final = 20
#: At most so many languages of a text are named.
MOST_LANGUAGES: Final = 5
SHARE_DECIMALS: Final = 4

Ints = npt.NDArray[np.int64]


def mix_languages(
    labels: Ints, weights: Ints, texts: Ints, count: int, names: Sequence[str]
) -> pa.ListArray:
    """Sum up the languages of lines by text.

    Args:
        labels: (l,) places in `names`.
        weights: (l,) bytes of each line.
        texts: (l,) the text of each line.
        count: n, of texts.
        names: of languages, distinct.

    Returns:
        n rows of `LANGUAGE_MIX`. Shares are of the bytes of all lines that count, rounded
        to `SHARE_DECIMALS`; a text without such lines has an empty list.
    """
    by_name = np.argsort(np.argsort(np.array(names, object)))
    pairs, which = np.unique(texts * len(names) + labels, return_inverse=True)
    sums = np.bincount(which, weights, len(pairs)).astype(np.int64)
    owners, languages = np.divmod(pairs, len(names))
    totals = np.bincount(owners, sums, count)
    order = np.lexsort((by_name[languages], -sums, owners))
    owners, languages, sums = owners[order], languages[order], sums[order]
    rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
    kept = rank < MOST_LANGUAGES
    owners, languages, sums = owners[kept], languages[kept], sums[kept]
    shares = np.round(sums / totals[owners], SHARE_DECIMALS).astype(np.float32)
    offsets = np.searchsorted(owners, np.arange(count + 1)).astype(np.int32)
    rows = pa.StructArray.from_arrays(
        [pa.array(names, pa.string()).take(pa.array(languages)), pa.array(shares)],
        fields=list(LANGUAGE_MIX.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), rows, type=LANGUAGE_MIX)
