"""Sections that show single documents: duplicates with their proof, and samples."""

from typing import Final

from gristmill.pipelines.report.charts import draw_bar
from gristmill.pipelines.report.figures import RunFigures, Sample
from gristmill.pipelines.report.markup import Markup, element, join_markup, preformatted
from gristmill.pipelines.report.sections import NOTHING, build_table, number_cell, wrap_section

MAX_SIZES: Final = 12
OPEN_SAMPLES: Final = 2  # of each fate; the others open on a click


def show_duplicates(figures: RunFigures) -> Markup:
    """Sizes of clusters, the largest ones, and removals with their proof."""
    found = figures.duplicates
    if not found.clusters and not found.evidence:
        return NOTHING
    counts = [(f"{size.size:,}", size.clusters) for size in found.sizes[:MAX_SIZES]]
    larger = found.sizes[MAX_SIZES:]
    if larger:
        counts.append((f"{larger[0].size:,} or more", sum(size.clusters for size in larger)))
    most = max((count for _, count in counts), default=0)
    sizes = [
        (
            element("td", size),
            number_cell(f"{count:,}"),
            element("td", draw_bar([("kept", count)], most, f"{count:,}"), class_="barred"),
        )
        for size, count in counts
    ]
    largest = [
        (
            element("td", cluster.cluster_id, class_="id"),
            number_cell(f"{cluster.size:,}"),
            element("td", *(element("div", doc_id) for doc_id in cluster.doc_ids), class_="id"),
        )
        for cluster in found.largest
    ]
    evidence = [
        (
            element("td", row.doc_id, class_="id"),
            element("td", row.winner_id, class_="id"),
            number_cell(f"{row.similarity:.3f}"),
            element("td", row.rule.partition(" ")[0]),  # the rest lists every parameter
        )
        for row in found.evidence
    ]
    removals = (("removed", ""), ("for", ""), ("similarity", "n"), ("rule", ""))
    return wrap_section(
        "Duplicates",
        element(
            "p",
            f"{found.clusters:,} clusters with {found.documents:,} documents; "
            f"{found.removed:,} removed.",
        ),
        element("h3", "Clusters by size"),
        build_table((("documents", ""), ("clusters", "n"), ("", "")), sizes),
        element("h3", "Largest clusters"),
        build_table((("cluster", ""), ("documents", "n"), ("some of them", "")), largest),
        element("h3", "Some removals"),
        build_table(removals, evidence),
    )


def _show_sample(sample: Sample, *, opened: bool) -> Markup:
    title = sample.sentence if sample.sentence is not None else (sample.title or sample.url or "")
    facts = [f"source {sample.source}"]
    if sample.language:
        facts.append(f"language {sample.language}")
    if sample.stage:
        facts.append(f"stage {sample.stage}")
    lines: list[str] = [element("summary", element("b", title or sample.doc_id or "a document"))]
    lines.append(element("div", " · ".join(facts), class_="soft"))
    if sample.title and sample.title != title:
        lines.append(element("div", sample.title))
    if sample.url:
        lines.append(element("div", sample.url, class_="soft id"))
    if sample.doc_id:
        lines.append(element("div", f"gristmill explain RECIPE {sample.doc_id}", class_="soft id"))
    if sample.text is not None:
        lines.append(preformatted(sample.text))
    return element("details", *lines, open="") if opened else element("details", *lines)


def show_samples(figures: RunFigures) -> Markup:
    """Example documents, kept and dropped."""
    parts: list[Markup] = []
    for fate in ("kept", "dropped"):
        chosen = [sample for sample in figures.samples if sample.fate == fate]
        shown = [
            _show_sample(sample, opened=place < OPEN_SAMPLES) for place, sample in enumerate(chosen)
        ]
        if shown:
            parts.append(wrap_section(f"Examples: {fate}", *shown))
    return join_markup(parts)
