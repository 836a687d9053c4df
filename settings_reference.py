"""The table of all settings, generated from settings.py for docs/configuration.md."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from settings import Settings


def reference() -> str:
    """The table as Markdown."""
    lines = ["| variable | default | range | description |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"TICKETWIRE_{name.upper()}"
        default = field.get_default(call_default_factory=True)
        shown = "" if default == "" else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `{variable}` | {shown} | {range_of(field)} | {field.description} |")
    return "\n".join(lines)


def range_of(field: FieldInfo) -> str:
    """The bounds of a number, or the values of an enumeration."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation) if value)
    signs = {"ge": "≥", "gt": ">", "le": "≤"}
    found = [(sign, getattr(bound, name, None)) for bound in field.metadata for name, sign in signs.items()]
    return ", ".join(f"{sign} {value}" for sign, value in found if value is not None)
