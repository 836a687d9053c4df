"""Compares two responses, and reduces an operation to a small one that still shows the
difference."""

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
    """The first path at which two responses differ, with both values; None if they are equal.

    The order of keys matters, but not that of errors, which graphql-core reports as they occur.
    """
    in_errors = find_json_difference(
        sort_errors(one.get("errors")), sort_errors(other.get("errors")), "errors"
    )
    in_data = find_json_difference(without_errors(one), without_errors(other), "answer")
    return "; ".join(each for each in (in_data, in_errors) if each) or None


def without_errors(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if name != "errors"}


def sort_errors(errors: Sequence[Any] | None) -> list[Any]:
    return sorted(
        errors or (), key=lambda error: json.dumps([error.get("path"), error], sort_keys=True)
    )


def find_json_difference(one: Any, other: Any, path: str) -> str | None:
    if isinstance(one, dict) and isinstance(other, dict):
        a, b = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        if list(a) != list(b):
            return f"{path}: keys {list(a)} != {list(b)}"
        differences = (find_json_difference(a[key], b[key], f"{path}.{key}") for key in a)
        return next((each for each in differences if each is not None), None)
    if isinstance(one, list) and isinstance(other, list):
        items, other_items = cast("list[Any]", one), cast("list[Any]", other)
        if len(items) != len(other_items):
            lengths = f"{len(items)} != {len(other_items)} items"
            return f"{path}: {lengths}: {shorten(items)} != {shorten(other_items)}"
        pairs = enumerate(zip(items, other_items, strict=True))
        differences = (find_json_difference(*pair, f"{path}[{index}]") for index, pair in pairs)
        return next((each for each in differences if each is not None), None)
    return (
        None
        if type(one) is type(other) and one == other
        else f"{path}: {shorten(one)} != {shorten(other)}"
    )


def shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"


def alternative_errors(core: Answer, compiled: Answer) -> list[Any] | None:
    """Errors of the second response that graphql-core could also have reported.

    If several errors propagate to the same null, an executor may report only the first one
    (GraphQL, section 6.4.4). Returns None if the responses differ in anything else.
    """
    if find_json_difference(without_errors(core), without_errors(compiled), "") is not None:
        return None
    ours, theirs = errors_by_null(compiled), errors_by_null(core)
    if ours.keys() != theirs.keys():
        return None
    additional = [error for path in ours for error in ours[path] if error not in theirs[path]]
    return (
        additional
        if all(null_path(compiled, error) != error["path"] for error in additional)
        else None
    )


def errors_by_null(answer: Answer) -> Mapping[str, list[Any]]:
    errors: dict[str, list[Any]] = defaultdict(list)
    for error in answer.get("errors") or ():
        errors[json.dumps(null_path(answer, error))].append(error)
    return errors


def null_path(answer: Answer, error: Mapping[str, Any]) -> list[Any]:
    """The path of the null that an error caused."""
    value, path = answer.get("data"), error.get("path") or []
    for depth, key in enumerate(path):
        if value is None:
            return path[:depth]
        value = value[key]
    return path


def reduce_to_path(request: OperationRequest, path: Sequence[str | int]) -> OperationRequest:
    """The same operation, with only the selections on the path."""
    document = parse(request.query)
    operation = next(
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and request.operation_name in (None, each.name and each.name.value)
    )
    selections = select_path(
        document, operation.selection_set, [key for key in path if isinstance(key, str)]
    )
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    document = DocumentNode(definitions=(replace(operation, selection_set=selections), *fragments))
    return OperationRequest(remove_unused(document), request.variables, request.operation_name)


def select_path(
    document: DocumentNode, selections: SelectionSetNode, keys: Sequence[str]
) -> SelectionSetNode:
    kept: list[Any] = []
    for each in selections.selections:
        if isinstance(each, FieldNode):
            if (each.alias or each.name).value == keys[0]:
                inner = (
                    select_path(document, each.selection_set, keys[1:])
                    if each.selection_set and keys[1:]
                    else each.selection_set
                )
                kept.append(replace(each, selection_set=inner))
        elif isinstance(each, InlineFragmentNode | FragmentSpreadNode):
            source = (
                each
                if isinstance(each, InlineFragmentNode)
                else find_fragment(document, each.name.value)
            )
            inner = select_path(document, source.selection_set, keys)
            if inner.selections:
                on = source.type_condition
                kept.append(
                    InlineFragmentNode(
                        type_condition=on, directives=each.directives, selection_set=inner
                    )
                )
    return SelectionSetNode(selections=tuple(kept))


