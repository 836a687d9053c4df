"""What was found, as Markdown for RESULTS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.fanout.found import Found


@dataclass(frozen=True)
class Row:
    label: str
    name: str
    phase: str
    """Whose reason stands here where there is no figure."""
    scale: float = 1.0
    digits: int = 0
    ratio: bool = True


ROWS = (
    Row("deliveries/s sustained, p99 < 250 ms", "sustained", "sustained"),
    Row("events/s of it", "sustained_events", "sustained", digits=1, ratio=False),
    Row("p99 of it, ms", "sustained_p99", "sustained", ratio=False),
    Row("deliveries/s in a burst, from its sending on", "burst", "burst"),
    Row("events in it at most", "burst_events", "burst", ratio=False),
    Row("p99 at 10 events/s, ms", "ten_p99", "ten", digits=1),
    Row("server's CPU µs a delivery, as sustained", "cpu", "sustained", digits=1),
    Row("server's CPU µs a delivery at 10 events/s", "ten_cpu", "ten", digits=1),
    Row("server's CPU µs a delivery of lone events", "lone_cpu", "lone", digits=1),
    Row("memory a connection, KiB", "memory", "all", 1 / 1024, 1),
    Row("seconds to connect and subscribe all", "connect", "all", digits=2),
    Row("lone event, each socket: p50, ms", "lone_p50", "lone", digits=1),
    Row("lone event, each socket: p99, ms", "lone_p99", "lone", digits=1),
    Row("lone event, until the last: p50, ms", "lone_last_p50", "lone", digits=1),
    Row("lone event, until the last: p99, ms", "lone_last_p99", "lone", digits=1),
    Row("memory growth an event, KiB", "growth", "growth", 1 / 1024, 1, ratio=False),
    Row("over so many events", "growth_events", "growth", ratio=False),
    Row("bytes a message", "message_bytes", "burst", ratio=False),
    Row("load client's share of its core, as sustained, %", "client_share", "sustained", 100, ratio=False),
    Row("that core's load in all, %", "load_busy", "sustained", 100, ratio=False),
)


def table(size: int, labels: Mapping[str, str], found: Mapping[str, Found]) -> str:
    """One table: a row a measure, a column a contender, and ours/theirs beside each peer."""
    rivals = [name for name in found if name not in ("ours", "bare")] if "ours" in found else []
    heads = [""]
    for name in found:
        heads += [labels[name], "ours/it"] if name in rivals else [labels[name]]
    lines = [f"### {size:,} subscribers", "", line(heads), line(["---"] * len(heads))]
    notes: dict[str, int] = {}
    for row in ROWS:
        cells = [row.label]
        for name, each in found.items():
            cells.append(cell(row, each, notes, labels[name]))
            if name in rivals:
                cells.append(ratio(row, found["ours"], each))
        lines.append(line(cells))
    lines.append(line(["deliveries checked", *spread(found, rivals, lambda each: f"{each.deliveries:,}")]))
    lines.append(line(["missed, doubled, misplaced or malformed", *spread(found, rivals, lambda each: f"{each.wrong:,}")]))
    for name, each in found.items():
        for note in dict.fromkeys(each.notes):
            notes.setdefault(f"{labels[name]}: {note}", 0)
    lines += ["", *(f"- {f'({number}) ' if number else ''}{text}" for text, number in notes.items())]
    return "\n".join(lines).rstrip() + "\n"


def spread(found: Mapping[str, Found], rivals: Sequence[str], shown: object) -> list[str]:
    cells: list[str] = []
    for name, each in found.items():
        cells += [shown(each), ""] if name in rivals else [shown(each)]  # type: ignore[operator]
    return cells


def cell(row: Row, found: Found, notes: dict[str, int], label: str) -> str:
    if row.name in found.figures:
        return f"{found.figures[row.name] * row.scale:,.{row.digits}f}"
    reason = found.reasons.get(row.phase) or found.reasons.get("all")
    if reason is None:
        return ""
    number = notes.setdefault(f"{label}: {reason}", len(notes) + 1)
    return f"– ({number})"


def ratio(row: Row, ours: Found, theirs: Found) -> str:
    mine, its = ours.figures.get(row.name), theirs.figures.get(row.name)
    if not row.ratio or mine is None or not its or its <= 0 or mine <= 0:
        return ""
    return f"{mine / its:.2g}" if mine / its < 10 else f"{mine / its:.0f}"


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def headroom(found: Mapping[str, Found]) -> str:
    """How we know that the load client is not the limit, at one size."""
    bare = found.get("bare")
    most = max((rate(each) for name, each in found.items() if name != "bare"), default=0.0)
    if bare is None or "burst" not in bare.figures or not most:
        return ""
    taken = rate(bare)
    verdict = "" if taken > 2 * most else " (**less than twice: mind the client's share of its core**)"
    return (
        f"The load client takes {taken:,.0f} deliveries/s from bare C, {taken / most:,.1f} × the most that any contender "
        f"delivered{verdict}."
    )


def rate(found: Found) -> float:
    return max(found.figures.get("burst", 0.0), found.figures.get("sustained", 0.0))
