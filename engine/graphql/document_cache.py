"""Caches documents by their text: each is parsed, checked against the limits and validated once.

The cache is small. Every full garbage collection traverses its documents and blocks the event loop.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    Token,
    TokenKind,
    specified_rules,
    validate,
)
from graphql.language.ast import Location
from graphql.language.parser import Parser, nested_too_deeply_error
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.graphql.document_limits import DocumentLimits, LimitExceeded, SelectionTree
from engine.graphql.errors import RequestError
from engine.graphql.operation import Operation
from engine.limits.concurrency import FairExecutor

MAX_DOCUMENTS = 1000
MAX_TOTAL_CHARS = 256 * 1024
"""The maximum length of all texts together. A parsed document takes about thirty times as much
memory as its text."""
MAX_INVALID_DOCUMENTS = 16
MAX_VALIDATION_ERRORS = 20
NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)
"""Replaces the tokens of all locations."""
VALIDATION_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
RULES_WITHOUT_INTROSPECTION = (*VALIDATION_RULES, NoSchemaIntrospectionCustomRule)


class CompactParser(Parser):
    """Parses a document to nodes without tokens. Nodes at equal locations share one Location.

    This halves the memory of the document. graphql-core 3.3.2 has no option for it, and we know of
    no upstream issue.
    """

    def __init__(self, source: str, **options: Any) -> None:
        super().__init__(source, **options)
        self.locations: dict[tuple[int, int], Location] = {}

    def loc(self, start_token: Token) -> Location | None:
        location = super().loc(start_token)
        if location is None:
            return None
        location.start_token = location.end_token = NO_TOKEN
        return self.locations.setdefault((location.start, location.end), location)


def parse(text: str, limits: DocumentLimits) -> DocumentNode:
    """Like graphql-core's `parse`, which can't use another parser. Raises GraphQLError."""
    parser = CompactParser(text, max_tokens=limits.tokens)
    try:
        return parser.parse_document()
    except RecursionError:
        pass  # an error raised here would refer to all frames of the recursion by its context
    raise nested_too_deeply_error(parser)


class Document:
    """A document, parsed to its operations. If it has an `error`, it has no operations."""

    __slots__ = ("ast", "error", "operations", "text", "validation_errors")

    def __init__(self, text: str, limits: DocumentLimits) -> None:
        self.text = text
        self.ast: DocumentNode | None = None
        self.operations: list[Operation] = []
        self.error: GraphQLError | None = None
        """The syntax error, or the error about a limit that the document exceeds."""
        self.validation_errors: dict[bool, list[GraphQLError]] = {}
        """The errors of validation, by whether the schema is hidden from the viewer. Empty before
        the first validation."""
        try:
            ast = parse(text, limits)
            tree = SelectionTree(ast, limits)
        except GraphQLError as error:
            self.error = error.with_traceback(None)
            return
        except RecursionError:
            self.error = LimitExceeded.of_nesting(limits.nesting)
            return
        self.ast = ast
        self.operations = [
            Operation(text, ast, node, root, self.validation_errors)
            for node, root in zip(tree.operations, tree.roots, strict=True)
        ]

    @property
    def is_invalid(self) -> bool:
        """Whether it is invalid for all viewers for whom it was validated."""
        return self.error is not None or all(self.validation_errors.values())

    def get_operation(self, name: str | None) -> Operation:
        """The operation to execute (GraphQL specification, section 6.1). Raises RequestError."""
        if name is None:
            if len(self.operations) > 1:
                message = "The document has several operations. Set operationName to one of them."
                raise RequestError(message, "BAD_REQUEST")
            if not self.operations:
                raise RequestError("The document has no operation.", "BAD_REQUEST")
            return self.operations[0]
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise RequestError(f'Unknown operation named "{name}".', "BAD_REQUEST")


class DocumentCache:
    """The documents of all transports. Evicts the least recently used documents.

    Invalid documents are kept apart, so that they evict only each other.
    """

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits) -> None:
        self.schema = schema
        self.limits = limits
        self.documents: OrderedDict[str, Document] = OrderedDict()
        self.invalid_documents: OrderedDict[str, Document] = OrderedDict()
        self.total_chars = 0
        self.executor = FairExecutor("documents")

    def get_cached(self, text: str, *, is_schema_hidden: bool) -> Document | None:
        """The cached document, if it was validated for viewers like this one."""
        cache = self.documents if text in self.documents else self.invalid_documents
        document = cache.get(text)
        if document is None:
            return None
        if document.error is None and is_schema_hidden not in document.validation_errors:
            return None
        cache.move_to_end(text)
        return document

    async def load(self, text: str, *, is_schema_hidden: bool, caller: Hashable) -> Document:
        """The document, from the cache or parsed and validated in a worker thread.

        Args:
            is_schema_hidden: Whether the viewer may not see the schema.
            caller: The caller's key. Each caller may have one document in the worker thread at a
                time.

        Raises:
            RequestError: The text is empty or too long.
        """
        document = self.get_cached(text, is_schema_hidden=is_schema_hidden)
        if document is not None:
            return document
        self.check_text(text)
        async with self.executor.caller_limit.semaphore_of(caller):
            # Another request of this caller may have loaded the document while this one waited.
            document = self.get_cached(text, is_schema_hidden=is_schema_hidden)
            if document is not None:
                return document
            document = self.documents.get(text) or self.invalid_documents.get(text)
            document = await self.executor.submit(
                self.parse_and_validate, document, text, is_schema_hidden
            )
            self.store(document)
            return document

    def check_text(self, text: str) -> None:
        if not text or text.isspace():
            raise RequestError("The query must not be blank.", "BAD_REQUEST")
        max_bytes = self.limits.bytes
        if len(text) > max_bytes or len(text.encode(errors="replace")) > max_bytes:
            message = f"The document must be at most {max_bytes} bytes long."
            error = RequestError(message, "BAD_REQUEST", limit=max_bytes)
            error.limit_name = "document_bytes"
            raise error

    def parse_and_validate(
        self, document: Document | None, text: str, is_schema_hidden: bool
    ) -> Document:
        """Runs in the worker thread. `document` is None if the text is not parsed yet."""
        if document is None:
            document = Document(text, self.limits)
        if document.ast is not None:
            rules: Any = RULES_WITHOUT_INTROSPECTION if is_schema_hidden else VALIDATION_RULES
            document.validation_errors[is_schema_hidden] = validate(
                self.schema,
                document.ast,
                rules,
                MAX_VALIDATION_ERRORS,
                hide_suggestions=is_schema_hidden,
            )
        return document

    def store(self, document: Document) -> None:
        if document.is_invalid and document.text not in self.documents:
            self.invalid_documents[document.text] = document
            if len(self.invalid_documents) > MAX_INVALID_DOCUMENTS:
                self.invalid_documents.popitem(last=False)
            return
        self.invalid_documents.pop(document.text, None)
        if document.text not in self.documents:
            self.total_chars += len(document.text)
        self.documents[document.text] = document
        while len(self.documents) > MAX_DOCUMENTS or self.total_chars > MAX_TOTAL_CHARS:
            _, oldest = self.documents.popitem(last=False)
            self.total_chars -= len(oldest.text)

    def close(self) -> None:
        self.executor.close()
