"""The results as Markdown for RESULTS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.queries.client import ClientResult

Cells = Mapping[tuple[str, str, int], Sequence[ClientResult]]
"""The results of all rounds by contender, operation and number of connections."""


def render_tables(
    cells: Cells,
    labels: Mapping[str, str],
    names: Sequence[str],
    sizes: Sequence[int],
    reasons: Mapping[str, str],
) -> str:
    """A table of medians for each number of connections, followed by notes on errors.

    Each operation has the requests per second (p99 in ms), and Ticketwire's rate divided by the
    contender's.
    """
    parts = [render_table(cells, labels, names, size) for size in sizes]
    notes = [f"- {labels[contender]}: {reason}" for contender, reason in reasons.items()]
    for (contender, name, size), results in cells.items():
        errors = describe_errors(results)
        if errors:
            notes.append(f"- {labels[contender]}, {name}, {size} connections: {errors}")
    return "\n\n".join(parts) + ("\n\n" + "\n".join(notes) if notes else "")


def render_table(cells: Cells, labels: Mapping[str, str], names: Sequence[str], size: int) -> str:
    heads = [""]
    for name in names:
        heads += [f"{name}: req/s (p99)", "ratio"]
    lines = [
        f"#### {size} connections",
        "",
        render_row(heads),
        render_row(["---"] * len(heads)),
    ]
    for contender, label in labels.items():
        row = [label]
        for name in names:
            results = cells.get((contender, name, size))
            ours = cells.get(("ticketwire", name, size))
            ratio = "" if contender == "ticketwire" else format_ratio(ours, results)
            row += [format_results(results), ratio]
        lines.append(render_row(row))
    return "\n".join(lines)


def render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def median_rate(results: Sequence[ClientResult]) -> float:
    return median(result.rate for result in results)


def format_results(results: Sequence[ClientResult] | None) -> str:
    if not results:
        return "–"
    p99 = median(result.p99 for result in results)
    return f"{median_rate(results):,.0f} ({p99:,.0f})"


def format_ratio(ours: Sequence[ClientResult] | None, theirs: Sequence[ClientResult] | None) -> str:
    if not ours or not theirs:
        return ""
    their_rate = median_rate(theirs)
    return f"{median_rate(ours) / their_rate:.2f}" if their_rate else ""


def describe_errors(results: Sequence[ClientResult]) -> str:
    """The number of failed and missing responses, and the first error; empty without errors."""
    wrong = sum(result.wrong for result in results)
    trouble = next((result.trouble for result in results if result.trouble), "")
    text = f"**{wrong} responses failed or were missing** {trouble[:160]}".strip()
    return text if wrong else ""


def render_headroom(cells: Cells, ceiling: Mapping[int, ClientResult]) -> str:
    """Evidence that the load client does not limit the contenders."""
    best = max((median_rate(results) for results in cells.values()), default=0.0)
    if not ceiling or not best:
        return ""
    cpu_share = max(result.cpu / result.wall for results in cells.values() for result in results)
    max_rate = min(result.rate for result in ceiling.values())
    return (
        f"The load client accepts {max_rate:,.0f} responses/s of the size of a page from a C "
        f"server that has them ready, {max_rate / best:,.1f} × the best contender. With the "
        f"contenders it used at most {cpu_share * 100:.0f} % of its core."
    )
