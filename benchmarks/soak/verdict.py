"""Whether the curves of a soak are flat: a line is fitted to each after the warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

from benchmarks.soak.samples import Sample

WARM_UP_MINUTES = 5.0
WARM_UP_SHARE = 1 / 3
"""Of a run too short for WARM_UP_MINUTES."""
MIN_SAMPLES = 3


@dataclass(frozen=True)
class Curve:
    """A curve of the graph. It is flat if the fitted line rises by at most `max_rise`."""

    title: str
    unit: str
    attribute: str
    """The name of the attribute of Sample."""
    max_rise: float | None = None
    """As a share of the mean, over the whole time after the warm-up. None: not judged."""


CURVES = (
    Curve("Memory of the server", "MiB", "memory_mib", 0.03),
    Curve("Open file descriptors", "descriptors", "descriptors", 0.03),
    Curve("Tasks of the event loop", "tasks", "tasks", 0.03),
    Curve("Open connections", "WebSockets, event streams", "sockets", 0.03),
    Curve("Subscription groups", "groups", "groups", 0.1),
    Curve("Live lists and statistics", "sources", "live_sources", 0.1),
)
"""Groups and sources are few, so each reconnecting client moves their number by a percent."""


@dataclass(frozen=True)
class Line:
    """A fitted line, from the end of the warm-up to the end of the run (in minutes)."""

    curve: Curve
    start: float
    end: float
    slope: float
    """Per minute."""
    intercept: float
    mean: float

    @property
    def rise(self) -> float:
        """The rise over the whole line, as a share of the mean."""
        return self.slope * (self.end - self.start) / self.mean if self.mean else 0.0

    @property
    def is_flat(self) -> bool:
        return self.curve.max_rise is None or self.rise <= self.curve.max_rise

    def value_at(self, minutes: float) -> float:
        return self.intercept + self.slope * minutes

    def format_verdict(self) -> str:
        text = (
            f"{self.curve.title.lower()}: mean {self.mean:,.1f} {self.curve.unit}, "
            f"{self.slope * 60:+,.2f} per hour, {self.rise:+.1%} in {self.end - self.start:.0f} min"
        )
        if self.curve.max_rise is None:
            return text
        verdict = "flat" if self.is_flat else "NOT FLAT"
        return f"{text} (limit {self.curve.max_rise:+.0%}): {verdict}"


def choose_warm_up(minutes: float) -> float:
    """The minutes of a run that are not judged."""
    return min(WARM_UP_MINUTES, minutes * WARM_UP_SHARE)


def fit_lines(samples: Sequence[Sample], warm_up: float) -> list[Line]:
    """Fit a line to each curve by least squares. Raises ValueError if there are too few samples."""
    judged = [each for each in samples if each.minutes >= warm_up]
    if len(judged) < MIN_SAMPLES:
        raise ValueError(f"{len(judged)} samples after the warm-up; {MIN_SAMPLES} are needed")
    times = [each.minutes for each in judged]
    lines: list[Line] = []
    for curve in CURVES:
        values = [float(getattr(each, curve.attribute)) for each in judged]
        slope, intercept = linear_regression(times, values)
        lines.append(Line(curve, times[0], times[-1], slope, intercept, fmean(values)))
    return lines
