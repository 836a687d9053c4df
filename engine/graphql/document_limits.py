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

FIELDS = 2500
"""Selections of a document, fragments in place."""
PAIRS = 20_000
"""Pairs of selections that validation compares since they are merged into one field."""
SCHEMA_DEPTH = 20
"""Fields below each other in what is asked of the schema itself: the types of its arguments are lists of lists of names."""
META = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The limits of a document. All count fragments in their places; 0 is no way to switch one off."""

    length: int = 16 * 1024
    """Bytes of its text."""
    tokens: int = 2000
    depth: int = 12
    """Fields below each other."""
    aliases: int = 30
    root_fields: int = 20
    repeats: int = 40
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

    on: str | None = None
    """The type that a fragment around the first of them names; None where it is the type of the field above."""
    is_on_many: bool = False
    """Whether it is asked for of more than that type."""
    nodes: list[FieldNode] = field(default_factory=list[FieldNode])
    below: dict[str, Selection] = field(default_factory=dict[str, "Selection"])
    spread: set[str] = field(default_factory=set[str])
    """The fragments that are in place here; the second time one brings nothing new."""


class SelectionTree:
    """One walk over a document. `roots` says by the operation what it asks for."""

    def __init__(self, document: DocumentNode, bounds: DocumentLimits) -> None:
        """Raises TooMuch."""
        self.bounds = bounds
        definitions = document.definitions
        self.operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
        self.fragments = {each.name.value: each for each in fragments}
        self.selections = self.aliases = self.directives = self.pairs = 0
        self.on_path: set[str] = set()
        self.reached: set[str] = set()
        at_most(len(self.operations), bounds.operations, "A document has at most {} operations.")
        at_most(len(fragments), bounds.fragments, "A document has at most {} fragments.")
        self.roots = [self.root(each) for each in self.operations]
        for each in fragments:
            if each.name.value not in self.reached:  # it is validated all the same
                self.reached.add(each.name.value)
                self.count(each.directives or ())
                self.enter(each.selection_set, Selection(), 0, bounds.depth)  # it is in no operation's place

    def root(self, operation: OperationDefinitionNode) -> Selection:
        found = Selection()
        self.aliases = self.directives = 0
        self.count(operation.directives or ())
        for variable in operation.variable_definitions or ():
            self.count(variable.directives or ())
        self.enter(operation.selection_set, found, 0, self.bounds.depth)
        at_most(len(found.below), self.bounds.root_fields, "An operation has at most {} fields at its root.")
        return found

    def enter(
        self, selections: SelectionSetNode, place: Selection, depth: int, deepest: int, nested: int = 0, on: str | None = None
    ) -> None:
        """Put selections in their place, which lies `depth` fields deep; `nested` counts fragments that hold one another too."""
        if nested > 2 * SCHEMA_DEPTH + self.bounds.depth:
            raise LimitExceeded(f"A document nests at most {deepest} fields.", deepest)
        for each in selections.selections:
            self.selections += 1
            if self.selections > FIELDS:
                raise LimitExceeded(f"A document has at most {FIELDS} selections, its fragments in place.", FIELDS)
            self.count(each.directives or ())
            if isinstance(each, FieldNode):
                self.field(each, place, depth + 1, deepest, nested + 1, on)
            elif isinstance(each, FragmentSpreadNode):
                self.spread(each.name.value, place, depth, deepest, nested + 1)
            elif isinstance(each, InlineFragmentNode):
                named = each.type_condition.name.value if each.type_condition is not None else on
                self.enter(each.selection_set, place, depth, deepest, nested + 1, named)

    def field(self, node: FieldNode, place: Selection, depth: int, deepest: int, nested: int, on: str | None) -> None:
        if depth > deepest:
            raise LimitExceeded(f"A document nests at most {deepest} fields.", deepest, depth)
        if node.alias is not None:
            self.aliases += 1
            at_most(self.aliases, self.bounds.aliases, "An operation has at most {} aliases.")
        name = node.alias.value if node.alias is not None else node.name.value
        found = place.below.get(name)
        if found is None:
            found = place.below[name] = Selection(on)
        found.is_on_many |= found.on != on
        self.pairs += len(found.nodes)
        found.nodes.append(node)
        if len(found.nodes) > self.bounds.repeats or self.pairs > PAIRS:
            raise LimitExceeded(f"A field is asked for at most {self.bounds.repeats} times in one place.", self.bounds.repeats)
        if node.selection_set is not None:
            if node.name.value in META:
                depth, deepest = 1, SCHEMA_DEPTH
            self.enter(node.selection_set, found, depth, deepest, nested)

    def spread(self, name: str, place: Selection, depth: int, deepest: int, nested: int) -> None:
        fragment = self.fragments.get(name)
        if fragment is None or name in place.spread or name in self.on_path:
            return  # validation says what is wrong with an unknown one, and with one inside itself
        place.spread.add(name)
        self.reached.add(name)
        self.on_path.add(name)
        self.count(fragment.directives or ())
        self.enter(fragment.selection_set, place, depth, deepest, nested, fragment.type_condition.name.value)
        self.on_path.discard(name)

    def count(self, directives: Sequence[DirectiveNode]) -> None:
        self.directives += len(directives)
        at_most(self.directives, self.bounds.directives, "An operation has at most {} directives.")


def at_most(found: int, limit: int, said: str) -> None:
    if found > limit:
        raise LimitExceeded(said.format(limit), limit, found)
