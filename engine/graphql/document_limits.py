"""What a document asks for, with its fragments in their places, held against the limits before anything is validated.

The work is bounded whatever comes: a place is visited once for each selection, and no document may have more than `FIELDS` of
them once its fragments are in place, so fragments that are spread twice at each level can't double it on and on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from engine.graphql.errors import RequestError

MAX_SELECTIONS = 2500
"""Selections of a document, fragments in place."""
MAX_MERGED_PAIRS = 20_000
"""Pairs of selections that validation compares since they are merged into one field."""
MAX_INTROSPECTION_DEPTH = 20
"""Fields below each other in what is asked of the schema itself: the types of its arguments are lists of lists of names."""
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The limits of a document. All count fragments in their places; 0 is no way to switch one off."""

    bytes: int = 16 * 1024
    """Bytes of its text."""
    tokens: int = 2000
    depth: int = 12
    """Fields below each other."""
    aliases: int = 30
    root_fields: int = 20
    merged_selections: int = 40
    """Selections that are merged into one field."""
    directives: int = 50
    fragments: int = 60
    operations: int = 20


class LimitExceeded(RequestError):
    """A document asks for more than there may be of something."""

    def __init__(self, what: str, limit: int, requested: int | None = None) -> None:
        found = {"limit": limit} if requested is None else {"requested": requested, "limit": limit}
        super().__init__(what, "QUERY_TOO_EXPENSIVE", **found)


@dataclass(slots=True)
class Selection:
    """A field in the answer: all selections that are merged into it, and what is asked for below."""

    type_condition: str | None = None
    """The type that a fragment around the first of them names; None where it is the type of the field above."""
    has_other_type_conditions: bool = False
    """Whether it is asked for of more than that type."""
    nodes: list[FieldNode] = field(default_factory=list[FieldNode])
    children: dict[str, Selection] = field(default_factory=dict[str, "Selection"])
    spread_fragments: set[str] = field(default_factory=set[str])
    """The fragments that are in place here; the second time one brings nothing new."""


class SelectionTree:
    """One walk over a document. `roots` says by the operation what it asks for."""

    def __init__(self, document: DocumentNode, bounds: DocumentLimits) -> None:
        """Raises TooMuch."""
        self.limits = bounds
        definitions = document.definitions
        self.operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
        self.fragments = {each.name.value: each for each in fragments}
        self.selections = self.aliases = self.directives = self.merged_pairs = 0
        self.open_fragments: set[str] = set()
        self.visited_fragments: set[str] = set()
        require_at_most(len(self.operations), bounds.operations, "A document has at most {} operations.")
        require_at_most(len(fragments), bounds.fragments, "A document has at most {} fragments.")
        self.roots = [self.add_operation(each) for each in self.operations]
        for each in fragments:
            if each.name.value not in self.visited_fragments:  # it is validated all the same
                self.visited_fragments.add(each.name.value)
                self.count_directives(each.directives or ())
                self.add_selections(each.selection_set, Selection(), 0, bounds.depth)  # it is in no operation's place

    def add_operation(self, operation: OperationDefinitionNode) -> Selection:
        found = Selection()
        self.aliases = self.directives = 0
        self.count_directives(operation.directives or ())
        for variable in operation.variable_definitions or ():
            self.count_directives(variable.directives or ())
        self.add_selections(operation.selection_set, found, 0, self.limits.depth)
        require_at_most(len(found.children), self.limits.root_fields, "An operation has at most {} fields at its root.")
        return found

    def add_selections(
        self, selections: SelectionSetNode, place: Selection, depth: int, deepest: int, nested: int = 0, on: str | None = None
    ) -> None:
        """Put selections in their place, which lies `depth` fields deep; `nested` counts fragments that hold one another too."""
        if nested > 2 * MAX_INTROSPECTION_DEPTH + self.limits.depth:
            raise LimitExceeded(f"A document nests at most {deepest} fields.", deepest)
        for each in selections.selections:
            self.selections += 1
            if self.selections > MAX_SELECTIONS:
                raise LimitExceeded(f"A document has at most {MAX_SELECTIONS} selections, its fragments in place.", MAX_SELECTIONS)
            self.count_directives(each.directives or ())
            if isinstance(each, FieldNode):
                self.add_field(each, place, depth + 1, deepest, nested + 1, on)
            elif isinstance(each, FragmentSpreadNode):
                self.add_fragment(each.name.value, place, depth, deepest, nested + 1)
            elif isinstance(each, InlineFragmentNode):
                named = each.type_condition.name.value if each.type_condition is not None else on
                self.add_selections(each.selection_set, place, depth, deepest, nested + 1, named)

    def add_field(self, node: FieldNode, place: Selection, depth: int, deepest: int, nested: int, on: str | None) -> None:
        if depth > deepest:
            raise LimitExceeded(f"A document nests at most {deepest} fields.", deepest, depth)
        if node.alias is not None:
            self.aliases += 1
            require_at_most(self.aliases, self.limits.aliases, "An operation has at most {} aliases.")
        name = node.alias.value if node.alias is not None else node.name.value
        found = place.children.get(name)
        if found is None:
            found = place.children[name] = Selection(on)
        found.has_other_type_conditions |= found.type_condition != on
        self.merged_pairs += len(found.nodes)
        found.nodes.append(node)
        if len(found.nodes) > self.limits.merged_selections or self.merged_pairs > MAX_MERGED_PAIRS:
            raise LimitExceeded(f"A field is asked for at most {self.limits.merged_selections} times in one place.", self.limits.merged_selections)
        if node.selection_set is not None:
            if node.name.value in INTROSPECTION_FIELDS:
                depth, deepest = 1, MAX_INTROSPECTION_DEPTH
            self.add_selections(node.selection_set, found, depth, deepest, nested)

    def add_fragment(self, name: str, place: Selection, depth: int, deepest: int, nested: int) -> None:
        fragment = self.fragments.get(name)
        if fragment is None or name in place.spread_fragments or name in self.open_fragments:
            return  # validation says what is wrong with an unknown one, and with one inside itself
        place.spread_fragments.add(name)
        self.visited_fragments.add(name)
        self.open_fragments.add(name)
        self.count_directives(fragment.directives or ())
        self.add_selections(fragment.selection_set, place, depth, deepest, nested, fragment.type_condition.name.value)
        self.open_fragments.discard(name)

    def count_directives(self, directives: Sequence[DirectiveNode]) -> None:
        self.directives += len(directives)
        require_at_most(self.directives, self.limits.directives, "An operation has at most {} directives.")


def require_at_most(found: int, limit: int, said: str) -> None:
    if found > limit:
        raise LimitExceeded(said.format(limit), limit, found)
