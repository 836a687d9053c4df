"""The key of a tag: equal for all spellings that differ only by case."""

from __future__ import annotations

from typing import Any

from tortoise.fields import CharField
from tortoise.models import Model

from models.core.text import MAX_TAG_CHARS, fold_tag

MAX_TAG_KEY_CHARS = 3 * MAX_TAG_CHARS
"""Without case, a character can become three."""


class TagKeyField(CharField[str]):
    """Stores the key of the record's `name`, whatever the field's own value is.

    Both databases order the keys by their code points.
    """

    name_attribute = "name"

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"max_length": MAX_TAG_KEY_CHARS, "default": "", "db_default": "", **kwargs}
        super().__init__(**kwargs)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        if isinstance(instance, Model):
            return fold_tag(getattr(instance, self.name_attribute))
        return value

    class _db_postgres:  # noqa: N801 - Tortoise finds the class by this name
        SQL_TYPE = f'VARCHAR({MAX_TAG_KEY_CHARS}) COLLATE "C"'
