"""The paths of operations in docs/architecture.md are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| \d+ \| `([\w/.]+)` \| `([\w.]+)` \| .+ \|$", re.MULTILINE)
SHARED_ROWS = 10
"""The first rows of `resolveTicket`, which the path of `tickets` does not repeat."""
HALF_OF_EARLIER = {
    "resolveTicket": (37, 10),
    "ticketEvents(after:)": (24, 8),
    "tickets(filter:, first:)": (25, 4),
}
"""Half of the rows, and of the returns to an earlier file, that each path had before the packages.
"""


def read_paths() -> dict[str, list[tuple[str, str]]]:
    """The file and the function in each row, by operation."""
    text = (ROOT / "docs/architecture.md").read_text()
    _, *sections = re.split(r"^### `(.+)`$", text, flags=re.MULTILINE)
    rows_of = {
        name: [(file, function) for file, function in ROW.findall(section)]
        for name, section in zip(sections[::2], sections[1::2], strict=True)
    }
    shared = rows_of["resolveTicket"][:SHARED_ROWS]
    rows_of["tickets(filter:, first:)"] = shared + rows_of["tickets(filter:, first:)"]
    return rows_of


def list_definitions(file: str) -> set[str]:
    """The classes and functions of a file, and the methods as `Class.method`."""
    code = ast.parse((ROOT / file).read_text())
    names: set[str] = set()
    for node in code.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (ast.FunctionDef, ast.AsyncFunctionDef)
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, methods)}
    return names


def test_every_function_of_the_paths_exists() -> None:
    for rows in read_paths().values():
        for file, function in rows:
            assert function in list_definitions(file), f"{function} in {file}"


@pytest.mark.parametrize("operation", HALF_OF_EARLIER)
def test_a_path_stays_short(operation: str) -> None:
    rows = read_paths()[operation]
    max_rows, max_returns = HALF_OF_EARLIER[operation]
    assert SHARED_ROWS < len(rows) <= max_rows
    assert len(rows) - len({file for file, _ in rows}) <= max_returns
