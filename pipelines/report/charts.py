"""Charts as inline SVG without text: labels are HTML beside them, so they never shrink.

All stretch to the width of their place; colours are classes of the page's style.
"""

from collections.abc import Sequence
from typing import Final

from gristmill.pipelines.report.figures import Histogram, LossPoint
from gristmill.pipelines.report.markup import Markup, element

MAX_CURVE_POINTS: Final = 400
_CURVE_WIDTH: Final = 1000
_CURVE_HEIGHT: Final = 240


def _rectangle(
    x: float, y: float, width: float, height: float, *children: str, kind: str
) -> Markup:
    return element(
        "rect",
        *children,
        class_=kind,
        x=f"{x:.3f}",
        y=f"{y:.3f}",
        width=f"{width:.3f}",
        height=f"{height:.3f}",
    )


def _stretched(kind: str, width: float, height: float, label: str, *children: str) -> Markup:
    return element(
        "svg",
        *children,
        class_=kind,
        viewBox=f"0 0 {width:g} {height:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def draw_bar(parts: Sequence[tuple[str, int]], whole: int, label: str) -> Markup:
    """Draw a horizontal bar of stacked parts.

    Args:
        parts: (colour class, count), from the left.
        whole: count that fills the width.
        label: what a screen reader says.
    """
    shapes: list[Markup] = []
    start = 0.0
    for kind, count in parts:
        width = 1000 * count / whole if whole else 0.0
        if count:
            shapes.append(_rectangle(start, 0, max(width, 2), 10, kind=kind))  # never invisible
        start += width
    return _stretched("bar", 1000, 10, label, *shapes)


def format_edge(value: float) -> str:
    """Write an edge of a bin shortly: ``0.85``, ``500``, ``20k``."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def draw_histogram(histogram: Histogram) -> Markup:
    """Draw measured documents as pale bars with the kept ones in front, and edges below."""
    most = max((max(item.measured, item.kept) for item in histogram.bins), default=0)
    shapes: list[Markup] = []
    for place, item in enumerate(histogram.bins):
        upper = format_edge(item.upper) if item.upper is not None else "more"
        title = element(
            "title",
            f"{format_edge(item.lower)} to {upper}: {item.measured:,} measured, {item.kept:,} kept",
        )
        bars = [("measured", item.measured), ("kept", item.kept)]
        shapes += [
            _rectangle(place * 10 + 0.5, 100 - height, 9, height, title, kind=kind)
            for kind, count in bars
            if (height := 100 * count / most if most else 0.0)
        ]
    count = len(histogram.bins)
    label = f"{histogram.name}: {sum(item.measured for item in histogram.bins):,} documents"
    step = 1 if count <= 15 else 4
    edges = [
        element("span", format_edge(item.lower) if place % step == 0 else "")
        for place, item in enumerate(histogram.bins)
    ]
    return element(
        "div",
        _stretched("histogram", count * 10, 100, label, *shapes),
        element("div", *edges, class_="edges"),
        class_="chart",
    )


def _thin_points(points: Sequence[LossPoint]) -> list[LossPoint]:
    """At most MAX_CURVE_POINTS of them, evenly, with the first and the last."""
    if len(points) <= MAX_CURVE_POINTS:
        return list(points)
    last = len(points) - 1
    return [points[round(k * last / (MAX_CURVE_POINTS - 1))] for k in range(MAX_CURVE_POINTS)]


def draw_curve(points: Sequence[LossPoint]) -> Markup:
    """Draw loss over steps; the range of both axes stands beside and below."""
    shown = [point for point in _thin_points(points) if abs(point.loss) < float("inf")]
    if len(shown) < 2:
        return Markup("")
    low, high = min(point.loss for point in shown), max(point.loss for point in shown)
    first, last = shown[0].step, shown[-1].step
    places = " ".join(
        f"{_CURVE_WIDTH * (point.step - first) / max(last - first, 1):.1f},"
        f"{_CURVE_HEIGHT * (high - point.loss) / ((high - low) or 1):.1f}"
        for point in shown
    )
    line = element("polyline", points=places, vector_effect="non-scaling-stroke")
    label = f"loss from {shown[0].loss:.3f} to {shown[-1].loss:.3f}"
    return element(
        "div",
        element("span", f"loss {high:.2f}", class_="top"),
        _stretched("curve", _CURVE_WIDTH, _CURVE_HEIGHT, label, line),
        element(
            "div",
            element("span", f"loss {low:.2f} · step {first:,}"),
            element("span", f"step {last:,}"),
            class_="ends",
        ),
        class_="chart",
    )
