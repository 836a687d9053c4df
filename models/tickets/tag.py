"""The key by which lists of tags are ordered and searched."""

from __future__ import annotations

from typing import Any

from tortoise.fields import CharField
from tortoise.models import Model

SEPARATOR = "\t"
"""Tags contain no tab, and it sorts before every character that they contain."""
MAX_KEY_CHARS = 201
"""Three folded characters for each of the 50 of a tag, the separator, and the tag."""


def build_sort_key(name: str) -> str:
    """The tag without case, and then the tag. So equal tags sort together, and case decides last.

    Both databases order the keys by their code points.
    """
    return f"{name.casefold()}{SEPARATOR}{name}"


class TagSortKeyField(CharField[str]):
    """Stores the sort key of the record's name, whatever the field's own value is."""

    name_attribute = "name"

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"max_length": MAX_KEY_CHARS, "default": "", "db_default": "", **kwargs}
        super().__init__(**kwargs)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        if isinstance(instance, Model):
            return build_sort_key(getattr(instance, self.name_attribute))
        return value

    class _db_postgres:  # noqa: N801 - Tortoise finds the class by this name
        SQL_TYPE = f'VARCHAR({MAX_KEY_CHARS}) COLLATE "C"'
