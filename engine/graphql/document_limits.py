"""Checks a document against the complexity limits before it is validated.

The check expands fragments and merges selections, and keeps the result for the query cost. Its own
work is bounded: it visits at most MAX_SELECTIONS selections, so fragments that spread other
fragments several times can't make it exponential.
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
"""Selections of a document with its fragments expanded."""
MAX_MERGED_PAIRS = 20_000
"""Pairs of selections that are merged into one field. Validation compares each pair."""
MAX_INTROSPECTION_DEPTH = 20
"""Below __schema and __type, where standard tools nest types of types."""
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The maximum of each count, with fragments expanded. Zero does not switch a limit off."""

    bytes: int = 16 * 1024
    """The document's text, in UTF-8."""
    tokens: int = 2000
    depth: int = 12
    """Nested fields."""
    aliases: int = 30
    root_fields: int = 20
    merged_selections: int = 40
    """Selections that are merged into one field."""
    directives: int = 50
    fragments: int = 60
    operations: int = 20


class LimitExceeded(RequestError):
    """A document exceeds a limit."""

    def __init__(self, message: str, limit: int, requested: int | None = None) -> None:
        counts = {"limit": limit}
        if requested is not None:
            counts = {"requested": requested, "limit": limit}
        super().__init__(message, "QUERY_TOO_EXPENSIVE", **counts)

    @classmethod
    def of_depth(cls, limit: int, requested: int | None = None) -> LimitExceeded:
        return cls(f"A document may have at most {limit} nested fields.", limit, requested)


@dataclass(slots=True)
class Selection:
    """A field of the response: the selections that are merged into it, and its sub-fields."""

    type_condition: str | None = None
    """The type named by the fragment around the first selection; None outside of fragments."""
    has_other_type_conditions: bool = False
    """Whether the field is also selected under another type condition, or none."""
    nodes: list[FieldNode] = field(default_factory=list[FieldNode])
    children: dict[str, Selection] = field(default_factory=dict[str, "Selection"])
    spread_fragments: set[str] = field(default_factory=set[str])
    """Fragments expanded here. Expanding one again would add nothing."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where selections stand in a document."""

    depth: int
    """The number of fields around them."""
    max_depth: int
    nesting: int = 0
    """The number of fields and fragments around them."""
    type_condition: str | None = None

    def inside(self, *, type_condition: str | None = None) -> Position:
        """The position inside a field or fragment of this selection set."""
        return Position(self.depth, self.max_depth, self.nesting + 1, type_condition)


class SelectionTree:
    """The selections of all operations of a document. `roots` has one for each operation."""

    def __init__(self, document: DocumentNode, limits: DocumentLimits) -> None:
        """Raises LimitExceeded."""
        self.limits = limits
        definitions = document.definitions
        self.operations = [
            each for each in definitions if isinstance(each, OperationDefinitionNode)
        ]
        fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
        self.fragments = {each.name.value: each for each in fragments}
        self.selections = self.aliases = self.directives = self.merged_pairs = 0
        self.open_fragments: set[str] = set()
        """The fragments around the current selection."""
        self.visited_fragments: set[str] = set()
        require_at_most(limits.operations, len(self.operations), "A document", "operations")
        require_at_most(limits.fragments, len(fragments), "A document", "fragments")
        self.roots = [self.add_operation(each) for each in self.operations]
        self.check_unused(fragments)

    def check_unused(self, fragments: Sequence[FragmentDefinitionNode]) -> None:
        """Check fragments that no operation uses, because they are validated all the same."""
        for fragment in fragments:
            if fragment.name.value not in self.visited_fragments:
                self.visited_fragments.add(fragment.name.value)
                self.count_directives(fragment.directives or ())
                position = Position(0, self.limits.depth)
                self.add_selections(fragment.selection_set, Selection(), position)

    def add_operation(self, operation: OperationDefinitionNode) -> Selection:
        root = Selection()
        self.aliases = self.directives = 0
        self.count_directives(operation.directives or ())
        for variable in operation.variable_definitions or ():
            self.count_directives(variable.directives or ())
        self.add_selections(operation.selection_set, root, Position(0, self.limits.depth))
        limit = self.limits.root_fields
        require_at_most(limit, len(root.children), "An operation", "root fields")
        return root

    def add_selections(
        self, selections: SelectionSetNode, parent: Selection, position: Position
    ) -> None:
        """Merge a selection set into the selection of its field."""
        if position.nesting > 2 * MAX_INTROSPECTION_DEPTH + self.limits.depth:
            raise LimitExceeded.of_depth(position.max_depth)
        for node in selections.selections:
            self.selections += 1
            if self.selections > MAX_SELECTIONS:
                message = (
                    f"A document may have at most {MAX_SELECTIONS} selections, "
                    "with fragments expanded."
                )
                raise LimitExceeded(message, MAX_SELECTIONS)
            self.count_directives(node.directives or ())
            if isinstance(node, FieldNode):
                self.add_field(node, parent, position)
            elif isinstance(node, FragmentSpreadNode):
                self.add_fragment(node.name.value, parent, position)
            elif isinstance(node, InlineFragmentNode):
                condition = position.type_condition
                if node.type_condition is not None:
                    condition = node.type_condition.name.value
                inner = position.inside(type_condition=condition)
                self.add_selections(node.selection_set, parent, inner)

    def add_field(self, node: FieldNode, parent: Selection, position: Position) -> None:
        depth, max_depth = position.depth + 1, position.max_depth
        if depth > max_depth:
            raise LimitExceeded.of_depth(max_depth, depth)
        if node.alias is not None:
            self.aliases += 1
            require_at_most(self.limits.aliases, self.aliases, "An operation", "aliases")
        key = node.alias.value if node.alias is not None else node.name.value
        selection = parent.children.get(key)
        if selection is None:
            selection = parent.children[key] = Selection(position.type_condition)
        if selection.type_condition != position.type_condition:
            selection.has_other_type_conditions = True
        self.merge_node(node, selection)
        if node.selection_set is not None:
            if node.name.value in INTROSPECTION_FIELDS:
                depth, max_depth = 1, MAX_INTROSPECTION_DEPTH
            inner = Position(depth, max_depth, position.nesting + 1)
            self.add_selections(node.selection_set, selection, inner)

    def merge_node(self, node: FieldNode, selection: Selection) -> None:
        self.merged_pairs += len(selection.nodes)
        selection.nodes.append(node)
        limit = self.limits.merged_selections
        if len(selection.nodes) > limit or self.merged_pairs > MAX_MERGED_PAIRS:
            message = f"A field may be selected at most {limit} times in one place."
            raise LimitExceeded(message, limit)

    def add_fragment(self, name: str, parent: Selection, position: Position) -> None:
        fragment = self.fragments.get(name)
        if fragment is None or name in parent.spread_fragments or name in self.open_fragments:
            return  # validation reports unknown fragments, and fragments inside themselves
        parent.spread_fragments.add(name)
        self.visited_fragments.add(name)
        self.open_fragments.add(name)
        self.count_directives(fragment.directives or ())
        inner = position.inside(type_condition=fragment.type_condition.name.value)
        self.add_selections(fragment.selection_set, parent, inner)
        self.open_fragments.discard(name)

    def count_directives(self, directives: Sequence[DirectiveNode]) -> None:
        self.directives += len(directives)
        require_at_most(self.limits.directives, self.directives, "An operation", "directives")


def require_at_most(limit: int, requested: int, owner: str, what: str) -> None:
    if requested > limit:
        raise LimitExceeded(f"{owner} may have at most {limit} {what}.", limit, requested)
