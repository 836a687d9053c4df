"""One operation of a document, with the results that are computed once, and its line in the log."""

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

from engine.graphql.document_limits import ResponseField
from engine.telemetry.logging import log_operation_fields

QUERIES = (OperationType.QUERY,)
QUERIES_AND_MUTATIONS = (OperationType.QUERY, OperationType.MUTATION)
SUBSCRIPTIONS = (OperationType.SUBSCRIPTION,)
"""Operation types that a transport allows."""


class Operation:
    """An operation of a cached document. It is executed for many requests."""

    __slots__ = (
        "compiled",
        "cursor_variables",
        "document",
        "name",
        "node",
        "query_cost",
        "root",
        "text",
        "type",
        "validation_errors",
    )

    def __init__(
        self,
        text: str,
        document: DocumentNode,
        node: OperationDefinitionNode,
        root: ResponseField,
        validation_errors: Mapping[bool, Sequence[GraphQLError]],
    ) -> None:
        self.text = text
        self.validation_errors = validation_errors
        """The document's errors, by whether the schema is hidden from the viewer."""
        self.document = document
        self.node = node
        self.root = root
        """The root of the response, with fragments expanded."""
        self.type: OperationType = node.operation
        self.name = node.name.value if node.name else None
        self.compiled: Any = None
        """The operation's compiled plans, set by the planner."""
        self.query_cost: Any = None
        """The operation's QueryCost, set when it is first charged."""
        self.cursor_variables: dict[str, str | None] = {}

    def cursor_variable(self, argument: str) -> str | None:
        """The variable that is used only as the root field's cursor `argument`, if any.

        Subscriptions that differ only in its value can share an execution.
        """
        if argument not in self.cursor_variables:
            self.cursor_variables[argument] = self.find_cursor_variable(argument)
        return self.cursor_variables[argument]

    def find_cursor_variable(self, argument: str) -> str | None:
        selections = self.node.selection_set.selections
        values = [
            each.value
            for field in selections
            if isinstance(field, FieldNode)
            for each in field.arguments or ()
            if each.name.value == argument
        ]
        if not values or not isinstance(values[0], VariableNode):
            return None
        counter = VariableUseCounter()
        visit(self.document, counter)
        variable = values[0].name.value
        return variable if counter.counts[variable] == 1 else None


class VariableUseCounter(Visitor):
    """Counts how often each variable is used, apart from its definition."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def enter_variable_definition(self, *_: Any) -> Any:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.counts[node.name.value] += 1


def log_operation(
    request_id: str,
    actor_id: str | None,
    operation: Operation | None,
    result: Any,
    started: float,
) -> None:
    """Write the operation's line to the log.

    Args:
        actor_id: The id of the viewer, after the operation; None if the request is anonymous.
        operation: None if the request has no valid operation.
        result: A result with `errors`; None for a subscription that has started.
        started: The time at which the request arrived, from `time.perf_counter`.
    """
    names: Mapping[str, Any] = {}
    if operation is not None:
        names = {"name": operation.name, "kind": operation.type.value}
    errors = getattr(result, "errors", None)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    error_count = len(errors) if errors else 0
    log_operation_fields(request_id, actor=actor_id, **names, errors=error_count, ms=milliseconds)
