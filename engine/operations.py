"""Around every operation, on HTTP and on sockets: fresh loaders, a line in the log, and introspection closed where it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule, OperationDefinitionNode, ValidationRule
from strawberry.extensions import SchemaExtension

log = structlog.get_logger("ticketwire.operation")


class OneOperation(ValidationRule):
    """For requests without an operation's name (GraphQL specification, section 6.1)."""

    def enter_document(self, node: DocumentNode, *_: Any) -> None:
        operations = [each for each in node.definitions if isinstance(each, OperationDefinitionNode)]
        if len(operations) > 1:
            self.report_error(GraphQLError("Say by operationName which of the operations to run.", operations[1:]))


class Operation(SchemaExtension):
    """`closed` says whether introspection is closed to the caller of this context."""

    def __init__(self, closed: Callable[[Any], bool]) -> None:
        self.closed = closed

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context.context
        context.refresh()
        if self.closed(context):
            self.execution_context.validation_rules += (NoSchemaIntrospectionCustomRule,)
        named = self.execution_context._provided_operation_name  # pyright: ignore[reportPrivateUsage] - else it is the first's
        if named is None:
            self.execution_context.validation_rules += (OneOperation,)
        started = time.perf_counter()
        yield
        errors = getattr(self.execution_context.result, "errors", None)
        log.info(
            "operation",
            request_id=context.request_id,
            name=self.execution_context.operation_name,
            kind=self.kind(),
            errors=len(errors) if errors else 0,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )

    def kind(self) -> str | None:
        document = self.execution_context.graphql_document
        if document is None:
            return None
        kinds = [each.operation.value for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        return kinds[0] if len(kinds) == 1 else ",".join(kinds[:10])
