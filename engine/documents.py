"""Documents, kept by their text: parsed, held against the limits and validated once. Bounded, since texts come from outside."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from graphql import DocumentNode, GraphQLError, GraphQLSchema, NoSchemaIntrospectionCustomRule, parse, specified_rules, validate
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.errors import NotRun
from engine.operations import Operation
from engine.shape import Bounds, Shape, TooMuch

T = TypeVar("T")

KEPT = 1000
KEPT_BYTES = 1024 * 1024
"""Of the texts; what is made of one takes some fifty times as much."""
KEPT_WRONG = 100
MOST_ERRORS = 20
LIGHT = 1000
"""Characters of a text that are parsed and validated at once, within some 10 ms; what is longer must not hold the others up."""
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
CLOSED_RULES = (*RULES, NoSchemaIntrospectionCustomRule)


class Document:
    """`errors` by whether introspection is closed; a document with `broken` has neither operations nor rules to hold."""

    __slots__ = ("ast", "broken", "errors", "operations", "text")

    def __init__(self, text: str, bounds: Bounds) -> None:
        self.text = text
        self.ast: DocumentNode | None = None
        self.operations: list[Operation] = []
        self.broken: GraphQLError | None = None
        self.errors: dict[bool, list[GraphQLError]] = {}
        try:
            ast = self.ast = parse(text, max_tokens=bounds.tokens)
            shape = Shape(ast, bounds)
            pairs = zip(shape.operations, shape.roots, strict=True)
            self.operations = [Operation(text, ast, node, root, self.errors) for node, root in pairs]
        except GraphQLError as error:
            self.broken = error.with_traceback(None)
        except RecursionError:
            self.broken = TooMuch(f"A document nests at most {bounds.depth} fields.", bounds.depth)

    @property
    def is_wrong(self) -> bool:
        return self.broken is not None or any(self.errors.values())

    def named(self, name: str | None) -> Operation:
        """The operation to run (GraphQL specification, section 6.1). Raises NotRun."""
        if name is None:
            if len(self.operations) > 1:
                raise NotRun("Say by operationName which of the operations to run.", "BAD_REQUEST")
            if not self.operations:
                raise NotRun("The document holds no operation.", "BAD_REQUEST")
            return self.operations[0]
        for each in self.operations:
            if each.name == name:
                return each
        raise NotRun(f'Unknown operation named "{name}".', "BAD_REQUEST")


class Documents:
    """The one cache for all ways in. What is wrong is kept apart, so that nonsense pushes out nothing but nonsense."""

    def __init__(self, schema: GraphQLSchema, bounds: Bounds) -> None:
        self.schema = schema
        self.bounds = bounds
        self.kept: OrderedDict[str, Document] = OrderedDict()
        self.wrong: OrderedDict[str, Document] = OrderedDict()
        self.size = 0
        self.beside = ThreadPoolExecutor(1, "documents")
        """One at a time: what is heavy waits for its like, and takes no more than its share."""

    async def find(self, text: str, *, closed: bool) -> Document:
        """Raises NotRun for a text that is too long to be read, or empty."""
        kept = self.kept if text in self.kept else self.wrong
        found = kept.get(text)
        if found is not None and (found.broken is not None or closed in found.errors):
            kept.move_to_end(text)
            return found
        if not text or text.isspace():
            raise NotRun("Send the document to run as query.", "BAD_REQUEST")
        if len(text) > self.bounds.length or len(text.encode(errors="replace")) > self.bounds.length:
            raise NotRun(f"A document has at most {self.bounds.length} bytes.", "BAD_REQUEST", limit=self.bounds.length)
        if len(text) <= LIGHT:
            made = self.made(found, text, closed)
        else:
            made = await self.off_the_loop(self.made, found, text, closed)
        self.keep(made)
        return made

    async def off_the_loop(self, work: Callable[..., T], *given: Any) -> T:
        """In the thread for what is heavy, and knows neither the database nor the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.beside, work, *given)

    def made(self, found: Document | None, text: str, closed: bool) -> Document:
        document = found or Document(text, self.bounds)
        if document.ast is not None and document.broken is None:
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
        self.beside.shutdown(wait=False, cancel_futures=True)
