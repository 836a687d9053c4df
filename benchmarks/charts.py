"""Draws small charts as one SVG, for light and dark backgrounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

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
  .second { stroke: #bc4c00; } .third { stroke: #1a7f37; } .fourth { stroke: #8250df; }
  .fifth { stroke: #bf3989; } .sixth { stroke: #59636e; }
  [class$="-label"] { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
  .first-label, .curve-label { fill: #0969da; } .second-label { fill: #bc4c00; }
  .third-label { fill: #1a7f37; } .fourth-label { fill: #8250df; }
  .fifth-label { fill: #bf3989; } .sixth-label { fill: #59636e; }
  .fit { stroke: #1a7f37; stroke-width: 1.6; stroke-dasharray: 6 4; }
  @media (prefers-color-scheme: dark) {
    [class$="-label"] { stroke: #0d1117; }
    .back { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
    .grid { stroke: #3d444d; } .axis { stroke: #9198a1; }
    .curve { stroke: #58a6ff; } .second { stroke: #f0883e; } .third, .fit { stroke: #56d364; }
    .fourth { stroke: #d2a8ff; } .fifth { stroke: #ff9bce; } .sixth { stroke: #9198a1; }
    .first-label, .curve-label { fill: #58a6ff; } .second-label { fill: #f0883e; }
    .third-label { fill: #56d364; } .fourth-label { fill: #d2a8ff; }
    .fifth-label { fill: #ff9bce; } .sixth-label { fill: #9198a1; }
  }
"""


@dataclass(frozen=True)
class Axis:
    """The scale of an axis from `low` to `high`, with the values that are labelled."""

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    is_logarithmic: bool = False

    @classmethod
    def linear(cls, title: str, largest: float, *, is_rounded: bool = True) -> Axis:
        """From 0 to the largest value, rounded up to a tick if wanted."""
        step = choose_step(largest)
        high = step * max(1, math.ceil(largest / step)) if is_rounded else largest
        return cls(title, 0.0, high, [index * step for index in range(int(high / step + 1e-9) + 1)])

    @classmethod
    def logarithmic(cls, title: str, values: Sequence[float]) -> Axis:
        """From the smallest value to the largest, each in the range of a labelled power of ten."""
        first, last = (math.log10(each) for each in (min(values), max(values)))
        powers = [10.0**power for power in range(math.floor(first), math.ceil(last) + 1)]
        return cls(title, powers[0], powers[-1], powers, is_logarithmic=True)

    @classmethod
    def of_sizes(cls, title: str, sizes: Sequence[int]) -> Axis:
        """Logarithmic, with a label for each of the sizes."""
        return cls(title, sizes[0], sizes[-1], sizes, is_logarithmic=True)

    def share(self, value: float) -> float:
        """How far a value is from `low` (0) to `high` (1)."""
        low, high = self.low, self.high
        if self.is_logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)


class Chart:
    """One of several charts, in rows of COLUMNS. `index` is its place."""

    def __init__(self, index: int, horizontal: Axis, vertical: Axis) -> None:
        column, row = index % COLUMNS, index // COLUMNS
        self.left = column * CHART_WIDTH + LEFT
        self.right = (column + 1) * CHART_WIDTH - RIGHT
        self.top = HEADER_HEIGHT + row * CHART_HEIGHT + TOP
        self.bottom = HEADER_HEIGHT + (row + 1) * CHART_HEIGHT - BOTTOM
        self.horizontal, self.vertical = horizontal, vertical

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * self.horizontal.share(value)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * self.vertical.share(value)

    def draw_frame(self, title: str) -> list[str]:
        """The title, the axes with their labels, and the grid."""
        parts = [f'<text class="title" x="{self.left}" y="{self.top - 16}">{escape(title)}</text>']
        for value in self.vertical.ticks:
            y = self.y(value)
            parts.append(draw_line("grid", self.left, y, self.right, y))
            parts.append(draw_text(self.left - 6, y + 4, f"{value:,g}", "end"))
        for value in self.horizontal.ticks:
            label = f"{value:,.0f}" if value == int(value) else f"{value:g}"
            anchor = "end" if value == self.horizontal.high else "middle"
            parts.append(draw_text(self.x(value), self.bottom + 16, label, anchor))
        middle = (self.top + self.bottom) / 2
        x = self.left - 50
        return [
            *parts,
            draw_line("axis", self.left, self.bottom, self.right, self.bottom),
            draw_text(
                (self.left + self.right) / 2, self.bottom + 34, self.horizontal.title, "middle"
            ),
            f'<text class="faint" text-anchor="middle" x="{x}" y="{middle}" '
            f'transform="rotate(-90 {x} {middle})">{escape(self.vertical.title)}</text>',
        ]

    def draw_curve(self, points: Sequence[tuple[float, float]], style: str = "curve") -> str:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
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


def render_svg(heading: str, descriptions: Sequence[str], parts: Sequence[str], charts: int) -> str:
    """Render so many charts, of which these are the parts, under a heading and at most three lines
    of text."""
    width = COLUMNS * CHART_WIDTH
    height = HEADER_HEIGHT + math.ceil(charts / COLUMNS) * CHART_HEIGHT
    lines = [
        draw_text(20, 48 + 16 * index, text, "start") for index, text in enumerate(descriptions)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(heading)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{width}" height="{height}"/>',
            draw_text(20, 28, heading, "start", "heading"),
            *lines,
            *parts,
            "</svg>\n",
        ]
    )
