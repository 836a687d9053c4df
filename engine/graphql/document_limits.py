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
"""The maximum number of selections in a document, with fragments expanded."""
MAX_MERGED_PAIRS = 20_000
"""The maximum number of pairs of selections in a document that are merged into the same field.

Validation compares each pair.
"""
MAX_INTROSPECTION_DEPTH = 20
"""The maximum depth from `__schema` or `__type` down. Standard introspection queries nest `ofType`
deeply."""
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The maximum of each count. A limit of zero permits none; it does not switch the limit off."""

    bytes: int = 16 * 1024
    """The length of the document's text in UTF-8."""
    tokens: int = 2000
    """The tokens of the document."""
    depth: int = 12
    """The nesting of fields, with fragments expanded. A root field has the depth 1."""
    aliases: int = 30
    """The aliases of an operation or of an unused fragment, with fragments expanded."""
    root_fields: int = 20
    """The root fields of an operation, with fragments expanded and equal response keys merged."""
    merged_selections: int = 40
    """The selections that are merged into one field of the response, with fragments expanded."""
    directives: int = 50
    """The directives of an operation or of an unused fragment, with fragments expanded."""
    fragments: int = 60
    """The fragment definitions of the document."""
    operations: int = 20
    """The operations of the document."""

    @property
    def nesting(self) -> int:
        """The fields and fragments around a selection, which bounds how deeply the check recurses.

        These are `depth` fields, MAX_INTROSPECTION_DEPTH fields of an introspection, and as many
        fragments, which do not count towards the depth.
        """
        return self.depth + 2 * MAX_INTROSPECTION_DEPTH


class LimitExceeded(RequestError):
    """A document exceeds a limit.

    `limit_name` is the name of the limit in the metric of refusals. The error is cached with its
    document and returned many times, so engine/graphql/errors.py counts each response with it.
    """

    def __init__(self, name: str, message: str, limit: int, requested: int | None = None) -> None:
        self.limit_name = f"document_{name}"
        counts = {"limit": limit}
        if requested is not None:
            counts = {"requested": requested, "limit": limit}
        super().__init__(message, "QUERY_TOO_EXPENSIVE", **counts)

    @classmethod
    def of_depth(cls, limit: int, requested: int | None = None) -> LimitExceeded:
        return cls("depth", f"Fields may be nested at most {limit} levels deep.", limit, requested)

    @classmethod
    def of_nesting(cls, limit: int) -> LimitExceeded:
        message = f"A selection may be inside at most {limit} fields and fragments."
        return cls("nesting", message, limit)


@dataclass(slots=True)
class ResponseField:
    """A field of the response: the selections that are merged into it, and its sub-fields.

    The root of an operation is a ResponseField without selections.
    """

    type_condition: str | None = None
    """The type named by the fragment around the first selection; None outside of fragments."""
    has_other_type_conditions: bool = False
    """Whether the field is also selected under another type condition, or none."""
    nodes: list[FieldNode] = field(default_factory=list[FieldNode])
    children: dict[str, ResponseField] = field(default_factory=dict[str, "ResponseField"])
    spread_fragments: set[str] = field(default_factory=set[str])
    """Fragments expanded here. Expanding one again would add nothing."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where selections stand in a document."""

    depth: int
    """The number of fields around them; inside an introspection field, counted from that field."""
    max_depth: int
    nesting: int = 0
    """The number of fields and fragments around them."""
    type_condition: str | None = None
    """The type condition of the fragment around them; None directly inside a field."""

    def inside_fragment(self, type_condition: str | None) -> Position:
        """The position inside a fragment of this selection set."""
        return Position(self.depth, self.max_depth, self.nesting + 1, type_condition)


