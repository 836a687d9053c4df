"""Builds the table of settings in docs/configuration.md."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from settings.application import Settings


def build_reference() -> str:
    """The table of all settings, as Markdown."""
    lines = ["| variable | default | range | description |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"TICKETWIRE_{name.upper()}"
        description = " ".join((field.description or "").split())
        default, bounds = format_default(field), format_bounds(field)
        lines.append(f"| `{variable}` | {default} | {bounds} | {description} |")
    return "\n".join(lines)


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
