"""Draws the curves of a soak as charts over time."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import charts
from benchmarks.charts import Axis, Chart, draw_line, draw_text
from benchmarks.soak.samples import Sample
from benchmarks.soak.verdict import Line


def draw_frame(chart: Chart, title: str, warm_up: float) -> list[str]:
    """The frame of a chart, with the warm-up as a grey area."""
    width = chart.x(warm_up) - chart.left
    return [
        *chart.draw_frame(title),
        f'<rect class="warm-up" x="{chart.left}" y="{chart.top}" width="{width:.1f}" '
        f'height="{chart.bottom - chart.top}"/>',
    ]


def draw_judged_chart(
    index: int, samples: Sequence[Sample], line: Line, minutes: Axis, warm_up: float
) -> list[str]:
    """A curve with its fitted line and the verdict."""
    points = [(each.minutes, float(getattr(each, line.curve.attribute))) for each in samples]
    values = Axis.linear(line.curve.unit, max(value for _, value in points))
    chart = Chart(index, minutes, values)
    start, end = [(chart.x(at), chart.y(line.value_at(at))) for at in (line.start, line.end)]
    verdict = "flat" if line.is_flat else "not flat"
    return [
        *draw_frame(chart, line.curve.title, warm_up),
        draw_text(chart.right, chart.top - 16, f"{line.rise:+.1%} after warm-up: {verdict}", "end"),
        chart.draw_curve(points),
        draw_line("fit", *start, *end),
    ]


def draw_latency_chart(
    index: int, samples: Sequence[Sample], minutes: Axis, warm_up: float
) -> list[str]:
    """The p50 and the p99 of each sample. A sample without events leaves no point."""
    p50 = [(each.minutes, each.latency_p50) for each in samples if each.latency_p50 is not None]
    p99 = [(each.minutes, each.latency_p99) for each in samples if each.latency_p99 is not None]
    chart = Chart(index, minutes, Axis.linear("ms", max((value for _, value in p99), default=1.0)))
    return [
        *draw_frame(chart, "Latency of events", warm_up),
        draw_text(chart.right - 34, chart.top - 16, "p50", "end", "first-label"),
        draw_text(chart.right, chart.top - 16, "p99", "end", "second-label"),
        chart.draw_curve(p99, "curve second"),
        chart.draw_curve(p50),
    ]


def render_svg(
    heading: str,
    descriptions: Sequence[str],
    samples: Sequence[Sample],
    lines: Sequence[Line],
    warm_up: float,
) -> str:
    """Render all charts under a heading and at most two lines of text. `warm_up` is in minutes."""
    minutes = Axis.linear("minutes", samples[-1].minutes, is_rounded=False)
    parts: list[str] = []
    for index, line in enumerate(lines):
        parts += draw_judged_chart(index, samples, line, minutes, warm_up)
    parts += draw_latency_chart(len(lines), samples, minutes, warm_up)
    legend = "Grey: warm-up. Dashed: the line fitted to the samples after it."
    return charts.render_svg(heading, (*descriptions, legend), parts, len(lines) + 1)
