"""The phase that finds the greatest rate whose p99 latency is below the limit."""

from __future__ import annotations

from benchmarks.fanout.cell import Cell
from benchmarks.fanout.results import LATENCY_LIMIT_MS, Step
from benchmarks.programs import BenchmarkError

MAX_EVENTS_PER_SECOND = 12_800
PRECISION = 1.2
"""The search stops if a rate that is too high is at most this many times a sustained one."""
LIMITED_SHARE = 0.9
"""The share of the rate at which events could be written that is tried next."""
SEARCH_SHARE = 0.55
"""The share of the budget after which the search stops."""
HOLD_SHARES = (1, 0.85, 0.7, 0.5, 0.3)
SEARCHES = 2


async def measure_sustained_rate(cell: Cell) -> None:
    """Search twice, because a disturbance may have ended the first search.

    Then hold the best rate, or a share of it, for a full window.
    """
    if cell.result.figures.get("lone_p50", 0) > LATENCY_LIMIT_MS:
        raise BenchmarkError("none: even single events are later")
    good = 0.0
    # Start at half the burst's rate: a server that batches is better at high rates than single
    # events suggest.
    rate = max(1.0, cell.result.figures.get("burst", 0.0) / cell.size / 2)
    for _ in range(SEARCHES):
        good = await search_rate(cell, rate, good)
        rate = max(1.0, good * 1.5)
    for share in HOLD_SHARES if good else HOLD_SHARES[:1]:
        step = await hold_rate(cell, max(1.0, good * share), cell.plan.seconds)
        if step.is_sustained:
            return record_sustained(cell, step)
        await cell.restore()
    if step.answer.received:
        cell.result.figures["cpu"] = step.server_cpu / step.answer.received * 1e6
    reason = "overwhelmed" if step.given_up else f"p99 {step.answer.p99:.0f} ms"
    raise BenchmarkError(
        f"none: {reason} at {step.rate:.3g} events/s {step.answer.trouble}".strip()
    )


async def search_rate(cell: Cell, rate: float, good: float) -> float:
    """Multiply or divide the rate, then bisect; return the best sustained rate, or 0."""
    too_high = 0.0
    while (
        1 <= rate <= MAX_EVENTS_PER_SECOND
        and not (too_high and too_high / max(good, 1) < PRECISION)
        and not cell.has_spent(SEARCH_SHARE)
    ):
        step = await try_rate(cell, rate)
        if step.is_sustained:
            good = min(rate, step.achieved)
        if not step.is_sustained or step.is_limited:
            too_high = rate
        if step.is_limited:
            if step.answer.p99 < LATENCY_LIMIT_MS:
                good = max(good, step.achieved * LIMITED_SHARE)
            cell.result.notes.append(
                f"events could not be written faster than {step.achieved:.0f} per second"
            )
            break
        if not too_high:
            rate *= 4 if step.answer.p99 < LATENCY_LIMIT_MS / 5 else 2
        else:
            rate = (too_high * good) ** 0.5 if good else max(1.0, rate / 4)
    return good


async def try_rate(cell: Cell, rate: float) -> Step:
    """Try a rate for half a window. Try again if it fails, because the machine may have been
    busy."""
    step = await hold_rate(cell, rate, cell.plan.seconds / 2)
    if step.is_sustained:
        return step
    await cell.restore()
    if step.given_up:
        return step
    step = await hold_rate(cell, rate, cell.plan.seconds / 2)
    if not step.is_sustained:
        await cell.restore()
    return step


async def hold_rate(cell: Cell, rate: float, seconds: float) -> Step:
    return await cell.publish_at_rate(rate, max(1.5, seconds, 4 / rate))


def record_sustained(cell: Cell, step: Step) -> None:
    cell.result.figures |= {
        "sustained": step.achieved * cell.size,
        "sustained_events": step.achieved,
        "sustained_p50": step.answer.p50,
        "sustained_p99": step.answer.p99,
        "cpu": step.server_cpu / step.answer.received * 1e6,
        "client_share": step.answer.cpu / step.answer.wall,
        "load_busy": step.load_busy,
    }
