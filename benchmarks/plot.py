"""`python -m benchmarks plot`: draws the figures that a benchmark has written with `--json`.

    python -m benchmarks plot queries FILE SVG
    python -m benchmarks plot growth FILE SVG

`queries`: the latency of Ticketwire and of the peers against the number of connections. `growth`:
the time of some reads against the number of tickets.
"""

from __future__ import annotations

import json
import sys
from ast import literal_eval
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import command_line
from benchmarks.charts import Axis, Chart, draw_text, render_svg
from benchmarks.command_line import parse_names
from benchmarks.queries.contenders import create_contenders

Points = Sequence[tuple[float, float]]
STYLES = ("curve", "curve second", "curve third", "curve fourth", "curve fifth", "curve sixth")
QUESTIONS = {
    "Q1": "Q1: one ticket",
    "Q2": "Q2: a page of 50 tickets",
    "Q3": "Q3: 20 tickets with messages",
    "M1": "M1: a new ticket",
}
GROWTH_CHARTS: Mapping[str, Mapping[str, str]] = {
    "Pages of all tickets": {
        "newest change": "agent, all tickets: newest change, first",
        "after the middle": "agent, all tickets: newest change, after the middle",
        "priority": "agent, all tickets: priority, first",
        "next SLA breach": "agent, all tickets: next SLA breach, first",
    },
    "Filters and queues": {
        "open": "agent, newest change: open",
        "a team's queue": "agent, open tickets: a team's queue",
        "a common tag": "agent, newest change: a common tag",
        "a common word": "agent, newest change: a common word",
    },
    "The log and records": {
        "the log": "the log: after the middle",
        "messages of 20 tickets": "records: messages of 20 tickets",
        "a customer's log": "customer: the log, last",
        "a customer's page": "customer: newest change",
    },
    "Counts": {
        "ticketStats, all": "counts and statistics: ticketStats by status, all",
        "ticketStats, open": "counts and statistics: ticketStats by status, open",
        "totalCount, all": "counts and statistics: totalCount, all",
        "totalCount, open": "counts and statistics: totalCount, open",
    },
}


def draw_chart(
    index: int, title: str, horizontal: Axis, curves: Mapping[str, Points], unit: str
) -> list[str]:
    """A chart with logarithmic scales. The label of each curve has its colour."""
    values = [value for points in curves.values() for _, value in points]
    chart = Chart(index, horizontal, Axis.logarithmic(unit, values))
    parts, labels = chart.draw_frame(title), list[str]()
    for place, ((label, points), style) in enumerate(zip(curves.items(), STYLES, strict=False)):
        parts.append(chart.draw_curve(points, style))
        text_style = f"{style.split()[-1]}-label"
        y = chart.top + 12 + 14 * place
        labels.append(draw_text(chart.left + 8, y, label, "start", text_style))
    return parts + labels


def plot_queries(figures: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """The p99 latency by connections. `figures` has the rounds by contender, operation, size."""
    labels = {
        name: each.label.removesuffix(", its own tables")
        for name, each in create_contenders("postgres").items()
    }
    cells: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for key, rounds in figures.items():
        contender, question, connections = key.rsplit(" ", 2)
        curve = cells.setdefault(question, {}).setdefault(labels.get(contender, contender), [])
        curve.append((float(connections), median(each["p99"] for each in rounds)))
    sizes = sorted({int(x) for by in cells.values() for points in by.values() for x, _ in points})
    horizontal = Axis.of_sizes("connections", sizes)
    parts: list[str] = []
    for index, (question, curves) in enumerate(sorted(cells.items(), key=rank_question)):
        ordered = {label: sorted(points) for label, points in curves.items()}
        parts += draw_chart(index, QUESTIONS[question], horizontal, ordered, "p99, ms")
    heading = "Latency against load"
    text = "Each connection sends a request as soon as it has the last response."
    return render_svg(heading, [text], parts, len(cells))


def rank_question(item: tuple[str, object]) -> int:
    return list(QUESTIONS).index(item[0])


def plot_growth(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """The time of reads by the number of tickets. `figures` has the times by read and database."""
    databases = list(
        dict.fromkeys(literal_eval(key)[0] for each in figures.values() for key in each)
    )
    parts: list[str] = []
    index = 0
    for title, reads in GROWTH_CHARTS.items():
        for database in databases:
            curves = {
                label: [
                    (float(literal_eval(key)[1]), median(ms))
                    for key, ms in figures[name].items()
                    if literal_eval(key)[0] == database
                ]
                for label, name in reads.items()
            }
            sizes = sorted({int(size) for points in curves.values() for size, _ in points})
            horizontal = Axis.of_sizes("tickets", sizes)
            parts += draw_chart(index, f"{title}, {database}", horizontal, curves, "ms")
            index += 1
    text = "The time of a page of 50, of its records, or of a count, in the process of the server."
    return render_svg("Cost against size", [text], parts, index)


PLOTS = {"queries": plot_queries, "growth": plot_growth}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = command_line.create_parser("plot", __doc__)
    parser.add_argument("benchmark", choices=PLOTS)
    parser.add_argument("figures", type=Path, help="a file that the benchmark wrote with --json")
    parser.add_argument("svg", type=Path, help="the file to write")
    parser.add_argument("--contenders", type=parse_names, help="of queries; by default all")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    figures = json.loads(options.figures.read_text())
    if options.contenders is not None:
        chosen = set(options.contenders)
        figures = {key: each for key, each in figures.items() if key.split(" ")[0] in chosen}
    options.svg.write_text(PLOTS[options.benchmark](figures))


if __name__ == "__main__":
    main()
