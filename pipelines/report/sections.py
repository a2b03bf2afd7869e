"""Sections of the report: each a function from figures to markup, empty without figures."""

from collections.abc import Sequence
from typing import Final

from gristmill.pipelines.report.charts import draw_bar, draw_curve, draw_histogram
from gristmill.pipelines.report.figures import (
    GroupCount,
    ReasonCount,
    RunFigures,
    StageFigures,
)
from gristmill.pipelines.report.formats import (
    format_bytes,
    format_count,
    format_seconds,
    format_share,
)
from gristmill.pipelines.report.markup import Markup, element, join_markup

NOTHING: Final = Markup("")


def wrap_section(title: str, *children: str) -> Markup:
    """A titled part of the page."""
    return element("section", element("h2", title), *children)


def number_cell(text: str) -> Markup:
    """A cell with a number, aligned to the right."""
    return element("td", text, class_="n")


def build_table(header: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> Markup:
    """Build a table; `header` pairs each title with its cells' class."""
    titles = [element("th", title, class_=kind) for title, kind in header]
    body = [element("tr", *cells) for cells in rows]
    head = element("thead", element("tr", *titles))
    return element("div", element("table", head, element("tbody", *body)), class_="wide")


def _legend(*names: str) -> Markup:
    keys = [join_markup([element("span", class_=f"key {name}"), name]) for name in names]
    return element("p", *keys, class_="soft")


def _show_identity(stage: StageFigures) -> Markup:
    """The line that must hold: in = kept + dropped + quarantined."""
    numbers = (
        f"{stage.records_in:,} in = {stage.kept:,} kept + {stage.dropped:,} dropped + "
        f"{stage.quarantined:,} quarantined"
    )
    if stage.balanced:
        return element("div", numbers, class_="soft")
    return element("div", numbers.replace(" = ", " ≠ "), " - does not add up", class_="bad")


def show_funnel(figures: RunFigures) -> Markup:
    """A bar for each stage, all on one scale, and its accounting identity."""
    if not figures.stages:
        return wrap_section("Funnel", element("p", "No stage has run."))
    whole = max(stage.records_in for stage in figures.stages)
    lines = []
    for stage in figures.stages:
        parts = [
            ("kept", stage.kept),
            ("dropped", stage.dropped),
            ("quarantined", stage.quarantined),
        ]
        label = f"{stage.stage}: {format_share(stage.kept, stage.records_in)} kept"
        lines.append(
            element("li", element("b", label), draw_bar(parts, whole, label), _show_identity(stage))
        )
    legend = _legend("kept", "dropped", "quarantined")
    return wrap_section("Funnel", legend, element("ul", *lines, class_="funnel"))


def _show_reasons(
    title: str, kind: str, reasons: Sequence[ReasonCount], stages: Sequence[StageFigures]
) -> Markup:
    if not reasons:
        return NOTHING
    most = max(reason.records for reason in reasons)
    inputs = {stage.stage: stage.records_in for stage in stages}
    rows = [
        (
            element("td", reason.stage),
            element("td", reason.reason, class_="name"),
            number_cell(f"{reason.records:,}"),
            number_cell(format_share(reason.records, inputs.get(reason.stage, 0))),
            element(
                "td",
                draw_bar([(kind, reason.records)], most, f"{reason.records:,}"),
                class_="barred",
            ),
        )
        for reason in reasons
    ]
    header = (
        *(("stage", ""), ("rule" if kind == "dropped" else "reason", "")),
        *(("records", "n"), ("share", "n"), ("", "")),
    )
    note = element("p", "Share: of the records that went into the stage.", class_="soft")
    return wrap_section(title, note, build_table(header, rows))


def show_drops(figures: RunFigures) -> Markup:
    """Drops by rule, in the order of the stages."""
    return _show_reasons("Drops by rule", "dropped", figures.drops, figures.stages)


def show_quarantine(figures: RunFigures) -> Markup:
    """Quarantine by reason."""
    return _show_reasons("Quarantine by reason", "quarantined", figures.quarantine, figures.stages)


def show_groups(title: str, groups: Sequence[GroupCount]) -> Markup:
    """Published and dropped documents of each language or source."""
    if not groups:
        return NOTHING
    whole = max(group.kept + group.dropped for group in groups)
    rows = [
        (
            element("td", group.name, class_="name"),
            number_cell(f"{group.kept:,}"),
            number_cell(f"{group.dropped:,}"),
            number_cell(format_share(group.kept, group.kept + group.dropped)),
            element(
                "td",
                draw_bar(
                    [("kept", group.kept), ("dropped", group.dropped)],
                    whole,
                    f"{group.kept:,} kept, {group.dropped:,} dropped",
                ),
                class_="barred",
            ),
        )
        for group in groups
    ]
    header = (("name", ""), ("published", "n"), ("dropped", "n"), ("kept", "n"), ("", ""))
    return wrap_section(title, _legend("kept", "dropped"), build_table(header, rows))


def show_histograms(figures: RunFigures) -> Markup:
    """Distributions over measured and published documents."""
    shown = [
        element("div", element("h3", histogram.name), draw_histogram(histogram))
        for histogram in figures.histograms
        if any(item.measured or item.kept for item in histogram.bins)
    ]
    if not shown:
        return NOTHING
    return wrap_section(
        "Distributions", _legend("measured", "kept"), element("div", *shown, class_="two")
    )


def show_splits(figures: RunFigures) -> Markup:
    """Sizes of the published splits."""
    if not figures.splits:
        return NOTHING
    rows = [
        (
            element("td", split.split),
            number_cell(f"{split.documents:,}"),
            number_cell(format_bytes(split.utf8_bytes)),
            number_cell(f"{split.tokens:,}"),
            number_cell(f"{split.utf8_bytes / split.tokens:.2f}" if split.tokens else "-"),
        )
        for split in figures.splits
    ]
    header = (
        *(("split", ""), ("documents", "n"), ("text", "n")),
        *(("tokens", "n"), ("bytes per token", "n")),
    )
    return wrap_section("Published splits", build_table(header, rows))


def show_training(figures: RunFigures) -> Markup:
    """What a model learned from the version."""
    training = figures.training
    if training is None:
        return NOTHING
    facts: list[str] = []
    before, after = training.bits_per_byte_before, training.bits_per_byte_after
    if before is not None and after is not None:
        facts.append(f"held-out bits per byte {before:.3f} → {after:.3f}")
    if training.parameters is not None:
        facts.append(f"{format_count(training.parameters)} parameters")
    if training.tokens is not None:
        facts.append(f"{format_count(training.tokens)} tokens")
    if training.device:
        facts.append(training.device)
    return wrap_section("Training", element("p", " · ".join(facts)), draw_curve(training.points))


def show_cost(figures: RunFigures) -> Markup:
    """CPU seconds, speed per core, bytes and memory of each stage."""
    if not figures.stages:
        return NOTHING
    rows = [
        (
            element("td", stage.stage),
            number_cell(f"{stage.units:,}"),
            number_cell(format_seconds(stage.cpu_seconds)),
            number_cell(
                f"{stage.records_per_cpu_second:,.0f}"
                if stage.records_per_cpu_second is not None
                else "-"
            ),
            number_cell(format_bytes(stage.bytes_in)),
            number_cell(format_bytes(stage.bytes_out)),
            number_cell(format_bytes(stage.peak_memory_bytes)),
        )
        for stage in figures.stages
    ]
    header = (
        *(("stage", ""), ("units", "n"), ("CPU time", "n"), ("records/s/core", "n")),
        *(("read", "n"), ("written", "n"), ("peak memory", "n")),
    )
    return wrap_section("Cost", build_table(header, rows))
