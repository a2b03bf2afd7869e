"""What a run's report says, as plain frozen models: the HTML and the JSON show the same."""

from collections.abc import Mapping, Sequence

from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import SplitFacts
from gristmill.schemas.yaml_files import Frozen


class ReasonCount(Frozen):
    """How many records of a stage a rule dropped, or a reason quarantined."""

    stage: str
    reason: str
    records: int


class StageFigures(Frozen):
    """One line of the funnel, with its cost."""

    stage: str
    units: int
    records_in: int
    kept: int
    dropped: int
    quarantined: int
    balanced: bool  # records_in == kept + dropped + quarantined
    bytes_in: int
    bytes_out: int
    cpu_seconds: float
    records_per_cpu_second: float | None  # per core; None where no time was measured
    peak_memory_bytes: int


class GroupCount(Frozen):
    """Documents of a language or a source, published and dropped."""

    name: str
    kept: int
    dropped: int


class Bin(Frozen):
    """Documents with lower <= value < upper; `upper` is None in the last, open bin."""

    lower: float
    upper: float | None
    measured: int
    kept: int


class Histogram(Frozen):
    """How a number is distributed over all measured and over the published documents."""

    name: str
    bins: tuple[Bin, ...]


class SizeCount(Frozen):
    """How many clusters have this many documents."""

    size: int
    clusters: int


class ClusterFigures(Frozen):
    """A large cluster, and a few of its documents."""

    cluster_id: str
    size: int
    doc_ids: tuple[str, ...]


class EvidenceFigures(Frozen):
    """One removal of a duplicate."""

    doc_id: str
    winner_id: str
    similarity: float
    rule: str


class DuplicateFigures(Frozen):
    """Clusters of duplicates and removals."""

    clusters: int = 0
    documents: int = 0  # that share a cluster with another one
    removed: int = 0
    sizes: tuple[SizeCount, ...] = ()
    largest: tuple[ClusterFigures, ...] = ()
    evidence: tuple[EvidenceFigures, ...] = ()


class Sample(Frozen):
    """A document as an example. `text` is None unless texts were asked for."""

    fate: str  # kept | dropped
    doc_id: str | None
    source: str
    url: str | None = None
    title: str | None = None
    language: str | None = None
    stage: str | None = None
    rule: str | None = None
    sentence: str | None = None  # such as word_count=2 < 50
    text: str | None = None  # the first characters, personal data replaced


class SplitFigures(Frozen):
    """Size of a published split."""

    split: str
    documents: int
    utf8_bytes: int
    tokens: int


class LossPoint(Frozen):
    """A point of the training curve."""

    step: int
    loss: float  # nats per token


class TrainingFigures(Frozen):
    """What training on the version gave."""

    bits_per_byte_before: float | None = None
    bits_per_byte_after: float | None = None
    parameters: int | None = None
    tokens: int | None = None
    device: str | None = None
    points: tuple[LossPoint, ...] = ()


class RunFigures(Frozen):
    """Everything that a report shows."""

    recipe: str
    recipe_digest: str = ""
    dataset: str | None = None
    version: str | None = None
    dataset_id: str | None = None
    stages: tuple[StageFigures, ...] = ()
    drops: tuple[ReasonCount, ...] = ()
    quarantine: tuple[ReasonCount, ...] = ()
    languages: tuple[GroupCount, ...] = ()
    sources: tuple[GroupCount, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    duplicates: DuplicateFigures = DuplicateFigures()
    samples: tuple[Sample, ...] = ()
    splits: tuple[SplitFigures, ...] = ()
    training: TrainingFigures | None = None

    def to_json(self) -> str:
        """Serialise for programs; NaN and infinity become null."""
        return self.model_dump_json(indent=2) + "\n"


def summarise_stage(stage: str, totals: StageTotals) -> StageFigures:
    """Turn a stage's totals into its line of the funnel."""
    dropped = sum(totals.dropped.values())
    quarantined = sum(totals.quarantined.values())
    speed = totals.records_in / totals.cpu_seconds if totals.cpu_seconds else None
    return StageFigures(
        stage=stage,
        units=totals.units,
        records_in=totals.records_in,
        kept=totals.kept,
        dropped=dropped,
        quarantined=quarantined,
        balanced=totals.records_in == totals.kept + dropped + quarantined,
        bytes_in=totals.bytes_in,
        bytes_out=totals.bytes_out,
        cpu_seconds=totals.cpu_seconds,
        records_per_cpu_second=speed,
        peak_memory_bytes=totals.peak_memory_bytes,
    )


def rank_reasons(stage: str, counts: Mapping[str, int]) -> list[ReasonCount]:
    """Order reasons by how often they struck, then by name; those that never did are left out."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ReasonCount(stage=stage, reason=name, records=count) for name, count in ranked if count]


def merge_groups(
    kept: Mapping[str, int], dropped: Mapping[str, int], most: int
) -> tuple[GroupCount, ...]:
    """Join two counters by name, largest first; all after `most` become one group ``other``."""
    names = sorted(kept.keys() | dropped.keys())
    names.sort(key=lambda name: -(kept.get(name, 0) + dropped.get(name, 0)))
    groups = [
        GroupCount(name=name, kept=kept.get(name, 0), dropped=dropped.get(name, 0))
        for name in names[:most]
    ]
    rest = names[most:]
    if rest:
        groups.append(
            GroupCount(
                name=f"other ({len(rest)})",
                kept=sum(kept.get(name, 0) for name in rest),
                dropped=sum(dropped.get(name, 0) for name in rest),
            )
        )
    return tuple(groups)


def summarise_splits(splits: Mapping[str, SplitFacts]) -> tuple[SplitFigures, ...]:
    """Sizes of the published splits, in the order of the manifest."""
    return tuple(
        SplitFigures(
            split=split,
            documents=facts.documents,
            utf8_bytes=facts.utf8_bytes,
            tokens=facts.tokens,
        )
        for split, facts in splits.items()
    )


def render_rule(
    rule: str, value: float | None, comparison: str | None, threshold: float | None
) -> str:
    """Say why a document was dropped: ``word_count=2 < 50``, or the rule alone."""
    if value is None:
        return rule
    if threshold is None or comparison is None:
        return f"{rule}={value:g}"
    return f"{rule}={value:g} {comparison} {threshold:g}"


def check_balances(figures: RunFigures) -> Sequence[str]:
    """Stages whose records do not add up; a report with any is wrong."""
    return [stage.stage for stage in figures.stages if not stage.balanced]
