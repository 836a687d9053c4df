"""Parsed documents, kept by their text. Bounded, since texts come from outside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, parse
from strawberry.extensions import SchemaExtension

KEPT = 500
LONGEST = 16 * 1024


@lru_cache(maxsize=KEPT)
def parsed(text: str, max_tokens: int | None) -> DocumentNode:
    return parse(text, max_tokens=max_tokens)


class Documents(SchemaExtension):
    """Strawberry's own ParserCache lets a syntax error escape from the operation, past those who would explain it."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query and len(context.query) <= LONGEST:
            with contextlib.suppress(GraphQLError):  # Strawberry parses it again, and reports the error
                context.graphql_document = parsed(context.query, context.parse_options.get("max_tokens"))
        yield
