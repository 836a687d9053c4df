"""Helpers for the syntax trees of the generated modules."""

from __future__ import annotations

import ast
from collections.abc import Iterable


class Renaming(ast.NodeTransformer):
    """Renames classes, also where their names are in quotes."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = self.names.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        plain = node.id.strip('"')
        node.id = node.id.replace(plain, self.names.get(plain, plain))
        return node


def find_alias(node: ast.stmt) -> tuple[str | None, str]:
    """The name and the fragment of `X = Fragment` and of `class X(Fragment): pass`."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
        return defined_name(node), node.value.id
    if (
        isinstance(node, ast.ClassDef)
        and isinstance(node.body[0], ast.Pass)
        and len(node.bases) == 1
    ):
        return node.name, node.bases[0].id
    return None, ""


def is_rebuild(node: ast.stmt, names: Iterable[str]) -> bool:
    """Whether it calls model_rebuild of one of the classes."""
    return isinstance(node, ast.Expr) and not used_names(node).isdisjoint(names)


def is_subscript_of(annotation: ast.expr, *names: str) -> bool:
    is_subscript = isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name)
    return is_subscript and annotation.value.id in names


def field_name(statement: ast.stmt) -> str | None:
    is_field = isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    return statement.target.id if is_field else None


def replace_class(field: ast.AnnAssign, name: str) -> None:
    """Replace the class in an annotation, and remove what chooses between several."""
    field.annotation = replace_innermost(field.annotation, ast.Name(name))
    if isinstance(field.value, ast.Call):
        field.value.keywords = [
            each for each in field.value.keywords if each.arg != "discriminator"
        ]
        if not field.value.keywords:
            field.value = None


def replace_innermost(annotation: ast.expr, name: ast.Name) -> ast.expr:
    if not is_subscript_of(annotation, "Optional", "list"):
        return name
    annotation.slice = replace_innermost(annotation.slice, name)
    return annotation


def prune(module: ast.Module, roots: set[str]) -> None:
    """Remove the classes, aliases and calls of classes that none of the roots uses."""
    defined = {name: node for node in module.body for name in [defined_name(node)] if name}
    reached: set[str] = set()
    waiting = list(roots & set(defined))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += used_names(defined[name]) & set(defined)
    module.body = [node for node in module.body if is_kept(node, reached)]


def is_kept(node: ast.stmt, reached: set[str]) -> bool:
    name = defined_name(node)
    if name is not None:
        return name in reached
    return not isinstance(node, ast.Expr) or is_rebuild(node, reached)


def remove_imports(module: ast.Module, names: Iterable[str]) -> None:
    """Remove names from the relative imports of a module."""
    excluded = set(names)
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            node.names = [each for each in node.names if each.name not in excluded]
    module.body = [
        node for node in module.body if not isinstance(node, ast.ImportFrom) or node.names
    ]


def defined_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def used_names(node: ast.AST) -> set[str]:
    """The names in a node. The generator writes forward references as names with quotes."""
    return {each.id.strip('"') for each in ast.walk(node) if isinstance(each, ast.Name)}
