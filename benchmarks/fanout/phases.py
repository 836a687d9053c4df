"""The phases of a cell. Each records its own figures, or raises BenchmarkError with the reason."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from benchmarks import machine
from benchmarks.fanout.cell import DRAIN_SECONDS, MAX_EVENTS_AT_ONCE, Cell
from benchmarks.fanout.search import measure_sustained_rate
from benchmarks.programs import BenchmarkError


async def measure_lone_events(cell: Cell) -> None:
    """One event at a time, with pauses in between."""
    client = cell.running_client
    lasts: list[float] = []
    end = time.monotonic() + cell.plan.seconds * 1.5
    await client.zero()
    answer, spent = await client.stats(), machine.cpu_seconds(cell.contender.pid)
    while len(lasts) < 50 and (time.monotonic() < end or len(lasts) < 3):
        cell.contender.publish(1)
        answer = await client.wait(
            await cell.contender.wait_until_published(DRAIN_SECONDS), DRAIN_SECONDS
        )
        cell.require_complete(answer)
        lasts.append(answer.recent)
        await asyncio.sleep(0.05)
    cell.count(answer, len(lasts))
    lasts.sort()
    cell.result.figures |= {
        "lone_cpu": (machine.cpu_seconds(cell.contender.pid) - spent) / answer.received * 1e6,
        "lone_p50": answer.p50,
        "lone_p99": answer.p99,
        "lone_last_p50": median(lasts),
        "lone_last_p99": lasts[min(len(lasts) - 1, int(len(lasts) * 0.99))],
    }


async def measure_burst(cell: Cell) -> None:
    """Publish events at once, more each time until they take a second; record the best rate.

    The rate counts from publishing to the last delivery.
    """
    client, best = cell.running_client, 0.0
    count = max(1, min(10, int(cell.expected_rate() * DRAIN_SECONDS)))
    while True:
        await client.zero()
        started_at = time.monotonic()
        cell.contender.publish(count)
        position = await cell.contender.wait_until_published(DRAIN_SECONDS)
        publishing_seconds = time.monotonic() - started_at
        answer = await client.wait(position, DRAIN_SECONDS)
        cell.count(answer, count)
        if answer.behind and best:
            break
        cell.require_complete(answer)
        # The latency of a mutation's event does not include the time of the mutations before it.
        taken = max(answer.worst / 1000, publishing_seconds)
        best = max(best, answer.received / taken)
        if taken > 1.0 or count >= MAX_EVENTS_AT_ONCE or cell.has_spent(0.5):
            break
        count = min(MAX_EVENTS_AT_ONCE, count * 4 if taken < 0.25 else count * 2)
    cell.result.figures |= {
        "burst": best,
        "burst_events": float(count),
        "message_bytes": answer.message_bytes,
    }


async def measure_ten_per_second(cell: Cell) -> None:
    if cell.expected_rate() < 10 / 4:
        raise BenchmarkError("overwhelmed, judging by single events")
    step = await cell.publish_at_rate(10, max(3.0, cell.plan.seconds))
    if step.given_up or step.answer.behind or step.is_limited:
        raise BenchmarkError(
            "overwhelmed" if not step.is_limited else "events could not be published at this rate"
        )
    cell.result.figures |= {
        "ten_p50": step.answer.p50,
        "ten_p99": step.answer.p99,
        "ten_cpu": step.server_cpu / max(1, step.answer.received) * 1e6,
    }


async def measure_growth(cell: Cell) -> None:
    """The growth of memory per event, after all other phases have warmed up the server."""
    rate = min(500.0, cell.result.figures.get("sustained_events", cell.expected_rate()) / 2)
    await cell.contender.collect_garbage()
    before = machine.measure_memory(cell.contender.pid)
    step = await cell.publish_at_rate(rate, max(5.0, cell.plan.seconds * 2, min(15.0, 4 / rate)))
    if step.given_up or step.answer.behind:
        raise BenchmarkError("overwhelmed")
    await cell.contender.collect_garbage()
    grown = machine.measure_memory(cell.contender.pid) - before
    cell.result.figures |= {
        "growth": grown / step.published,
        "growth_events": float(step.published),
    }


PHASES = {
    "lone": measure_lone_events,
    "burst": measure_burst,
    "ten": measure_ten_per_second,
    "sustained": measure_sustained_rate,
    "growth": measure_growth,
}
