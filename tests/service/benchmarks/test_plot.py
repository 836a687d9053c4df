"""The plots of figures: each curve has its label, and larger values are higher."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks import plot
from benchmarks.plot import GROWTH_CHARTS

SVG = "{http://www.w3.org/2000/svg}"


def draw(benchmark: str, figures: object, folder: Path, *options: str) -> ElementTree.Element:
    (folder / "figures.json").write_text(json.dumps(figures))
    target = folder / "plot.svg"
    plot.main([benchmark, str(folder / "figures.json"), str(target), *options])
    return ElementTree.fromstring(target.read_text())


def list_texts(svg: ElementTree.Element) -> list[str]:
    return [each.text for each in svg.iter(f"{SVG}text") if each.text]


def list_curves(svg: ElementTree.Element) -> list[list[tuple[float, float]]]:
    """The points of each curve, from left to right. Smaller y are higher."""
    return [
        [
            (float(x), float(y))
            for x, y in (point.split(",") for point in each.attrib["points"].split())
        ]
        for each in svg.iter(f"{SVG}polyline")
    ]


def test_latency_against_load(tmp_path: Path) -> None:
    figures = {
        f"{contender} {question} {size}": [{"p99": size * factor}]
        for contender, factor in (("ticketwire", 1.0), ("mercurius", 2.0), ("handler", 0.5))
        for question in ("Q1", "M1")
        for size in (1, 16, 64)
    }
    svg = draw("queries", figures, tmp_path, "--contenders", "ticketwire,mercurius")
    texts = list_texts(svg)
    assert texts.count("Ticketwire") == 2
    assert not any("handler" in text for text in texts)
    assert texts.index("Q1: one ticket") < texts.index("M1: a new ticket")
    assert {"connections", "p99, ms", "64"} <= set(texts)
    ours, peer, *others = list_curves(svg)
    assert len(others) == 2
    assert [x for x, _ in ours] == sorted(x for x, _ in ours)
    assert all(mine[1] > its[1] for mine, its in zip(ours, peer, strict=True))


def test_cost_against_size(tmp_path: Path) -> None:
    names = [name for reads in GROWTH_CHARTS.values() for name in reads.values()]
    figures = {
        name: {f"('SQLite', {size})": [1.0, size / 1000, 3.0e9] for size in (10_000, 1_000_000)}
        for name in names
    }
    svg = draw("growth", figures, tmp_path)
    texts = list_texts(svg)
    assert "Counts, SQLite" in texts
    assert {"tickets", "10,000", "1,000,000", "ms"} <= set(texts)
    curves = list_curves(svg)
    assert len(curves) == len(names)
    assert all(first[1] > last[1] for first, last in curves)
