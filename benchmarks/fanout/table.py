"""The results as Markdown for RESULTS.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.fanout.results import CellResult


@dataclass(frozen=True)
class Row:
    label: str
    name: str
    phase: str
    """The phase whose reason is shown if there is no figure."""
    scale: float = 1.0
    digits: int = 0
    has_ratio: bool = True


ROWS = (
    Row("deliveries/s sustained, p99 < 250 ms", "sustained", "sustained"),
    Row("events/s at that rate", "sustained_events", "sustained", digits=1, has_ratio=False),
    Row("p99 at that rate, ms", "sustained_p99", "sustained", has_ratio=False),
    Row("deliveries/s in a burst, from publishing on", "burst", "burst"),
    Row("events in the largest burst", "burst_events", "burst", has_ratio=False),
    Row("p99 at 10 events/s, ms", "ten_p99", "ten", digits=1),
    Row("server CPU µs per delivery, sustained rate", "cpu", "sustained", digits=1),
    Row("server CPU µs per delivery at 10 events/s", "ten_cpu", "ten", digits=1),
    Row("server CPU µs per delivery of single events", "lone_cpu", "lone", digits=1),
    Row("memory per connection, KiB", "memory", "all", 1 / 1024, 1),
    Row("seconds to connect and subscribe all", "connect", "all", digits=2),
    Row("single event, each socket: p50, ms", "lone_p50", "lone", digits=1),
    Row("single event, each socket: p99, ms", "lone_p99", "lone", digits=1),
    Row("single event, until the last socket: p50, ms", "lone_last_p50", "lone", digits=1),
    Row("single event, until the last socket: p99, ms", "lone_last_p99", "lone", digits=1),
    Row("memory growth per event, KiB", "growth", "growth", 1 / 1024, 1, has_ratio=False),
    Row("events for that growth", "growth_events", "growth", has_ratio=False),
    Row("bytes per message", "message_bytes", "burst", has_ratio=False),
    Row(
        "load client's share of its core, sustained rate, %",
        "client_share",
        "sustained",
        100,
        has_ratio=False,
    ),
    Row("total load of that core, %", "load_busy", "sustained", 100, has_ratio=False),
)


def render_table(size: int, labels: Mapping[str, str], results: Mapping[str, CellResult]) -> str:
    """A row per measure, a column per contender, and beside each peer the ratio of Ticketwire to
    it."""
    peers = (
        [name for name in results if name not in ("ticketwire", "bare")]
        if "ticketwire" in results
        else []
    )
    heads = [""]
    for name in results:
        heads += [labels[name], "ratio"] if name in peers else [labels[name]]
    lines = [f"### {size:,} subscribers", "", render_line(heads), render_line(["---"] * len(heads))]
    notes: dict[str, int] = {}
    for row in ROWS:
        cells = [row.label]
        for name, result in results.items():
            cells.append(render_cell(row, result, notes, labels[name]))
            if name in peers:
                cells.append(render_ratio(row, results["ticketwire"], result))
        lines.append(render_line(cells))
    deliveries = render_counts(results, peers, lambda result: f"{result.deliveries:,}")
    wrong = render_counts(results, peers, lambda result: f"{result.wrong:,}")
    lines.append(render_line(["deliveries checked", *deliveries]))
    lines.append(render_line(["lost, duplicated, misplaced or malformed", *wrong]))
    for name, result in results.items():
        for note in dict.fromkeys(result.notes):
            notes.setdefault(f"{labels[name]}: {note}", 0)
    lines.append("")
    for text, number in notes.items():
        lines.append(f"- ({number}) {text}" if number else f"- {text}")
    return "\n".join(lines).rstrip() + "\n"


def render_counts(
    results: Mapping[str, CellResult], peers: Sequence[str], render: Callable[[CellResult], str]
) -> list[str]:
    cells: list[str] = []
    for name, result in results.items():
        cells += [render(result), ""] if name in peers else [render(result)]
    return cells


def render_cell(row: Row, result: CellResult, notes: dict[str, int], label: str) -> str:
    if row.name in result.figures:
        return f"{result.figures[row.name] * row.scale:,.{row.digits}f}"
    reason = result.reasons.get(row.phase) or result.reasons.get("all")
    if reason is None:
        return ""
    number = notes.setdefault(f"{label}: {reason}", len(notes) + 1)
    return f"– ({number})"


def render_ratio(row: Row, ours: CellResult, theirs: CellResult) -> str:
    mine, its = ours.figures.get(row.name), theirs.figures.get(row.name)
    if not row.has_ratio or mine is None or not its or its <= 0 or mine <= 0:
        return ""
    return f"{mine / its:.2g}" if mine / its < 10 else f"{mine / its:.0f}"


def render_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render_headroom(results: Mapping[str, CellResult]) -> str:
    """The load client's own limit at one size, compared with the best contender."""
    bare = results.get("bare")
    best = max(
        (best_rate(result) for name, result in results.items() if name != "bare"), default=0.0
    )
    if bare is None or "burst" not in bare.figures or not best:
        return ""
    taken = best_rate(bare)
    verdict = (
        "" if taken > 2 * best else " (**less than twice: check the client's share of its core**)"
    )
    return (
        f"The load client accepts {taken:,.0f} deliveries/s from bare C, {taken / best:,.1f} × "
        f"the best contender{verdict}."
    )


def best_rate(result: CellResult) -> float:
    return max(result.figures.get("burst", 0.0), result.figures.get("sustained", 0.0))