async def minimize_operation(
    request: OperationRequest, still: Callable[[OperationRequest], Awaitable[bool]]
) -> OperationRequest:
    """Remove every part of an operation without which `still` holds."""
    index = attempts = 0
    while attempts < MAX_ATTEMPTS:
        document = parse(request.query)
        spots = list(removable_parts(document))
        if index >= len(spots):
            break
        attempts += 1
        try:
            text = remove_unused(cast("DocumentNode", remove_part(document, *spots[index])))
            parse(text)
        except (GraphQLError, ValueError):
            index += 1
            continue
        candidate = OperationRequest(text, request.variables, request.operation_name)
        if await still(candidate):
            request = candidate
        else:
            index += 1
    used = {name: value for name, value in request.variables.items() if f"${name}" in request.query}
    return OperationRequest(request.query, used, request.operation_name)


def removable_parts(node: Node) -> Iterator[tuple[Node, str, int]]:
    """The removable parts of a document, largest first."""
    for name in CHILD_LISTS:
        for at, each in enumerate(getattr(node, name, None) or ()):
            yield node, name, at
            yield from removable_parts(each)
    for name in ("selection_set", "value"):
        inner = getattr(node, name, None)
        if isinstance(inner, Node):
            yield from removable_parts(inner)


def remove_part(node: Node, owner: Node, name: str, at: int) -> Node:
    """A copy of the tree without one part, because nodes are immutable."""
    if node is owner:
        held: Sequence[Node] = getattr(node, name)
        return replace(cast("Any", node), **{name: (*held[:at], *held[at + 1 :])})
    changed: dict[str, Any] = {}
    for each in CHILD_LISTS:
        if children := getattr(node, each, None):
            changed[each] = tuple(remove_part(inner, owner, name, at) for inner in children)
    for each in ("selection_set", "value"):
        if isinstance(inner := getattr(node, each, None), Node):
            changed[each] = remove_part(inner, owner, name, at)
    return replace(cast("Any", node), **changed) if changed else node


def remove_unused(document: DocumentNode) -> str:
    """The document without unused fragments and variables."""
    while True:
        kept: list[Any] = []
        text = print_ast(document)
        for each in document.definitions:
            if isinstance(
                each, FragmentDefinitionNode
            ) and f"...{each.name.value}" not in text.replace("... ", "..."):
                continue
            kept.append(each)
        if len(kept) == len(document.definitions):
            break
        document = DocumentNode(definitions=tuple(kept))
    fragments = "".join(
        print_ast(each) for each in kept if isinstance(each, FragmentDefinitionNode)
    )
    for index, each in enumerate(kept):
        if isinstance(each, OperationDefinitionNode):
            body = (
                print_ast(each.selection_set)
                + fragments
                + "".join(print_ast(one) for one in each.directives or ())
            )
            named = tuple(
                one
                for one in each.variable_definitions or ()
                if re.search(rf"\${one.variable.name.value}\b", body)
            )
            kept[index] = replace(each, variable_definitions=named)
    return print_ast(DocumentNode(definitions=tuple(kept)))


def format_difference(request: OperationRequest, viewer: str, difference: str) -> str:
    """A report of the difference with the operation to reproduce it."""
    lines = [
        f"\nviewer: {viewer}",
        "query:",
        request.query,
        f"variables: {json.dumps(request.variables, ensure_ascii=False)}",
    ]
    if request.operation_name is not None:
        lines.append(f"operationName: {request.operation_name}")
    return "\n".join([*lines, f"first difference (graphql-core != plan): {difference}"])


__all__ = [
    "alternative_errors",
    "find_difference",
    "format_difference",
    "minimize_operation",
    "reduce_to_path",
]
