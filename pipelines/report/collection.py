"""From stage totals and table parts to the figures of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gristmill.pipelines.report.figures import (
    ReasonCount,
    RunFigures,
    TrainingFigures,
    merge_groups,
    rank_reasons,
    summarise_splits,
    summarise_stage,
)
from gristmill.pipelines.report.samples import collect_samples
from gristmill.pipelines.report.table_counts import (
    LANGUAGE_SCORE_EDGES,
    WORD_COUNT_EDGES,
    Parts,
    build_histogram,
    count_values,
    summarise_duplicates,
)
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import SplitFacts

MAX_GROUPS = 40  # languages or sources with a line of their own


@dataclass(frozen=True)
class RunFacts:
    """What a report needs beside tables: names, totals, sizes."""

    recipe: str
    recipe_digest: str = ""
    dataset: str | None = None
    version: str | None = None
    dataset_id: str | None = None
    stages: Sequence[tuple[str, StageTotals]] = ()  # in the order they ran
    splits: Mapping[str, SplitFacts] = field(default_factory=dict)
    training: TrainingFigures | None = None


@dataclass(frozen=True)
class RunTables:
    """Parts of each table, as Parquet files; a table that does not exist has none."""

    documents: Parts = ()
    signals: Parts = ()
    clusters: Parts = ()
    evidence: Parts = ()
    dropped: Parts = ()
    curated: Parts = ()


def collect_figures(facts: RunFacts, tables: RunTables, *, with_text: bool) -> RunFigures:
    """Gather everything that a report shows.

    Args:
        facts: names, totals and sizes.
        tables: where the parts lie. Memory stays at one batch of one part.
        with_text: whether samples carry the first characters of their text. Leave it
            off for a report that leaves the machine.

    Returns:
        The figures; deterministic for the same tables.
    """
    drops: list[ReasonCount] = []
    quarantine: list[ReasonCount] = []
    for stage, totals in facts.stages:
        drops += rank_reasons(stage, totals.dropped)
        quarantine += rank_reasons(stage, totals.quarantined)
    groups = {
        column: merge_groups(
            count_values(tables.curated, column), count_values(tables.dropped, column), MAX_GROUPS
        )
        for column in ("language", "source")
    }
    return RunFigures(
        recipe=facts.recipe,
        recipe_digest=facts.recipe_digest,
        dataset=facts.dataset,
        version=facts.version,
        dataset_id=facts.dataset_id,
        stages=tuple(summarise_stage(stage, totals) for stage, totals in facts.stages),
        drops=tuple(drops),
        quarantine=tuple(quarantine),
        languages=groups["language"],
        sources=groups["source"],
        histograms=(
            build_histogram("word_count", WORD_COUNT_EDGES, tables.signals, tables.curated),
            build_histogram("language_score", LANGUAGE_SCORE_EDGES, tables.signals, tables.curated),
        ),
        duplicates=summarise_duplicates(tables.clusters, tables.evidence),
        samples=collect_samples(
            tables.curated, tables.dropped, tables.documents, tables.signals, with_text=with_text
        ),
        splits=summarise_splits(facts.splits),
        training=facts.training,
    )
