"""Samples of the server's resources and of the latency of events, every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks import machine
from benchmarks.server import Server
from benchmarks.soak.api import read_metrics
from benchmarks.soak.latency import Latencies, percentile

SAMPLE_SECONDS = 5.0
MEBIBYTE = 2**20
MAX_SCRAPES_PER_WORKER = 20
SUMMED_METRICS = (
    "asyncio_tasks",
    "connections",
    "subscriptions",
    "subscription_groups",
    "live_sources",
    "slow_clients_disconnected_total",
)


@dataclass(frozen=True)
class Sample:
    """The state of all processes of the server at a time. Latencies are in milliseconds."""

    minutes: float
    memory_mib: float
    """Resident memory; with several processes, the sum of their proportional shares."""
    descriptors: int
    tasks: float
    sockets: float
    """Open WebSockets and event streams."""
    subscriptions: float
    groups: float
    live_sources: float
    slow_clients: float
    """Clients that were disconnected because they read too slowly, since the start."""
    latency_p50: float | None
    """Since the previous sample. None if no event arrived."""
    latency_p99: float | None


class Sampler:
    def __init__(self, server: Server, workers: int, token: str, latencies: Latencies) -> None:
        """`token` needs the scope admin."""
        self.server, self.workers, self.token = server, workers, token
        self.latencies = latencies
        self.samples: list[Sample] = []
        self.all_latencies: list[float] = []
        self.started_at = time.monotonic()

    async def run(self) -> None:
        """Take samples for ever. Raises BenchmarkError if the server has exited."""
        self.started_at = time.monotonic()
        self.latencies.take()
        while True:
            due_at = self.started_at + (len(self.samples) + 1) * SAMPLE_SECONDS
            await asyncio.sleep(due_at - time.monotonic())
            self.server.check()
            with contextlib.suppress(httpx2.HTTPError):
                self.samples.append(await self.take_sample())

    async def take_sample(self) -> Sample:
        pid = self.server.process.pid
        latencies = self.latencies.take()
        self.all_latencies += latencies
        metrics = await self.read_metrics()
        return Sample(
            minutes=(time.monotonic() - self.started_at) / 60,
            memory_mib=machine.measure_memory(pid) / MEBIBYTE,
            descriptors=count_descriptors(machine.process_tree(pid)),
            tasks=metrics["asyncio_tasks"],
            sockets=metrics["connections"],
            subscriptions=metrics["subscriptions"],
            groups=metrics["subscription_groups"],
            live_sources=metrics["live_sources"],
            slow_clients=metrics["slow_clients_disconnected_total"],
            latency_p50=percentile(latencies, 0.5),
            latency_p99=percentile(latencies, 0.99),
        )

    async def read_metrics(self) -> Mapping[str, float]:
        """The sums over all worker processes. The kernel chooses which one responds."""
        values: dict[str, Mapping[str, float]] = {}
        for _ in range(self.workers * MAX_SCRAPES_PER_WORKER):
            process, metrics = await read_metrics(self.server.port, self.token)
            values[process] = metrics
            if len(values) == self.workers:
                break
        total: Counter[str] = Counter()
        for metrics in values.values():
            total.update({name: metrics[name] for name in SUMMED_METRICS})  # type: ignore[arg-type]
        return {name: total[name] for name in SUMMED_METRICS}


def count_descriptors(pids: Sequence[int]) -> int:
    """The open file descriptors of the processes."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            count += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return count
