"""The card of a quality model in Markdown, from the same data as ``model.json``."""

from collections.abc import Mapping, Sequence
from typing import Any

_TITLE = {
    "fasttext": "fastText classifier of document quality",
    "importance": "Importance weights of documents",
}


def _tabulate(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay rows out as a table; columns are the keys of the first."""
    if not rows:
        return ["none"]
    names = list(rows[0])
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |"]
    lines.append("|" + " --- |" * len(names))
    lines += [f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows]
    return lines


def _say_interval(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def _render_threshold(report: Mapping[str, Any]) -> list[str]:
    found = report["threshold"]
    verdict = "within" if found["within_tolerance"] else "NOT within"
    return [
        f"To keep {found['keep_rate']:.1%}, keep scores of at least `{found['threshold']}`.",
        f"Chosen on {found['chosen_on']['documents']} texts of the {report['threshold_from']} "
        f"(keeps {found['chosen_on']['kept']:.2%}); on {found['checked_on']['documents']} others "
        f"it keeps {found['checked_on']['kept']:.2%}, {verdict} {found['tolerance']:.1%} of what "
        f"was wanted. Samples of these sizes alone differ by {found['standard_error']:.2%} "
        "(standard error).",
    ]


def render_card(card: Mapping[str, Any]) -> str:
    """Render a card.

    Args:
        card: what `gristmill quality train` writes into ``model.json``.
    """
    report, training = card["report"], card["training"]
    label = f", probability of `{card['label']}`" if card["label"] else ", nats per n-gram"
    parts = [
        f"# {_TITLE[card['kind']]}",
        "",
        f"Made by `gristmill quality train`; sha256 `{card['sha256']}`{label}. A score says how "
        "much a text is like the positives below and unlike the negatives: no more than that.",
        "",
        "## Trained on",
        "",
        f"{training['positives']} positives and {training['negatives']} negatives; "
        f"{training['duplicates']} duplicates and {training['on_both_sides']} texts that stood on "
        "both sides were left out.",
        "",
        *_tabulate(card["inputs"]),
        "",
        f"Settings: {', '.join(f'{k} {v}' for k, v in sorted(card['settings'].items())) or 'none'};"
        f" seed {card['seed']}; {card['held_out_share']:.0%} held out by hash of the text.",
        "",
        "## Held-out report",
        "",
        f"On {report['held_out']['positives']} positives and {report['held_out']['negatives']} "
        "negatives that it was not trained on, area under the ROC curve with 95 % interval:",
        "",
        f"- model: {_say_interval(report['auc']['model'])}",
        f"- length in characters alone: {_say_interval(report['auc']['length'])}",
        "- a coin: 0.5",
        "",
        *_tabulate(report["thresholds"]),
        "",
    ]
    if "calibration" in report:
        parts += ["### Calibration", "", *_tabulate(report["calibration"]), ""]
    parts += ["## Threshold", "", *_render_threshold(report), ""]
    edges = card["edges"] or []
    parts += [
        "## Buckets",
        "",
        f"{len(edges) + 1} buckets of equal share, lowest first, between these scores: "
        f"{', '.join(map(str, edges)) or 'none, all scores are equal'}.",
        "",
    ]
    return "\n".join(parts)
