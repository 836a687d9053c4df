"""One operation of a document, with what is worked out about it once, and its line in the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    SKIP,
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)

from engine.graphql.document_limits import Selection
from engine.telemetry import logging

QUERIES = (OperationType.QUERY,)
QUERIES_AND_MUTATIONS = (OperationType.QUERY, OperationType.MUTATION)
SUBSCRIPTIONS = (OperationType.SUBSCRIPTION,)
"""Operation types that a transport allows."""


class Operation:
    """`plan` and `price` are filled in by who needs them first, for a document is kept for many requests."""

    __slots__ = ("compiled", "cursor_variables", "document", "name", "node", "query_cost", "root", "text", "type", "validation_errors")

    def __init__(
        self,
        text: str,
        document: DocumentNode,
        node: OperationDefinitionNode,
        root: Selection,
        errors: Mapping[bool, Sequence[GraphQLError]],
    ) -> None:
        self.text = text
        self.validation_errors = errors
        """The document's, by whether introspection is closed."""
        self.document = document
        self.node = node
        self.root = root
        """What it asks for, fragments in their places."""
        self.type: OperationType = node.operation
        self.name = node.name.value if node.name else None
        self.compiled: Any = None
        self.query_cost: Any = None
        self.cursor_variables: dict[str, str | None] = {}

    def cursor_variable(self, argument: str) -> str | None:
        """The variable that gives the root field's cursor and nothing else; None where there is none."""
        if argument not in self.cursor_variables:
            self.cursor_variables[argument] = self.find_cursor_variable(argument)
        return self.cursor_variables[argument]

    def find_cursor_variable(self, argument: str) -> str | None:
        fields = [each for each in self.node.selection_set.selections if isinstance(each, FieldNode)]
        given = [each.value for field in fields for each in field.arguments or () if each.name.value == argument]
        if not given or not isinstance(given[0], VariableNode):
            return None
        uses = VariableUseCounter()
        visit(self.document, uses)
        found = given[0].name.value
        return found if uses.count[found] == 1 else None


class VariableUseCounter(Visitor):
    """Counts where variables are used; their definitions are no uses."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def enter_variable_definition(self, *_: Any) -> Any:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.count[node.name.value] += 1


def log_operation(request_id: str, operation: Operation | None, result: Any, started: float, **more: Any) -> None:
    """One line for each operation; `started` is by the performance counter."""
    facts: Mapping[str, Any] = {} if operation is None else {"name": operation.name, "kind": operation.type.value}
    errors = getattr(result, "errors", None)
    taken = round((time.perf_counter() - started) * 1000, 1)
    logging.log_operation(request_id, **facts, errors=len(errors) if errors else 0, ms=taken, **more)
