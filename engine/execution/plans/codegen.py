"""Generates the Python functions that build response objects from rows or records.

The generated text holds only names of the schema and row indices. Everything else, including
aliases in the operation, is a constant or a literal made by `repr`. In it, `r` is a row, `o` a
record or a page, `v` a value, `c` a cursor, and `s` the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from engine.execution.plans.plan_run import BuiltObjects, PlanRun, SelectionNode, State, abandon


class CodeBuilder:
    """Collects generated functions and their constants, and compiles them as one module."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"abandon": abandon}
        self.functions: list[str] = []
        self.nodes: list[SelectionNode] = []
        self.dispatch_tables: list[tuple[str, Mapping[Any, str]]] = []

    def constant(self, value: object) -> str:
        """Add a constant and return its name."""
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, parameters: str, body: str) -> str:
        """Add a function that returns the expression `body`, and return its name."""
        name = f"f{len(self.names)}"
        self.names[name] = None
        self.functions.append(f"def {name}({parameters}):\n    return {body}")
        return name

    def dispatch_table(self, functions: Mapping[Any, str]) -> str:
        """Add a constant that maps values to the functions with these names; return its name."""
        table = self.constant({})
        self.dispatch_tables.append((table, functions))
        return table

    def object(self, node: SelectionNode, source: str, fields: list[str]) -> str:
        """The expression for an object. `fields` are `key: value` expressions.

        If the node has nested fields, the object is also recorded in the state, to be filled in.
        """
        body = f"{{{', '.join(fields)}}}"
        if not node.nested_fields:
            return body
        self.nodes.append(node)
        return f"s[{len(self.nodes)}]({source}, {body})"

    def compile(self) -> None:
        """Define the functions. Afterwards `names` holds them."""
        code = compile_source("\n".join(self.functions))
        exec(code, self.names)  # noqa: S102 - the text is generated, without input
        for table, functions in self.dispatch_tables:
            targets = {value: self.names[name] for value, name in functions.items()}
            self.names[table].update(targets)

    def new_state(self, run: PlanRun) -> State:
        return [run, *map(BuiltObjects, self.nodes)]


@lru_cache(maxsize=1000)
def compile_source(text: str) -> CodeType:
    """Compile generated functions. Operations of the same shape share text, and so code."""
    return compile(text, "<plan>", "exec")
