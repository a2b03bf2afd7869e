"""A bound on one metric: the row of every rule table."""

import dataclasses
import difflib
import math
from collections.abc import Collection

from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import DOCUMENT_METRICS


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """Drop a document whose metric is below `min` or above `max`; the limits are kept.

    Attributes:
        metric: one of `DOCUMENT_METRICS`.
        min: smallest value kept, or None.
        max: largest value kept, or None.

    Raises:
        SchemaError: the metric is unknown, or the limits are absent, crossed or not finite.
    """

    metric: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        require_known("metric", self.metric, DOCUMENT_METRICS)
        limits = [limit for limit in (self.min, self.max) if limit is not None]
        if not limits or limits != sorted(limits) or not all(map(math.isfinite, limits)):
            raise SchemaError(
                f"bound on {self.metric!r}: min={self.min}, max={self.max} bounds nothing"
            )


def require_known(what: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that nothing answers to, so that a misspelt rule cannot pass silently.

    Raises:
        SchemaError: the name is unknown; lists the closest known ones.
    """
    if name not in known:
        names = sorted(known)
        close = difflib.get_close_matches(name, names) or names
        raise SchemaError(f"unknown {what} {name!r}; did you mean {', '.join(close)}?")
