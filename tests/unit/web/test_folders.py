"""The folders of the web applications import each other in one direction only."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from support.service import ROOT

SOURCES = ROOT / "web" / "src"
IMPORT = re.compile(r'''(?:from |import\()"(\.[^"]+)"''')


def find_edges(folder: Path) -> dict[str, set[str]]:
    """Which folders below this one each of them imports."""
    edges: dict[str, set[str]] = {}
    for file in folder.glob("*/**/*"):
        if file.suffix not in (".ts", ".svelte"):
            continue
        own = file.relative_to(folder).parts[0]
        imports = edges.setdefault(own, set())
        for name in IMPORT.findall(file.read_text()):
            target = (file.parent / name).resolve()
            if target.is_relative_to(folder):
                other = target.relative_to(folder).parts
                if len(other) > 1 and other[0] != own:
                    imports.add(other[0])
    return edges


@pytest.mark.parametrize("application", ["admin", "desk", "portal", "shared"])
def test_folders_have_no_cycle(application: str) -> None:
    edges = find_edges(SOURCES / application)
    assert any(edges.values())
    TopologicalSorter(edges).prepare()  # raises CycleError, which names the folders


def test_shared_parts_know_no_application() -> None:
    edges = find_edges(SOURCES)
    assert edges["shared"] <= {"generated"}
    assert not {"admin", "desk", "sign-in"} & edges["portal"]
    assert not {"admin", "portal", "sign-in"} & edges["desk"]
    assert edges["admin"] == {"shared"}
