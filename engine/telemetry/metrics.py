"""Metrics in the Prometheus text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine import limit_refusals

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NAME_PREFIX = "ticketwire_"
COUNTER_SUFFIX = "_total"


class Sample(Protocol):
    """One value of a metric, with its labels by name."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> float: ...

    @property
    def labels(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A sample of one process."""

    name: str
    value: float
    labels: Mapping[str, str]


def build_process_samples(process: str, **values: float) -> list[ProcessSample]:
    """Build samples labelled with the process; keyword arguments are names without the prefix."""
    labels = {"process": process}
    return [ProcessSample(f"{NAME_PREFIX}{name}", value, labels) for name, value in values.items()]


def build_refusal_samples(process: str) -> list[ProcessSample]:
    """Build a sample for each limit that a client of this process has reached."""
    return build_labelled_samples(process, "limit_refusals_total", "limit", limit_refusals.COUNTS)


def build_labelled_samples(
    process: str, name: str, label: str, values: Mapping[str, float]
) -> list[ProcessSample]:
    """Build a sample for each value, whose key becomes the label. `name` has no prefix."""
    return [
        ProcessSample(f"{NAME_PREFIX}{name}", value, {label: key, "process": process})
        for key, value in sorted(values.items())
    ]


class SampleCollector(Collector):
    """Exports samples. Metrics whose names end in _total are counters, all others are gauges."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = list(samples)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for sample in self.samples:
            family = families.get(sample.name)
            if family is None:
                family = families[sample.name] = build_family(sample)
            family.add_metric(list(sample.labels.values()), sample.value)
        yield from families.values()


def build_family(sample: Sample) -> CounterMetricFamily | GaugeMetricFamily:
    """Build the metric that a sample belongs to, without values."""
    is_counter = sample.name.endswith(COUNTER_SUFFIX)
    words = sample.name.removeprefix(NAME_PREFIX).removesuffix(COUNTER_SUFFIX)
    family_type = CounterMetricFamily if is_counter else GaugeMetricFamily
    return family_type(sample.name, words.replace("_", " "), labels=list(sample.labels))


def render_exposition(samples: Iterable[Sample]) -> bytes:
    """Render samples as the response to a scrape."""
    registry = CollectorRegistry()
    registry.register(SampleCollector(samples))
    return generate_latest(registry)
