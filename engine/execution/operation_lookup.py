"""Finds the operation that a request asks for, and checks that it may be executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphql import GraphQLError, OperationType
from strawberry.types.execution import PreExecutionError

from engine.graphql.document_cache import DocumentCache
from engine.graphql.errors import RequestError
from engine.graphql.operation import Operation
from engine.graphql.persisted_documents import PersistedDocuments
from engine.graphql.request import GraphQLRequest, has_more_values
from engine.graphql.response import request_error_result
from engine.limit_refusals import count_refusal

MAX_VARIABLE_VALUES = 2500
"""Values are coerced one by one. If each makes an input object, so many take about 30 ms."""
OPERATION_TYPE_PLURALS = {
    OperationType.QUERY: "queries",
    OperationType.MUTATION: "mutations",
    OperationType.SUBSCRIPTION: "subscriptions",
}


class OperationLookup:
    """Looks up operations in the persisted documents and the document cache.

    Args:
        check_caller: Returns an error if the rate limit of the caller with this key has no room
            for checking another document.
    """

    def __init__(
        self,
        persisted_documents: PersistedDocuments,
        document_cache: DocumentCache,
        check_caller: Callable[[str], GraphQLError | None],
    ) -> None:
        self.persisted_documents = persisted_documents
        self.document_cache = document_cache
        self.check_caller = check_caller

    async def find(
        self, request: GraphQLRequest, caller: str, *, is_schema_hidden: bool
    ) -> Operation | GraphQLError:
        """Find the operation in the document cache; parse and validate the document if needed.

        Errors are returned, not raised: a cached error that is raised would keep the frames that
        it passes through in memory.
        """
        try:
            text = await self.persisted_documents.find_text(request.query, request.extensions)
            document = self.document_cache.get_cached(text, is_schema_hidden=is_schema_hidden)
            if document is None:
                refusal = self.check_caller(caller)
                if refusal is not None:
                    return refusal
                document = await self.document_cache.load(
                    text, is_schema_hidden=is_schema_hidden, caller=caller
                )
            return document.error or document.get_operation(request.operation_name)
        except RequestError as error:
            return error

    async def require(
        self,
        request: GraphQLRequest,
        allowed_types: Sequence[OperationType],
        caller: str,
        *,
        is_schema_hidden: bool,
    ) -> Operation | PreExecutionError:
        """Find the operation, or return a request error if it must not be executed."""
        operation = await self.find(request, caller, is_schema_hidden=is_schema_hidden)
        if not isinstance(operation, Operation):
            return PreExecutionError(None, [operation])
        if operation.type not in allowed_types:
            plural = OPERATION_TYPE_PLURALS[operation.type]
            return request_error_result(f"{plural} are not allowed", "BAD_REQUEST")
        validation_errors = operation.validation_errors[is_schema_hidden]
        if validation_errors:
            return PreExecutionError(None, list(validation_errors))
        self.persisted_documents.register(request.query, request.extensions)
        if request.variables and has_more_values(request.variables, MAX_VARIABLE_VALUES):
            count_refusal("variable_values")
            message = f"The variables must hold at most {MAX_VARIABLE_VALUES} values in total."
            return request_error_result(message, "BAD_REQUEST", limit=MAX_VARIABLE_VALUES)
        return operation
