"""From runs to figures: rates per core, ratios, a table for people and a line of JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from contenders import Run


def extrapolate_cpu(large: Run, small: Run, pages: int) -> float:
    """CPU seconds that `pages` pages would take, by the line through two runs.

    A run has a fixed part (start-up, imports, models) and a part per page.
    Dividing a small run by its pages would charge the fixed part to few pages
    and flatter whoever is measured on many.

    Args:
        large: a run over more pages.
        small: a run over fewer.
        pages: how many to extrapolate to, at least `large.pages`.
    """
    if large.pages == pages:
        return large.cost.cpu_seconds
    per_page = _page_cost(large, small)
    return large.cost.cpu_seconds + per_page * (pages - large.pages)


def fixed_cpu(large: Run, small: Run) -> float:
    """CPU seconds of a run over no page, by the same line; never below 0."""
    return max(0.0, small.cost.cpu_seconds - _page_cost(large, small) * small.pages)


def _page_cost(large: Run, small: Run) -> float:
    if large.pages <= small.pages:
        raise ValueError(f"needs two sizes, has {small.pages} and {large.pages} pages")
    return (large.cost.cpu_seconds - small.cost.cpu_seconds) / (large.pages - small.pages)


def summarize_rounds(large: Sequence[Run], small: Sequence[Run], pages: int) -> dict[str, Any]:
    """Medians over rounds: documents per second and core, fixed CPU, stages.

    Args:
        large: one run a round.
        small: one small run a round.
        pages: size of the whole set.
    """
    pairs = list(zip(large, small, strict=True))
    rates = [pages / extrapolate_cpu(big, little, pages) for big, little in pairs]
    last = large[-1]
    return {
        "documents_per_second_per_core": round(statistics.median(rates), 2),
        "rounds": [round(rate, 2) for rate in rates],
        "pages_run": last.pages,
        "cpu_seconds": round(statistics.median(run.cost.cpu_seconds for run in large), 2),
        "wall_seconds": round(statistics.median(run.cost.wall_seconds for run in large), 2),
        "fixed_cpu_seconds": round(statistics.median(fixed_cpu(*pair) for pair in pairs), 2),
        "documents_kept": last.documents_kept,
        "tokens": last.tokens,
        "stages": _summarize_stages(large),
        "versions": dict(last.versions),
    }


def _summarize_stages(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    stages = {}
    for number, stage in enumerate(runs[-1].stages):
        seconds = statistics.median(run.stages[number].seconds for run in runs)
        stages[stage.name] = {
            "documents_in": stage.documents_in,
            "documents_out": stage.documents_out,
            "seconds": round(seconds, 3),
            "documents_per_second_per_core": (
                round(stage.documents_in / seconds, 1) if seconds else None
            ),
        }
    return stages


def compare_speeds(rates: Mapping[str, float], ours: str) -> dict[str, float]:
    """Our rate over each other one: above 1 we are ahead. Empty if ours was not run."""
    if ours not in rates:
        return {}
    return {name: round(rates[ours] / rate, 3) for name, rate in rates.items() if name != ours}


def format_table(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """The contenders, one a line, then the stages of each."""
    head = f"{'':<26}{'docs/s/core':>12}{'pages':>8}{'CPU s':>9}{'fixed':>7}{'wall s':>8}{'kept':>7}{'tokens':>12}"
    lines = [head]
    for name, found in summaries.items():
        lines.append(
            f"{name:<26}{found['documents_per_second_per_core']:>12.1f}{found['pages_run']:>8,}"
            f"{found['cpu_seconds']:>9.1f}{found['fixed_cpu_seconds']:>7.1f}"
            f"{found['wall_seconds']:>8.1f}{found['documents_kept']:>7,}{found['tokens']:>12,}"
        )
    for name, found in summaries.items():
        lines += [
            "",
            f"{name + ', stages':<44}{'in':>8}{'out':>8}{'seconds':>9}{'docs/s/core':>13}",
        ]
        for stage, figures in found["stages"].items():
            rate = figures["documents_per_second_per_core"]
            lines.append(
                f"  {stage:<42}{figures['documents_in']:>8,}{figures['documents_out']:>8,}"
                f"{figures['seconds']:>9.2f}{'' if rate is None else f'{rate:.1f}':>13}"
            )
    return "\n".join(lines)


def format_line(figures: Mapping[str, Any], against: Mapping[str, float]) -> str:
    """The last line of a benchmark, for programs."""
    return json.dumps({"figures": figures, "against": against}, ensure_ascii=False)
