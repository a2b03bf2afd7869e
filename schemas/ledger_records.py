"""What each unit of work leaves behind: counts, bytes, CPU seconds and a checksum of ids."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from pydantic import Field

from gristmill.schemas.errors import AccountingError
from gristmill.schemas.yaml_files import Frozen

UINT64 = (1 << 64) - 1


class PartFile(Frozen):
    """One file that a unit wrote, relative to the unit's folder."""

    name: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str


class UnitRecord(Frozen):
    """The ledger line of one finished unit.

    `ids_in` and `ids_kept` are order-free checksums: the sum modulo 2**64 of
    the first eight bytes of each doc_id.
    """

    stage: str
    unit_key: str
    title: str  # what a person calls the unit, such as a file name
    records_in: int = Field(ge=0)
    kept: int = Field(ge=0)
    dropped: dict[str, int] = Field(default_factory=dict)
    quarantined: dict[str, int] = Field(default_factory=dict)
    ids_in: int = Field(default=0, ge=0, le=UINT64)
    ids_kept: int = Field(default=0, ge=0, le=UINT64)
    bytes_in: int = Field(default=0, ge=0)
    bytes_out: int = Field(default=0, ge=0)
    cpu_seconds: float = Field(default=0.0, ge=0)
    peak_memory_bytes: int = Field(default=0, ge=0)
    parts: tuple[PartFile, ...] = ()
    facts: dict[str, int | float | str] = Field(default_factory=dict)

    def check_balance(self) -> None:
        """Require in = kept + dropped + quarantined.

        Raises:
            AccountingError: names the unit and the numbers.
        """
        lost = sum(self.dropped.values()) + sum(self.quarantined.values())
        if self.records_in != self.kept + lost:
            raise AccountingError(
                f"{self.stage} of {self.title} ({self.unit_key}): {self.records_in} in, but "
                f"{self.kept} kept + {sum(self.dropped.values())} dropped + "
                f"{sum(self.quarantined.values())} quarantined"
            )


class StageTotals(Frozen):
    """The sum of a stage's unit records."""

    units: int = 0
    records_in: int = 0
    kept: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    quarantined: dict[str, int] = Field(default_factory=dict)
    ids_in: int = 0
    ids_kept: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


def sum_counts(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add counters key by key; keys come out sorted."""
    total: dict[str, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))


def sum_records(records: Iterable[UnitRecord]) -> StageTotals:
    """Fold unit records into totals, after checking that each one balances."""
    checked = list(records)
    for record in checked:
        record.check_balance()
    return StageTotals(
        units=len(checked),
        records_in=sum(record.records_in for record in checked),
        kept=sum(record.kept for record in checked),
        dropped=sum_counts(record.dropped for record in checked),
        quarantined=sum_counts(record.quarantined for record in checked),
        ids_in=sum(record.ids_in for record in checked) & UINT64,
        ids_kept=sum(record.ids_kept for record in checked) & UINT64,
        bytes_in=sum(record.bytes_in for record in checked),
        bytes_out=sum(record.bytes_out for record in checked),
        cpu_seconds=round(sum(record.cpu_seconds for record in checked), 3),
        peak_memory_bytes=max((record.peak_memory_bytes for record in checked), default=0),
    )


def sum_ids(ids: npt.NDArray[np.uint8]) -> int:
    """Order-free checksum of ids, shape (n, 16): sum of their first eight bytes mod 2**64."""
    if len(ids) == 0:
        return 0
    words = np.ascontiguousarray(ids[:, :8]).view("<u8").ravel()
    return int(words.sum(dtype=np.uint64))
