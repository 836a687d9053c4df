"""What was found, as Markdown for RESULTS.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.queries.client import Answer

Cells = Mapping[tuple[str, str, int], Sequence[Answer]]
"""The rounds of each contender, question and number of connections."""


def tables(
    cells: Cells, labels: Mapping[str, str], names: Sequence[str], sizes: Sequence[int], reasons: Mapping[str, str]
) -> str:
    """A table for each number of connections: requests a second (p99 in ms), and ours by each other's, by the medians."""
    parts: list[str] = []
    for size in sizes:
        heads = ["", *(part for name in names for part in (f"{name}: req/s (p99)", "ours/it"))]
        lines = [f"#### {size} connections", "", line(heads), line(["---"] * len(heads))]
        for contender, label in labels.items():
            row = [label]
            for name in names:
                found = cells.get((contender, name, size))
                row += [shown(found), ratio(cells.get(("ours", name, size)), found) if contender != "ours" else ""]
            lines.append(line(row))
        parts.append("\n".join(lines))
    notes = [f"- {labels[contender]}: {reason}" for contender, reason in reasons.items()]
    for (contender, name, size), found in cells.items():
        if wrong := amiss(found):
            notes.append(f"- {labels[contender]}, {name}, {size} connections: {wrong}")
    return "\n\n".join(parts) + ("\n\n" + "\n".join(notes) if notes else "")


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def middle(found: Sequence[Answer], of: Callable[[Answer], float]) -> float:
    return median(of(each) for each in found)


def shown(found: Sequence[Answer] | None) -> str:
    return f"{middle(found, lambda a: a.rate):,.0f} ({middle(found, lambda a: a.p99):,.0f})" if found else "–"


def ratio(ours: Sequence[Answer] | None, theirs: Sequence[Answer] | None) -> str:
    if not ours or not theirs:
        return ""
    its = middle(theirs, lambda a: a.rate)
    return f"{middle(ours, lambda a: a.rate) / its:.2f}" if its else ""


def amiss(found: Sequence[Answer]) -> str:
    """What went wrong in a cell, or nothing."""
    wrong = sum(each.wrong for each in found)
    trouble = next((each.trouble for each in found if each.trouble), "")
    return f"**{wrong} answers failed or were missing** {trouble[:160]}".strip() if wrong else ""


def headroom(cells: Cells, ceiling: Mapping[int, Answer]) -> str:
    """How we know that the load client is not the limit."""
    most = max((middle(found, lambda a: a.rate) for found in cells.values()), default=0.0)
    share = max((each.cpu / each.wall for found in cells.values() for each in found), default=0.0)
    if not ceiling or not most:
        return ""
    taken = min(each.rate for each in ceiling.values())
    return (
        f"The load client takes {taken:,.0f} answers/s of a page's size from a C server that has them ready, "
        f"{taken / most:,.1f} × the most that any contender gave; with them it used at most {share * 100:.0f} % of its core."
    )
