"""The example operations of docs/operations, which GraphiQL shows as tabs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

FOLDER = Path(__file__).parents[2] / "docs" / "operations"


@dataclass
class Example:
    """One operation: its file's name without the suffix, its text, and its variables."""

    file: str
    text: str
    variables: dict[str, Any]

    @property
    def operation(self) -> OperationDefinitionNode:
        """The only definition of the file."""
        (definition,) = parse(self.text).definitions
        assert isinstance(definition, OperationDefinitionNode)
        return definition

    @property
    def name(self) -> str:
        node = self.operation.name
        assert node is not None, self.file
        return node.value


def read_examples() -> list[Example]:
    """All operations, in the order of the tabs."""
    found: list[Example] = []
    for path in sorted(FOLDER.glob("*.graphql")):
        variables = path.with_suffix(".json")
        values = json.loads(variables.read_text()) if variables.is_file() else {}
        found.append(Example(path.stem, path.read_text(), values))
    return found
