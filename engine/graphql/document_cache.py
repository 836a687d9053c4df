"""Documents, kept by their text: parsed, held against the limits and validated once. Bounded, since texts come from outside.

What is kept is walked by each full collection of garbage, for which everybody waits: so it is little, and holds no tokens.
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
MAX_TEXT_CHARACTERS = 256 * 1024
"""Of the texts; what is made of one takes some thirty times as much."""
MAX_INVALID_DOCUMENTS = 16
MAX_VALIDATION_ERRORS = 20
NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)
VALIDATION_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
RULES_WITHOUT_INTROSPECTION = (*VALIDATION_RULES, NoSchemaIntrospectionCustomRule)


class CompactParser(Parser):
    """Nodes know where they begin and end, the same place by the same object, and keep no tokens: else twice as much is kept."""

    def __init__(self, source: str, **given: Any) -> None:
        super().__init__(source, **given)
        self.locations: dict[tuple[int, int], Location] = {}

    def loc(self, start_token: Token) -> Location | None:
        found = super().loc(start_token)
        if found is not None:
            found.start_token = found.end_token = NO_TOKEN
            found = self.locations.setdefault((found.start, found.end), found)
        return found


def parse(text: str, bounds: DocumentLimits) -> DocumentNode:
    """As graphql-core's `parse`, which takes no other parser. Raises GraphQLError."""
    parser = CompactParser(text, max_tokens=bounds.tokens)
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    raise nested_too_deeply_error(parser)


class Document:
    """`errors` by whether introspection is closed; a document with `broken` has neither operations nor rules to hold."""

    __slots__ = ("ast", "error", "validation_errors", "operations", "text")

    def __init__(self, text: str, bounds: DocumentLimits) -> None:
        self.text = text
        self.ast: DocumentNode | None = None
        self.operations: list[Operation] = []
        self.error: GraphQLError | None = None
        self.validation_errors: dict[bool, list[GraphQLError]] = {}
        try:
            ast = parse(text, bounds)
            shape = SelectionTree(ast, bounds)
            pairs = zip(shape.operations, shape.roots, strict=True)
            self.ast = ast
            self.operations = [Operation(text, ast, node, root, self.validation_errors) for node, root in pairs]
        except GraphQLError as error:
            self.error = error.with_traceback(None)
        except RecursionError:
            self.error = LimitExceeded(f"A document nests at most {bounds.depth} fields.", bounds.depth)

    @property
    def is_invalid(self) -> bool:
        """For everybody: what is right for some, such as a look at the schema, is kept with what is right."""
        return self.error is not None or all(self.validation_errors.values())

    def get_operation(self, name: str | None) -> Operation:
        """The operation to run (GraphQL specification, section 6.1). Raises NotRun."""
        if name is None:
            if len(self.operations) > 1:
                raise RequestError("Say by operationName which of the operations to run.", "BAD_REQUEST")
            if not self.operations:
                raise RequestError("The document holds no operation.", "BAD_REQUEST")
            return self.operations[0]
        for each in self.operations:
            if each.name == name:
                return each
        raise RequestError(f'Unknown operation named "{name}".', "BAD_REQUEST")


class DocumentCache:
    """The one cache for all ways in. What is wrong is kept apart, so that nonsense pushes out nothing but nonsense."""

    def __init__(self, schema: GraphQLSchema, bounds: DocumentLimits) -> None:
        self.schema = schema
        self.limits = bounds
        self.documents: OrderedDict[str, Document] = OrderedDict()
        self.invalid_documents: OrderedDict[str, Document] = OrderedDict()
        self.text_characters = 0
        self.executor = FairExecutor("documents")

    def get_cached(self, text: str, *, schema_hidden: bool) -> Document | None:
        """What is kept, if it was checked by the rules that hold for the caller."""
        kept = self.documents if text in self.documents else self.invalid_documents
        found = kept.get(text)
        if found is None or (found.error is None and schema_hidden not in found.validation_errors):
            return None
        kept.move_to_end(text)
        return found

    async def load(self, text: str, *, schema_hidden: bool, caller: Hashable) -> Document:
        """Raises NotRun for a text that is too long to be read, or empty. What is not known is made off the loop, in turn."""
        if (known := self.get_cached(text, schema_hidden=schema_hidden)) is not None:
            return known
        if not text or text.isspace():
            raise RequestError("Send the document to run as query.", "BAD_REQUEST")
        if len(text) > self.limits.bytes or len(text.encode(errors="replace")) > self.limits.bytes:
            raise RequestError(f"A document has at most {self.limits.bytes} bytes.", "BAD_REQUEST", limit=self.limits.bytes)
        async with self.executor.callers.semaphore_of(caller):
            if (known := self.get_cached(text, schema_hidden=schema_hidden)) is not None:
                return known  # who asked for it at the same time had it made
            found = self.documents.get(text) or self.invalid_documents.get(text)
            made = await self.executor.submit(self.parse_and_validate, found, text, schema_hidden)
            self.store(made)
            return made

    def parse_and_validate(self, found: Document | None, text: str, closed: bool) -> Document:
        document = found or Document(text, self.limits)
        if document.ast is not None:
            rules: Any = RULES_WITHOUT_INTROSPECTION if closed else VALIDATION_RULES
            document.validation_errors[closed] = validate(self.schema, document.ast, rules, MAX_VALIDATION_ERRORS, hide_suggestions=closed)
        return document

    def store(self, document: Document) -> None:
        if document.is_invalid and document.text not in self.documents:
            self.invalid_documents[document.text] = document
            if len(self.invalid_documents) > MAX_INVALID_DOCUMENTS:
                self.invalid_documents.popitem(last=False)
            return
        self.invalid_documents.pop(document.text, None)
        if document.text not in self.documents:
            self.text_characters += len(document.text)
        self.documents[document.text] = document
        while len(self.documents) > MAX_DOCUMENTS or self.text_characters > MAX_TEXT_CHARACTERS:
            _, oldest = self.documents.popitem(last=False)
            self.text_characters -= len(oldest.text)

    def close(self) -> None:
        self.executor.close()
