"""Whether two answers are the same, where they first differ, and the smallest operation that shows it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    print_ast,
)

from support.differential import OperationRequest
from support.generated_operations.field_coverage import find_fragment

Answer = Mapping[str, Any]
CHILD_LISTS = ("definitions", "selections", "directives", "arguments", "values", "fields")
MAX_ATTEMPTS = 400


def find_difference(one: Answer, other: Answer) -> str | None:
    """The first path at which two answers differ, with what stands there; None where they are the same.

    The order of keys counts, that of errors does not: graphql-core tells them as they come.
    """
    told = find_json_difference(sort_errors(one.get("errors")), sort_errors(other.get("errors")), "errors")
    return find_json_difference(without_errors(one), without_errors(other), "answer") or told


def without_errors(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if name != "errors"}


def sort_errors(errors: Sequence[Any] | None) -> list[Any]:
    return sorted(errors or (), key=lambda error: json.dumps([error.get("path"), error], sort_keys=True))


def find_json_difference(one: Any, other: Any, path: str) -> str | None:
    if isinstance(one, dict) and isinstance(other, dict):
        a, b = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        if list(a) != list(b):
            return f"{path}: keys {list(a)} != {list(b)}"
        return next((found for key in a if (found := find_json_difference(a[key], b[key], f"{path}.{key}")) is not None), None)
    if isinstance(one, list) and isinstance(other, list):
        many, few = cast("list[Any]", one), cast("list[Any]", other)
        if len(many) != len(few):
            return f"{path}: {len(many)} != {len(few)} items: {short(many)} != {short(few)}"
        pairs = enumerate(zip(many, few, strict=True))
        return next((found for place, pair in pairs if (found := find_json_difference(*pair, f"{path}[{place}]")) is not None), None)
    return None if type(one) is type(other) and one == other else f"{path}: {short(one)} != {short(other)}"


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"


def unexplained_errors(core: Answer, found: Answer) -> list[Any] | None:
    """Errors of the second answer that graphql-core might as well have told.

    Of several errors that bubble up to one null, only some are told, whichever came first (GraphQL, section 6.4.4). None where
    the answers differ in something else.
    """
    if find_json_difference(without_errors(core), without_errors(found), "") is not None:
        return None
    ours, theirs = errors_by_null(found), errors_by_null(core)
    if ours.keys() != theirs.keys():
        return None
    strange = [error for place in ours for error in ours[place] if error not in theirs[place]]
    return strange if all(null_path(found, error) != error["path"] for error in strange) else None


def errors_by_null(answer: Answer) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for error in answer.get("errors") or ():
        found[json.dumps(null_path(answer, error))].append(error)
    return found


def null_path(answer: Answer, error: Mapping[str, Any]) -> list[Any]:
    """The path of the null that an error left."""
    value, path = answer.get("data"), error.get("path") or []
    for place, key in enumerate(path):
        if value is None:
            return path[:place]
        value = value[key]
    return path


def reduce_to_path(asked: OperationRequest, path: Sequence[str | int]) -> OperationRequest:
    """The same operation with nothing but what leads to the path."""
    document = parse(asked.query)
    operation = next(
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode) and asked.operation_name in (None, each.name and each.name.value)
    )
    selections = select_path(document, operation.selection_set, [key for key in path if isinstance(key, str)])
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    document = DocumentNode(definitions=(replace(operation, selection_set=selections), *fragments))
    return OperationRequest(remove_unused(document), asked.variables, asked.operation_name)


def select_path(document: DocumentNode, selections: SelectionSetNode, keys: Sequence[str]) -> SelectionSetNode:
    found: list[Any] = []
    for each in selections.selections:
        if isinstance(each, FieldNode):
            if (each.alias or each.name).value == keys[0]:
                inner = select_path(document, each.selection_set, keys[1:]) if each.selection_set and keys[1:] else each.selection_set
                found.append(replace(each, selection_set=inner))
        elif isinstance(each, InlineFragmentNode | FragmentSpreadNode):
            source = each if isinstance(each, InlineFragmentNode) else find_fragment(document, each.name.value)
            inner = select_path(document, source.selection_set, keys)
            if inner.selections:
                on = source.type_condition
                found.append(InlineFragmentNode(type_condition=on, directives=each.directives, selection_set=inner))
    return SelectionSetNode(selections=tuple(found))


async def minimize_operation(asked: OperationRequest, still: Callable[[OperationRequest], Awaitable[bool]]) -> OperationRequest:
    """Leave out whatever can be left out with the answers still different."""
    place = tries = 0
    while tries < MAX_ATTEMPTS:
        document = parse(asked.query)
        spots = list(removable_parts(document))
        if place >= len(spots):
            break
        tries += 1
        try:
            text = remove_unused(cast("DocumentNode", remove_part(document, *spots[place])))
            parse(text)
        except (GraphQLError, ValueError):
            place += 1
            continue
        candidate = OperationRequest(text, asked.variables, asked.operation_name)
        if await still(candidate):
            asked = candidate
        else:
            place += 1
    used = {name: value for name, value in asked.variables.items() if f"${name}" in asked.query}
    return OperationRequest(asked.query, used, asked.operation_name)


def removable_parts(node: Node) -> Iterator[tuple[Node, str, int]]:
    """Everything that might be left out, the greatest first."""
    for name in CHILD_LISTS:
        for at, each in enumerate(getattr(node, name, None) or ()):
            yield node, name, at
            yield from removable_parts(each)
    for name in ("selection_set", "value"):
        inner = getattr(node, name, None)
        if isinstance(inner, Node):
            yield from removable_parts(inner)


def remove_part(node: Node, owner: Node, name: str, at: int) -> Node:
    """The same tree without one part; nodes are frozen."""
    if node is owner:
        held: Sequence[Node] = getattr(node, name)
        return replace(cast("Any", node), **{name: (*held[:at], *held[at + 1 :])})
    changed: dict[str, Any] = {}
    for each in CHILD_LISTS:
        if found := getattr(node, each, None):
            changed[each] = tuple(remove_part(inner, owner, name, at) for inner in found)
    for each in ("selection_set", "value"):
        if isinstance(inner := getattr(node, each, None), Node):
            changed[each] = remove_part(inner, owner, name, at)
    return replace(cast("Any", node), **changed) if changed else node


def remove_unused(document: DocumentNode) -> str:
    """The document without fragments and variables that nothing uses."""
    while True:
        kept: list[Any] = []
        text = print_ast(document)
        for each in document.definitions:
            if isinstance(each, FragmentDefinitionNode) and f"...{each.name.value}" not in text.replace("... ", "..."):
                continue
            kept.append(each)
        if len(kept) == len(document.definitions):
            break
        document = DocumentNode(definitions=tuple(kept))
    fragments = "".join(print_ast(each) for each in kept if isinstance(each, FragmentDefinitionNode))
    for place, each in enumerate(kept):
        if isinstance(each, OperationDefinitionNode):
            body = print_ast(each.selection_set) + fragments + "".join(print_ast(one) for one in each.directives or ())
            named = tuple(one for one in each.variable_definitions or () if re.search(rf"\${one.variable.name.value}\b", body))
            kept[place] = replace(each, variable_definitions=named)
    return print_ast(DocumentNode(definitions=tuple(kept)))


def format_difference(asked: OperationRequest, viewer: str, found: str) -> str:
    """What to copy."""
    lines = [f"\nviewer: {viewer}", "query:", asked.query, f"variables: {json.dumps(asked.variables, ensure_ascii=False)}"]
    if asked.operation_name is not None:
        lines.append(f"operationName: {asked.operation_name}")
    return "\n".join([*lines, f"first difference (graphql-core != plan): {found}"])


__all__ = ["find_difference", "format_difference", "minimize_operation", "reduce_to_path", "unexplained_errors"]
