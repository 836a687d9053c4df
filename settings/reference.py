"""Builds the table of settings in docs/configuration.md.

The docstring of each setting is read here, and not by pydantic, which would parse the source of the
settings at each start of a server.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from settings.application import Settings


def build_reference() -> str:
    """The table of all settings, as Markdown."""
    lines = ["| variable | default | range | description |", "|---|---|---|---|"]
    descriptions = read_descriptions(Settings)
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"TICKETWIRE_{name.upper()}"
        description = " ".join(descriptions[name].split())
        default, bounds = format_default(field), format_bounds(field)
        lines.append(f"| `{variable}` | {default} | {bounds} | {description} |")
    return "\n".join(lines)


def read_descriptions(settings: type) -> dict[str, str]:
    """The docstrings of the attributes of a class and of its bases, by their names."""
    descriptions: dict[str, str] = {}
    for each in reversed(settings.__mro__):
        if not each.__module__.startswith("settings."):
            continue
        (definition,) = ast.parse(dedent(inspect.getsource(each))).body
        assert isinstance(definition, ast.ClassDef)
        for statement, following in pairwise(definition.body):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                descriptions[statement.target.id] = str(following.value.value)
    return descriptions


def format_default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default == "":
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def format_bounds(field: FieldInfo) -> str:
    """The bounds of a number, or the values of an enumeration."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation) if value)
    signs = {"ge": "≥", "gt": ">", "le": "≤"}
    bounds: list[str] = []
    for constraint in field.metadata:
        for name, sign in signs.items():
            value = getattr(constraint, name, None)
            if value is not None:
                bounds.append(f"{sign} {value}")
    return ", ".join(bounds)
