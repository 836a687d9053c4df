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

KEPT = 1000
KEPT_BYTES = 256 * 1024
"""Of the texts; what is made of one takes some thirty times as much."""
KEPT_WRONG = 16
MOST_ERRORS = 20
NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
CLOSED_RULES = (*RULES, NoSchemaIntrospectionCustomRule)


class CompactParser(Parser):
    """Nodes know where they begin and end, the same place by the same object, and keep no tokens: else twice as much is kept."""

    def __init__(self, source: str, **given: Any) -> None:
        super().__init__(source, **given)
        self.places: dict[tuple[int, int], Location] = {}

    def loc(self, start_token: Token) -> Location | None:
        found = super().loc(start_token)
        if found is not None:
            found.start_token = found.end_token = NO_TOKEN
            found = self.places.setdefault((found.start, found.end), found)
        return found


def parsed(text: str, bounds: DocumentLimits) -> DocumentNode:
    """As graphql-core's `parse`, which takes no other parser. Raises GraphQLError."""
    parser = CompactParser(text, max_tokens=bounds.tokens)
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    raise nested_too_deeply_error(parser)


class Document:
    """`errors` by whether introspection is closed; a document with `broken` has neither operations nor rules to hold."""

    __slots__ = ("ast", "broken", "errors", "operations", "text")

    def __init__(self, text: str, bounds: DocumentLimits) -> None:
        self.text = text
        self.ast: DocumentNode | None = None
        self.operations: list[Operation] = []
        self.broken: GraphQLError | None = None
        self.errors: dict[bool, list[GraphQLError]] = {}
        try:
            ast = parsed(text, bounds)
            shape = SelectionTree(ast, bounds)
            pairs = zip(shape.operations, shape.roots, strict=True)
            self.ast = ast
            self.operations = [Operation(text, ast, node, root, self.errors) for node, root in pairs]
        except GraphQLError as error:
            self.broken = error.with_traceback(None)
        except RecursionError:
            self.broken = LimitExceeded(f"A document nests at most {bounds.depth} fields.", bounds.depth)

    @property
    def is_wrong(self) -> bool:
        """For everybody: what is right for some, such as a look at the schema, is kept with what is right."""
        return self.broken is not None or all(self.errors.values())

    def named(self, name: str | None) -> Operation:
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
        self.bounds = bounds
        self.kept: OrderedDict[str, Document] = OrderedDict()
        self.wrong: OrderedDict[str, Document] = OrderedDict()
        self.size = 0
        self.executor = FairExecutor("documents")

    def known(self, text: str, *, closed: bool) -> Document | None:
        """What is kept, if it was checked by the rules that hold for the caller."""
        kept = self.kept if text in self.kept else self.wrong
        found = kept.get(text)
        if found is None or (found.broken is None and closed not in found.errors):
            return None
        kept.move_to_end(text)
        return found

    async def find(self, text: str, *, closed: bool, who: Hashable) -> Document:
        """Raises NotRun for a text that is too long to be read, or empty. What is not known is made off the loop, in turn."""
        if (known := self.known(text, closed=closed)) is not None:
            return known
        if not text or text.isspace():
            raise RequestError("Send the document to run as query.", "BAD_REQUEST")
        if len(text) > self.bounds.length or len(text.encode(errors="replace")) > self.bounds.length:
            raise RequestError(f"A document has at most {self.bounds.length} bytes.", "BAD_REQUEST", limit=self.bounds.length)
        async with self.executor.callers.of(who):
            if (known := self.known(text, closed=closed)) is not None:
                return known  # who asked for it at the same time had it made
            found = self.kept.get(text) or self.wrong.get(text)
            made = await self.executor.submit(self.made, found, text, closed)
            self.keep(made)
            return made

    def made(self, found: Document | None, text: str, closed: bool) -> Document:
        document = found or Document(text, self.bounds)
        if document.ast is not None:
            rules: Any = CLOSED_RULES if closed else RULES
            document.errors[closed] = validate(self.schema, document.ast, rules, MOST_ERRORS, hide_suggestions=closed)
        return document

    def keep(self, document: Document) -> None:
        if document.is_wrong and document.text not in self.kept:
            self.wrong[document.text] = document
            if len(self.wrong) > KEPT_WRONG:
                self.wrong.popitem(last=False)
            return
        self.wrong.pop(document.text, None)
        if document.text not in self.kept:
            self.size += len(document.text)
        self.kept[document.text] = document
        while len(self.kept) > KEPT or self.size > KEPT_BYTES:
            _, oldest = self.kept.popitem(last=False)
            self.size -= len(oldest.text)

    def close(self) -> None:
        self.executor.close()
