"""The phase that looks for the greatest rate at which 99 of 100 deliveries come in time."""

from __future__ import annotations

from benchmarks.fanout.cell import Cell
from benchmarks.fanout.found import BOUND_MS, Step
from benchmarks.programs import Failed

MOST_A_SECOND = 12_800
CLOSE = 1.2
SEARCH_SHARE = 0.55
SHARES = (1, 0.85, 0.7, 0.5, 0.3)
SEARCHES = 2


async def sustained(cell: Cell) -> None:
    """Search twice, for the first may have met with a disturbance; then hold what was found for longer, or a share of it."""
    if cell.found.figures.get("lone_p50", 0) > BOUND_MS:
        raise Failed("none: even lone events come later")
    good = 0.0
    # Half of what a burst showed: a server that gathers what waits is better at high rates than lone events let expect.
    rate = max(1.0, cell.found.figures.get("burst", 0.0) / cell.size / 2)
    for _ in range(SEARCHES):
        good = await searched(cell, rate, good)
        rate = max(1.0, good * 1.5)
    for share in SHARES if good else SHARES[:1]:
        step = await held(cell, max(1.0, good * share), cell.plan.seconds)
        if step.is_good:
            return sustain(cell, step)
        await cell.whole()
    if step.answer.received:
        cell.found.figures["cpu"] = step.server_cpu / step.answer.received * 1e6
    late = "overwhelmed" if step.given_up else f"p99 {step.answer.p99:.0f} ms"
    raise Failed(f"none: {late} at {step.rate:.3g} events/s {step.answer.trouble}".strip())


async def searched(cell: Cell, rate: float, good: float) -> float:
    """From a rate fast up or down, then halved in; returns the best that is known now, or 0."""
    bad = 0.0
    while 1 <= rate <= MOST_A_SECOND and not (bad and bad / max(good, 1) < CLOSE) and not cell.spent(SEARCH_SHARE):
        step = await tried(cell, rate)
        if step.is_good:
            good = min(rate, step.achieved)
        if not step.is_good or step.is_limited:
            bad = rate
        if step.is_limited:
            cell.found.notes.append(f"events could not be written faster than {step.achieved:.0f} a second")
            break
        if not bad:
            rate *= 4 if step.answer.p99 < BOUND_MS / 5 else 2
        else:
            rate = (bad * good) ** 0.5 if good else max(1.0, rate / 4)
    return good


async def tried(cell: Cell, rate: float) -> Step:
    """A short look; twice where the first is bad, for others use this machine as well."""
    step = await held(cell, rate, cell.plan.seconds / 2)
    if step.is_good:
        return step
    await cell.whole()
    if step.given_up:
        return step
    step = await held(cell, rate, cell.plan.seconds / 2)
    if not step.is_good:
        await cell.whole()
    return step


async def held(cell: Cell, rate: float, seconds: float) -> Step:
    return await cell.paced(rate, max(1.5, seconds, 4 / rate))


def sustain(cell: Cell, step: Step) -> None:
    cell.found.figures |= {
        "sustained": step.achieved * cell.size,
        "sustained_events": step.achieved,
        "sustained_p50": step.answer.p50,
        "sustained_p99": step.answer.p99,
        "cpu": step.server_cpu / step.answer.received * 1e6,
        "client_share": step.answer.cpu / step.answer.wall,
        "load_busy": step.load_busy,
    }
