"""Figures as Prometheus reads them (text format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
COUNTED = "_total"


class Figure(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def value(self) -> float: ...

    @property
    def label(self) -> tuple[str, str] | None: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of this process."""

    name: str
    value: float
    label: tuple[str, str] | None


def of_process(process: str, **values: float) -> list[Measure]:
    return [Measure(f"ticketwire_{name}", value, ("process", process)) for name, value in values.items()]


class Figures(Collector):
    """What only rises has a name that ends in _total."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self.figures = list(figures)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for figure in self.figures:
            if figure.name not in families:
                kind = CounterMetricFamily if figure.name.endswith(COUNTED) else GaugeMetricFamily
                what = figure.name.removeprefix("ticketwire_").removesuffix(COUNTED).replace("_", " ")
                families[figure.name] = kind(figure.name, what, labels=[figure.label[0]] if figure.label else [])
            families[figure.name].add_metric([figure.label[1]] if figure.label else [], figure.value)
        yield from families.values()


def exposition(figures: Iterable[Figure]) -> bytes:
    """All of them, as they are at this moment."""
    registry = CollectorRegistry()
    registry.register(Figures(figures))
    return generate_latest(registry)
