"""Finds personal fields. Their values depend on the viewer's account or token, not only on the
viewer's permissions.

A subscription with such a field must not share its execution with subscriptions of other viewers,
or of other tokens of the viewer. The metadata of a personal field has the key PERSONAL.
"""

from __future__ import annotations

from graphql import DocumentNode, FieldNode, GraphQLSchema, Visitor, is_object_type, visit

PERSONAL = "personal"


def find_personal_fields(schema: GraphQLSchema) -> frozenset[str]:
    """The names of all personal fields of object types."""
    names: set[str] = set()
    for type_ in schema.type_map.values():
        if is_object_type(type_):
            for name, field in type_.fields.items():
                definition = field.extensions.get("strawberry-definition")
                if definition is not None and definition.metadata.get(PERSONAL):
                    names.add(name)
    return frozenset(names)


def has_field(document: DocumentNode, names: frozenset[str]) -> bool:
    """Whether the document selects a field with one of the names, on any type."""
    finder = FieldFinder(names)
    visit(document, finder)
    return finder.found


class FieldFinder(Visitor):
    """Looks for fields by their names."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()
        self.names = names
        self.found = False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.found = self.found or node.name.value in self.names
