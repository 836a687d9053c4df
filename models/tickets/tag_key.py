"""The key of a tag: equal for all spellings that differ only by case."""

from __future__ import annotations

from typing import Any

from tortoise.fields import TextField
from tortoise.models import Model

from models.core.text import fold_tag


class TagKeyField(TextField):
    """Stores the key of the record's `name`, whatever the field's own value is."""

    text_attribute = "name"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default="", db_default="", **kwargs)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        if isinstance(instance, Model):
            return fold_tag(getattr(instance, self.text_attribute))
        return value
