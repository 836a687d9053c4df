"""The GraphQL documents of the web applications are valid. TypeScript checks only their results."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from graphql import GraphQLSchema, build_schema, parse, validate

ROOT = Path(__file__).parents[3]
SOURCES = [*ROOT.glob("web/src/**/*.ts"), *ROOT.glob("web/src/**/*.svelte")]
FRAGMENT = re.compile(r"\bfragment (\w+) on ")
DOCUMENT = re.compile(r"\bgraphql\(\s*`([^`]*)`")


def find_errors(schema: GraphQLSchema, source: str) -> list[str]:
    """The errors of all documents of an application, which may use each other's fragments."""
    text = "\n".join(DOCUMENT.findall(source))
    return [error.message for error in validate(schema, parse(text))] if text else []


def test_the_documents_are_valid() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    texts: dict[str, str] = defaultdict(str)
    for path in SOURCES:
        application = path.relative_to(ROOT / "web" / "src").parts[0]
        if application != "generated":
            texts[application] += path.read_text()
    shared = texts.pop("shared")
    users = [text for text in texts.values() if DOCUMENT.search(text)]
    assert users
    errors = [set(find_errors(schema, shared + text)) for text in users]
    # an application needs not use each shared fragment, but one of them must
    unused = {f"Fragment '{name}' is never used." for name in FRAGMENT.findall(shared)}
    assert set.union(*errors) - unused == set()
    assert set.intersection(*errors) == set()
    wrong = "graphql(`{ tickets(firstt: 1) { totalCount } }`)"
    assert find_errors(schema, wrong) == [
        "Unknown argument 'firstt' on field 'Query.tickets'. Did you mean 'first'?"
    ]
