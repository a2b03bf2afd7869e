"""A bound on one metric: the row of every rule table."""

import dataclasses
import difflib
import math
from collections.abc import Collection

from gristmill.schemas.errors import SchemaError


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """Keep a document only if its metric lies within these limits.

    A metric that is NaN says nothing, and bounds nothing.

    Attributes:
        metric: name of a signal, such as ``word_count`` or ``word_count@dolma``. Whoever
            builds a policy checks that something measures it.
        min: smallest value kept, or None.
        max: largest value kept, or None.
        above: values up to this one are dropped, itself too; or None.
        below: values from this one on are dropped, itself too; or None.

    Raises:
        SchemaError: the limits are absent, crossed or not finite, or a side has two.
    """

    metric: str
    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        lower = [limit for limit in (self.min, self.above) if limit is not None]
        upper = [limit for limit in (self.max, self.below) if limit is not None]
        limits = lower + upper
        ordered = limits == sorted(limits) and all(map(math.isfinite, limits))
        if not limits or len(lower) > 1 or len(upper) > 1 or not ordered:
            raise SchemaError(f"bound on {self.metric!r} bounds nothing: {self}")


def require_known(what: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that nothing answers to, so that a misspelt rule cannot pass silently.

    Raises:
        SchemaError: the name is unknown; lists the closest known ones.
    """
    if name not in known:
        names = sorted(known)
        close = difflib.get_close_matches(name, names) or names
        raise SchemaError(f"unknown {what} {name!r}; did you mean {', '.join(close)}?")
