"""An estimate as text: tables of steps and engines, limits, notes."""

from collections.abc import Sequence

from gristmill.pipelines.scaling.costs import EngineCost
from gristmill.pipelines.scaling.estimates import Band, Estimate, StageLoad
from gristmill.pipelines.scaling.limits import Limit
from gristmill.pipelines.scaling.model import StepLoad


def render_estimate(estimate: Estimate) -> str:
    """Render an estimate for people: steps, engines, limits, notes."""
    lines = [
        f"recipe {estimate.recipe}: {estimate.files:,} files, "
        f"{_render_bytes(estimate.input_bytes)}, {estimate.documents:,} documents "
        f"({estimate.documents_low:,} to {estimate.documents_high:,}), from "
        f"{len(estimate.sampled)} sampled files or ranges",
        "",
        *render_stages(estimate.stages),
        "",
        *render_steps(estimate.steps),
        "",
        *render_costs(estimate.costs),
        "",
        *render_limits(estimate.limits, estimate.documents),
        "",
        *(f"note: {note}" for note in estimate.notes),
    ]
    return "\n".join(lines)


def render_stages(stages: Sequence[StageLoad]) -> list[str]:
    """A line a stage: core-hours, bytes in and out, each with its low and high."""
    lines = [f"{'stage':<13}{'core-hours':>30}{'bytes in':>34}{'bytes out':>34}"]
    for stage in stages:
        hours = [f"{getattr(stage.core_hours, end):,.2f}" for end in ("middle", "low", "high")]
        lines.append(
            f"{stage.stage:<13}{_render_band(hours):>30}{_render_sizes(stage.bytes_in):>34}"
            f"{_render_sizes(stage.bytes_out):>34}"
        )
    return lines


def _render_sizes(band: Band) -> str:
    return _render_band([_render_bytes(size) for size in (band.middle, band.low, band.high)])


def _render_band(figures: Sequence[str]) -> str:
    middle, low, high = figures
    return f"{middle} ({low} to {high})"


def render_steps(steps: Sequence[StepLoad]) -> list[str]:
    """A line a step. `again`: bytes that one unit after the other reads; `largest`: its rows."""
    lines = [
        f"{'step':<21}{'units':>9}{'rows':>17}{'read':>9}{'again':>9}{'written':>9}"
        f"{'shuffle':>9}{'opens':>15}{'files':>12}{'largest':>15}{'memory':>9}{'core-h':>11}"
    ]
    lines += [
        f"{step.step:<21}{step.units:>9,}{step.records:>17,}{_render_bytes(step.bytes_read):>9}"
        f"{_render_bytes(step.bytes_repeated):>9}{_render_bytes(step.bytes_written):>9}"
        f"{_render_bytes(step.shuffle_bytes):>9}{step.opens:>15,}{step.files:>12,}"
        f"{step.largest_rows:>15,}{_render_bytes(step.memory_bytes):>9}"
        f"{step.cpu_seconds.middle / 3600:>11,.2f}"
        for step in steps
    ]
    return lines


def render_costs(costs: Sequence[EngineCost]) -> list[str]:
    """A line an engine: core-hours, hours, shuffle, price."""
    lines = [
        f"{'engine':<10}{'workers':>8}{'core-hours (low to high)':>44}{'hours':>10}{'shuffle':>9}"
        f"{'stored':>9}{'compute $':>12}{'shuffle $':>11}{'storage $':>11}{'opens $':>10}{'$':>12}"
    ]
    for cost in costs:
        hours = (
            f"{cost.core_hours:,.2f} ({cost.core_hours_low:,.2f} to {cost.core_hours_high:,.2f})"
        )
        lines.append(
            f"{cost.engine:<10}{cost.workers:>8,}{hours:>44}{cost.wall_hours:>10,.2f}"
            f"{_render_bytes(cost.shuffle_bytes):>9}{_render_bytes(cost.stored_bytes):>9}"
            f"{cost.compute_price:>12,.2f}{cost.shuffle_price:>11,.2f}{cost.storage_price:>11,.2f}"
            f"{cost.request_price:>10,.2f}{cost.price:>12,.2f}"
        )
    return lines


def render_limits(limits: Sequence[Limit], documents: int) -> list[str]:
    """A line a limit; those below the size asked for are marked."""
    lines = ["limits of the present code (! below the size asked for):"]
    lines += [
        f"{'!' if limit.breaks_at <= documents else ' '} {limit.breaks_at:>15,} documents: "
        f"{limit.step}, {limit.kind}: {limit.reason}; {limit.remedy}"
        for limit in limits
    ]
    return lines


def _render_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} PB"
