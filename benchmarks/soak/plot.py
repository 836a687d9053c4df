"""Draws the curves of a soak as an SVG of small charts, for light and dark backgrounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.soak.samples import Sample
from benchmarks.soak.verdict import Line

COLUMNS = 2
CHART_WIDTH, CHART_HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 46
"""The margins of a chart around its plot area."""
HEADER_HEIGHT = 86
MAX_TICKS = 5
STYLE = """
  svg { color-scheme: light dark; font-family: system-ui, sans-serif; }
  .back { fill: #ffffff; } text { fill: #1f2328; font-size: 12px; }
  .heading { font-size: 17px; font-weight: 600; } .title { font-size: 13px; font-weight: 600; }
  .faint { fill: #59636e; } .grid { stroke: #d1d9e0; } .axis { stroke: #59636e; }
  .warm-up { fill: #818b98; fill-opacity: 0.14; }
  .curve { fill: none; stroke: #0969da; stroke-width: 1.6; }
  .second { stroke: #bc4c00; } .second-label { fill: #bc4c00; } .first-label { fill: #0969da; }
  .fit { stroke: #1a7f37; stroke-width: 1.6; stroke-dasharray: 6 4; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; } .axis { stroke: #9198a1; }
    .curve { stroke: #58a6ff; } .second { stroke: #f0883e; }
    .second-label { fill: #f0883e; } .first-label { fill: #58a6ff; } .fit { stroke: #56d364; }
  }
"""


class Chart:
    """The scales of one chart: minutes to x, values to y. The y axis begins at 0."""

    def __init__(self, index: int, minutes: float, largest: float) -> None:
        column, row = index % COLUMNS, index // COLUMNS
        self.left = column * CHART_WIDTH + LEFT
        self.right = (column + 1) * CHART_WIDTH - RIGHT
        self.top = HEADER_HEIGHT + row * CHART_HEIGHT + TOP
        self.bottom = HEADER_HEIGHT + (row + 1) * CHART_HEIGHT - BOTTOM
        self.minutes = minutes
        self.step = choose_step(largest)
        self.max = self.step * max(1, math.ceil(largest / self.step))

    def x(self, minutes: float) -> float:
        return self.left + (self.right - self.left) * minutes / self.minutes

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.max

    def draw_frame(self, title: str, unit: str, warm_up: float) -> list[str]:
        """The title, the axes with their units, the grid, and the warm-up as a grey area."""
        parts = [
            f'<text class="title" x="{self.left}" y="{self.top - 16}">{escape(title)}</text>',
            f'<rect class="warm-up" x="{self.left}" y="{self.top}" '
            f'width="{self.x(warm_up) - self.left:.1f}" height="{self.bottom - self.top}"/>',
        ]
        for index in range(round(self.max / self.step) + 1):
            value = index * self.step
            y = self.y(value)
            parts.append(draw_line("grid", self.left, y, self.right, y))
            parts.append(draw_text(self.left - 6, y + 4, f"{value:,g}", "end"))
        step = choose_step(self.minutes)
        for index in range(int(self.minutes / step) + 1):
            x = self.x(index * step)
            parts.append(draw_text(x, self.bottom + 16, f"{index * step:g}", "middle"))
        middle = (self.top + self.bottom) / 2
        x = self.left - 50
        return [
            *parts,
            draw_line("axis", self.left, self.bottom, self.right, self.bottom),
            draw_text((self.left + self.right) / 2, self.bottom + 34, "minutes", "middle"),
            f'<text class="faint" text-anchor="middle" x="{x}" y="{middle}" '
            f'transform="rotate(-90 {x} {middle})">{escape(unit)}</text>',
        ]

    def draw_curve(self, points: Sequence[tuple[float, float]], style: str = "curve") -> str:
        path = " ".join(f"{self.x(minutes):.1f},{self.y(value):.1f}" for minutes, value in points)
        return f'<polyline class="{style}" points="{path}"/>'


def choose_step(largest: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten, for at most MAX_TICKS."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest / MAX_TICKS))
    return next(
        factor * power for factor in (1, 2, 5, 10) if largest / (factor * power) <= MAX_TICKS
    )


def draw_line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def draw_text(x: float, y: float, text: str, anchor: str, style: str = "faint") -> str:
    return (
        f'<text class="{style}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">'
        f"{escape(text)}</text>"
    )


def draw_judged_chart(
    index: int, samples: Sequence[Sample], line: Line, minutes: float, warm_up: float
) -> list[str]:
    """A curve with its fitted line and the verdict."""
    points = [(each.minutes, float(getattr(each, line.curve.attribute))) for each in samples]
    chart = Chart(index, minutes, max(value for _, value in points))
    start, end = [(chart.x(at), chart.y(line.value_at(at))) for at in (line.start, line.end)]
    verdict = "flat" if line.is_flat else "not flat"
    return [
        *chart.draw_frame(line.curve.title, line.curve.unit, warm_up),
        draw_text(chart.right, chart.top - 16, f"{line.rise:+.1%} after warm-up: {verdict}", "end"),
        chart.draw_curve(points),
        draw_line("fit", *start, *end),
    ]


def draw_latency_chart(
    index: int, samples: Sequence[Sample], minutes: float, warm_up: float
) -> list[str]:
    """The p50 and the p99 of each sample. A sample without events leaves no point."""
    p50 = [(each.minutes, each.latency_p50) for each in samples if each.latency_p50 is not None]
    p99 = [(each.minutes, each.latency_p99) for each in samples if each.latency_p99 is not None]
    chart = Chart(index, minutes, max((value for _, value in p99), default=1.0))
    return [
        *chart.draw_frame("Latency of events", "ms", warm_up),
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
    minutes = samples[-1].minutes
    parts: list[str] = []
    for index, line in enumerate(lines):
        parts += draw_judged_chart(index, samples, line, minutes, warm_up)
    parts += draw_latency_chart(len(lines), samples, minutes, warm_up)
    width = COLUMNS * CHART_WIDTH
    height = HEADER_HEIGHT + math.ceil((len(lines) + 1) / COLUMNS) * CHART_HEIGHT
    legend = "Grey: warm-up. Dashed: the line fitted to the samples after it."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(heading)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{width}" height="{height}"/>',
            draw_text(20, 28, heading, "start", "heading"),
            *(
                draw_text(20, 48 + 16 * index, text, "start")
                for index, text in enumerate((*descriptions, legend))
            ),
            *parts,
            "</svg>\n",
        ]
    )
