"""The phases of a cell, each with figures of its own. What a phase can't tell it raises as Failed, with the reason."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from benchmarks.fanout import machine
from benchmarks.fanout.cell import DRAIN_SECONDS, MOST_AT_ONCE, Cell
from benchmarks.fanout.search import sustained
from benchmarks.programs import Failed


async def lone(cell: Cell) -> None:
    """One event at a time, with quiet between."""
    client, lasts, end = cell.at_hand, list[float](), time.monotonic() + cell.plan.seconds * 1.5
    await client.zero()
    answer, spent = await client.stats(), machine.cpu_seconds(cell.contender.pid)
    while len(lasts) < 50 and (time.monotonic() < end or len(lasts) < 3):
        cell.contender.publish(1)
        answer = await client.wait(await cell.contender.settled(DRAIN_SECONDS), DRAIN_SECONDS)
        cell.check(answer)
        lasts.append(answer.recent)
        await asyncio.sleep(0.05)
    cell.count(answer, len(lasts))
    lasts.sort()
    cell.found.figures |= {
        "lone_cpu": (machine.cpu_seconds(cell.contender.pid) - spent) / answer.received * 1e6,
        "lone_p50": answer.p50,
        "lone_p99": answer.p99,
        "lone_last_p50": median(lasts),
        "lone_last_p99": lasts[min(len(lasts) - 1, int(len(lasts) * 0.99))],
    }


async def burst(cell: Cell) -> None:
    """Events published at once, more each time until they take a while; the best rate, from the sending to the last."""
    client, best, count = cell.at_hand, 0.0, max(1, min(10, int(cell.modest() * DRAIN_SECONDS)))
    while True:
        await client.zero()
        cell.contender.publish(count)
        answer = await client.wait(await cell.contender.settled(DRAIN_SECONDS), DRAIN_SECONDS)
        cell.count(answer, count)
        if answer.behind and best:
            break
        cell.check(answer)
        taken = answer.worst / 1000
        best = max(best, answer.received / taken)
        if taken > 1.0 or count >= MOST_AT_ONCE or cell.spent(0.5):
            break
        count = min(MOST_AT_ONCE, count * 4 if taken < 0.25 else count * 2)
    cell.found.figures |= {"burst": best, "burst_events": float(count), "message_bytes": answer.message_bytes}


async def ten(cell: Cell) -> None:
    if cell.modest() < 10 / 4:
        raise Failed("overwhelmed, as lone events tell")
    step = await cell.paced(10, max(3.0, cell.plan.seconds))
    if step.given_up or step.answer.behind or step.is_limited:
        raise Failed("overwhelmed" if not step.is_limited else "events came slower than that")
    cell.found.figures |= {
        "ten_p50": step.answer.p50,
        "ten_p99": step.answer.p99,
        "ten_cpu": step.server_cpu / max(1, step.answer.received) * 1e6,
    }


async def growth(cell: Cell) -> None:
    """How memory grows with events, once all the phases before have warmed the server up."""
    rate = min(500.0, cell.found.figures.get("sustained_events", cell.modest()) / 2)
    await cell.contender.collect()
    before = machine.memory(cell.contender.pid)
    step = await cell.paced(rate, max(5.0, cell.plan.seconds * 2, min(15.0, 4 / rate)))
    if step.given_up or step.answer.behind:
        raise Failed("overwhelmed")
    await cell.contender.collect()
    grown = machine.memory(cell.contender.pid) - before
    cell.found.figures |= {"growth": grown / step.published, "growth_events": float(step.published)}


PHASES = {"lone": lone, "burst": burst, "ten": ten, "sustained": sustained, "growth": growth}
