"""What tests of dialects share: recorded values of a peer, and golden cases per table.

A case is ``tests/cases/<table>/<name>.txt``: a text, a marker line, and "kept" or the reason.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import real_texts

from gristmill.cleaning import policy
from gristmill.cleaning.policy import CUSTOM_TABLE, Policy

CASES = Path(__file__).parent / "cases"
MARKER = "\n--- expect ---\n"
#: Fewest real texts that a dialect is compared on.
FEWEST_TEXTS = 5000

Values = npt.NDArray[np.float64]


class Recorded(NamedTuple):
    """Texts of which a peer's values are recorded, and its arrays, row by row the same."""

    texts: pa.StringArray
    arrays: dict[str, npt.NDArray[Any]]


def load_recorded(peer: str, *per_text: str) -> Recorded:
    """Load what `peer` said of the real texts; skips where those are not on this machine.

    The arrays named in `per_text` have a row per text; others are given as they are.
    """
    texts = real_texts.load_texts()
    arrays = dict(np.load(CASES / "dialects" / f"{peer}.npz"))
    rows = {digest: row for row, digest in enumerate(arrays["digests"].tolist())}
    pairs = [
        (rows[digest], text)
        for digest, text in zip(real_texts.digest_texts(texts).tolist(), texts, strict=True)
        if digest in rows
    ]
    assert len({row for row, _ in pairs}) == len(rows), "recorded texts are gone: record anew"
    assert len(pairs) >= FEWEST_TEXTS
    order = np.array([row for row, _ in pairs])
    chosen = {name: array[order] if name in per_text else array for name, array in arrays.items()}
    return Recorded(pa.array([text for _, text in pairs], pa.string()), chosen)


def differ(ours: Values, theirs: Values) -> npt.NDArray[np.intp]:
    """List the rows where two columns differ in a single bit; NaN equals NaN."""
    return np.flatnonzero((ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs)))


def judge_with(dialect: Any, table: str, signals: pa.RecordBatch) -> pa.RecordBatch:
    """Judge a dialect's signals by one of its tables: one row of verdict each."""
    bounds = tuple((CUSTOM_TABLE, bound) for bound in dialect.TABLES[table])
    return policy.judge(signals, Policy(bounds=bounds))


def read_verdict(dialect: Any, table: str, text: str) -> str:
    """Say what a table says of one text: "kept" or the reason."""
    signals = dialect.measure(pa.array([text], pa.string()))
    (row,) = judge_with(dialect, table, signals).to_pylist()
    if row["kept"]:
        return "kept"
    return policy.render_reason(row["rule"], row["value"], row["threshold"], row["comparison"])


def list_cases(tables: Iterable[str]) -> list[Path]:
    """List the golden cases of tables; each table has one or more."""
    found = {table: sorted((CASES / table).glob("*.txt")) for table in tables}
    missing = [table for table, paths in found.items() if not paths]
    assert not missing, f"no cases of {missing}"
    return [path for paths in found.values() for path in paths]


def read_case(path: Path) -> tuple[str, str]:
    """Read a case: (text, expected verdict)."""
    text, _, expected = path.read_text(encoding="utf-8").partition(MARKER)
    return text, expected.strip()
