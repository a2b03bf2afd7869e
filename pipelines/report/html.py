"""One static page: no script, no request, nothing from the corpus that is not escaped."""

from collections.abc import Sequence
from typing import Final

from gristmill.pipelines.report.example_sections import show_duplicates, show_samples
from gristmill.pipelines.report.figures import RunFigures
from gristmill.pipelines.report.formats import format_count, format_seconds
from gristmill.pipelines.report.markup import Markup, element, escape_text, join_markup
from gristmill.pipelines.report.sections import (
    show_cost,
    show_drops,
    show_funnel,
    show_groups,
    show_histograms,
    show_quarantine,
    show_splits,
    show_training,
)
from gristmill.pipelines.report.style import STYLE

CONTENT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _show_tiles(figures: RunFigures) -> Markup:
    first = figures.stages[0].records_in if figures.stages else 0
    documents = sum(split.documents for split in figures.splits)
    tiles: list[tuple[str, str]] = [
        (format_count(first), "records read"),
        (format_count(documents), "documents published"),
        (format_count(sum(split.tokens for split in figures.splits)), "tokens"),
        (format_count(figures.duplicates.removed), "duplicates removed"),
        (format_seconds(sum(stage.cpu_seconds for stage in figures.stages)), "CPU time"),
    ]
    training = figures.training
    if training and training.bits_per_byte_after is not None:
        tiles.append((f"{training.bits_per_byte_after:.3f}", "held-out bits per byte"))
    shown = [
        element("div", element("b", value), element("span", name), class_="tile")
        for value, name in tiles
    ]
    return element("div", *shown, class_="tiles")


def _show_head(figures: RunFigures) -> Markup:
    version = f"{figures.dataset} {figures.version}" if figures.version else "not published"
    lines: Sequence[str] = [
        element("div", "gristmill report", class_="soft"),
        element("h1", figures.recipe),
        element("p", f"Version: {version}"),
        element("p", f"dataset id {figures.dataset_id or '-'}", class_="soft id"),
        element("p", f"recipe digest {figures.recipe_digest or '-'}", class_="soft id"),
    ]
    return element("header", *lines)


def render_report(figures: RunFigures) -> str:
    """Render the report as one HTML file.

    Args:
        figures: what to show.

    Returns:
        A whole document. It holds no script and no link, and its content policy
        forbids both, so even a mistake in it could not run or load anything.
    """
    body = join_markup(
        [
            _show_head(figures),
            _show_tiles(figures),
            show_funnel(figures),
            show_drops(figures),
            show_quarantine(figures),
            show_groups("Languages", figures.languages),
            show_groups("Sources", figures.sources),
            show_histograms(figures),
            show_duplicates(figures),
            show_splits(figures),
            show_training(figures),
            show_cost(figures),
            show_samples(figures),
        ]
    )
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape_text(figures.recipe)} - gristmill report</title>\n"
        f"<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>{body}</main>\n</body>\n</html>\n"
    )
