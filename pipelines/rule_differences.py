"""Which documents of a sample change side between two policies, and why."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from gristmill.cleaning.policy import Policy, judge, render_reason
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.policy_files import load_rule
from gristmill.pipelines.sample_texts import Sample, read_sample
from gristmill.pipelines.stages.instruments import Instruments, list_instruments
from gristmill.schemas.recipe import Cleaning, Measuring

BATCH_ROWS: Final = 1024
KEPT: Final = "kept"


@dataclasses.dataclass
class Differences:
    """Verdicts of two policies on the same documents.

    Attributes:
        first: name of the one policy.
        second: name of the other.
        documents: how many there were.
        sides: documents by (kept by the first, kept by the second).
        changes: (document, reason of the first, reason of the second) of those that
            only one keeps.
    """

    first: str
    second: str
    documents: int = 0
    sides: Counter[tuple[bool, bool]] = dataclasses.field(default_factory=Counter)
    changes: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> int:
        """Documents that only one policy keeps."""
        return self.sides[True, False] + self.sides[False, True]

    def count_sides(self) -> dict[str, int]:
        """Documents by who keeps them."""
        return {
            "both keep": self.sides[True, True],
            f"only {self.first} keeps": self.sides[True, False],
            f"only {self.second} keeps": self.sides[False, True],
            "both drop": self.sides[False, False],
        }

    def list_changes(self, rows: int) -> Iterator[dict[str, str]]:
        """The first documents that change side, in the order of the sample."""
        for document, first, second in self.changes[:rows]:
            yield {"document": document, "first": first, "second": second}

    def describe(self, rows: int) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "documents": self.documents,
            "sides": self.count_sides(),
            "changes": list(self.list_changes(rows)),
        }


def compare_rules(first: str, second: str, sample: Path) -> Differences:
    """Measure a sample and judge it twice.

    Args:
        first: table, line rule, preset or policy file.
        second: the same.
        sample: see `sample_texts.read_sample`.

    Raises:
        RecipeError: a name is unknown.
        UsageError: the sample cannot be read.
    """
    choices = [load_rule(first), load_rule(second)]
    policies = [build_policy(choice) for choice in choices]
    dialects = frozenset().union(*(policy.list_dialects() for policy in policies))
    measuring = Measuring(dialects=tuple(sorted(dialects)))
    tools = Instruments(
        list_instruments(measuring, Cleaning(rule_tables=(), line_rule=None), Path())
    )
    found = Differences(first, second)
    samples = read_sample(sample)
    while rows := list(itertools.islice(samples, BATCH_ROWS)):
        _judge_samples(found, rows, policies, tools)
    return found


def _judge_samples(
    found: Differences, rows: list[Sample], policies: list[Policy], tools: Instruments
) -> None:
    texts = pa.array([row.text for row in rows], pa.string())
    signals = tools.measure_texts(texts)
    verdicts = [judge(signals, policy).to_pylist() for policy in policies]
    found.documents += len(rows)
    for row, first, second in zip(rows, *verdicts, strict=True):
        found.sides[first["kept"], second["kept"]] += 1
        if first["kept"] != second["kept"]:
            found.changes.append((row.name, _explain(first), _explain(second)))


def _explain(verdict: dict[str, Any]) -> str:
    if verdict["kept"]:
        return KEPT
    reason = render_reason(*(verdict[key] for key in ("rule", "value", "threshold", "comparison")))
    return f"{verdict['rule'].partition('/')[0]}: {reason}"
