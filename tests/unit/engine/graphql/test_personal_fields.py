"""Personal fields are found in the schema and in documents, however they are selected."""

from __future__ import annotations

import pytest
from graphql import parse

from engine.graphql.personal_fields import find_personal_fields, has_field
from schema import root

NAMES = frozenset({"viewerHasUnread"})


def test_the_personal_fields_of_the_schema_are_those_of_the_viewer() -> None:
    schema = root.build_default_schema()._schema  # pyright: ignore[reportPrivateUsage]
    assert find_personal_fields(schema) == {
        *("viewerHasUnread", "viewerIsWatching", "viewerCanChange", "viewerDraft"),
        "current",
        "requestBody",
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ ticket { id } }", False),
        ("{ viewerHasUnread: id }", False),
        ("{ ticket { viewerHasUnread } }", True),
        ("{ ticket { id: viewerHasUnread } }", True),
        ("{ ticket { ... @include(if: $x) { ... on Ticket { viewerHasUnread } } } }", True),
        ("{ ticket { ...A } } fragment A on Ticket { ...B } fragment B on T { id }", False),
        ("{ ...A } fragment A on T { ...B } fragment B on T { viewerHasUnread }", True),
    ],
)
def test_a_document_has_a_field_under_any_alias_and_in_fragments(
    document: str, *, expected: bool
) -> None:
    assert has_field(parse(document), NAMES) is expected