class SelectionTree:
    """The selections of a document's operations. `roots` has one root for each operation."""

    def __init__(self, document: DocumentNode, limits: DocumentLimits) -> None:
        """Raises LimitExceeded."""
        self.limits = limits
        definitions = document.definitions
        self.operations = [
            each for each in definitions if isinstance(each, OperationDefinitionNode)
        ]
        fragments = [each for each in definitions if isinstance(each, FragmentDefinitionNode)]
        self.fragments = {each.name.value: each for each in fragments}
        self.selection_count = self.merged_pairs = 0
        self.count_owner = "An operation"
        """The part of the document whose aliases and directives are being counted."""
        self.aliases = self.directives = 0
        self.open_fragments: set[str] = set()
        """The fragments around the current selection."""
        self.visited_fragments: set[str] = set()
        require_at_most(limits.operations, len(self.operations), "A document", "operations")
        require_at_most(limits.fragments, len(fragments), "A document", "fragments")
        self.roots = [self.add_operation(each) for each in self.operations]
        self.check_unused(fragments)

    def check_unused(self, fragments: Sequence[FragmentDefinitionNode]) -> None:
        """Check each fragment that no operation uses, because validation visits it, too."""
        self.count_owner = "A fragment"
        for fragment in fragments:
            if fragment.name.value not in self.visited_fragments:
                self.visited_fragments.add(fragment.name.value)
                self.aliases = self.directives = 0
                self.count_directives(fragment.directives or ())
                position = Position(0, self.limits.depth)
                self.add_selections(fragment.selection_set, ResponseField(), position)

    def add_operation(self, operation: OperationDefinitionNode) -> ResponseField:
        root = ResponseField()
        self.aliases = self.directives = 0
        self.count_directives(operation.directives or ())
        for variable in operation.variable_definitions or ():
            self.count_directives(variable.directives or ())
        self.add_selections(operation.selection_set, root, Position(0, self.limits.depth))
        limit = self.limits.root_fields
        require_at_most(limit, len(root.children), "An operation", "root fields")
        return root

    def add_selections(
        self, selection_set: SelectionSetNode, parent: ResponseField, position: Position
    ) -> None:
        """Merge a selection set into the sub-fields of `parent`."""
        if position.nesting > self.limits.nesting:
            raise LimitExceeded.of_nesting(self.limits.nesting)
        for node in selection_set.selections:
            self.selection_count += 1
            if self.selection_count > MAX_SELECTIONS:
                message = (
                    f"A document may have at most {MAX_SELECTIONS} selections, "
                    "with fragments expanded."
                )
                raise LimitExceeded("selections", message, MAX_SELECTIONS)
            self.count_directives(node.directives or ())
            if isinstance(node, FieldNode):
                self.add_field(node, parent, position)
            elif isinstance(node, FragmentSpreadNode):
                self.add_fragment(node.name.value, parent, position)
            elif isinstance(node, InlineFragmentNode):
                condition = position.type_condition
                if node.type_condition is not None:
                    condition = node.type_condition.name.value
                inner = position.inside_fragment(condition)
                self.add_selections(node.selection_set, parent, inner)

    def add_field(self, node: FieldNode, parent: ResponseField, position: Position) -> None:
        depth, max_depth = position.depth + 1, position.max_depth
        if depth > max_depth:
            raise LimitExceeded.of_depth(max_depth, depth)
        if node.alias is not None:
            self.aliases += 1
            require_at_most(self.limits.aliases, self.aliases, self.count_owner, "aliases")
        key = node.alias.value if node.alias is not None else node.name.value
        response_field = parent.children.get(key)
        if response_field is None:
            response_field = parent.children[key] = ResponseField(position.type_condition)
        if response_field.type_condition != position.type_condition:
            response_field.has_other_type_conditions = True
        self.merge_node(node, response_field)
        if node.selection_set is not None:
            if node.name.value in INTROSPECTION_FIELDS:
                depth, max_depth = 1, MAX_INTROSPECTION_DEPTH
            inner = Position(depth, max_depth, position.nesting + 1)
            self.add_selections(node.selection_set, response_field, inner)

    def merge_node(self, node: FieldNode, response_field: ResponseField) -> None:
        self.merged_pairs += len(response_field.nodes)
        response_field.nodes.append(node)
        limit = self.limits.merged_selections
        if len(response_field.nodes) > limit:
            message = f"A field may be selected at most {limit} times in one place."
            raise LimitExceeded("field_repeats", message, limit)
        if self.merged_pairs > MAX_MERGED_PAIRS:
            message = (
                f"A document may have at most {MAX_MERGED_PAIRS} pairs of selections of the same "
                "field, with fragments expanded."
            )
            raise LimitExceeded("merged_pairs", message, MAX_MERGED_PAIRS)

    def add_fragment(self, name: str, parent: ResponseField, position: Position) -> None:
        fragment = self.fragments.get(name)
        if fragment is None or name in parent.spread_fragments or name in self.open_fragments:
            return  # validation reports unknown fragments, and fragments inside themselves
        parent.spread_fragments.add(name)
        self.visited_fragments.add(name)
        self.open_fragments.add(name)
        self.count_directives(fragment.directives or ())
        inner = position.inside_fragment(fragment.type_condition.name.value)
        self.add_selections(fragment.selection_set, parent, inner)
        self.open_fragments.discard(name)

    def count_directives(self, directives: Sequence[DirectiveNode]) -> None:
        self.directives += len(directives)
        require_at_most(self.limits.directives, self.directives, self.count_owner, "directives")


def require_at_most(limit: int, requested: int, owner: str, what: str) -> None:
    if requested > limit:
        message = f"{owner} may have at most {limit} {what}."
        raise LimitExceeded(what.replace(" ", "_"), message, limit, requested)
