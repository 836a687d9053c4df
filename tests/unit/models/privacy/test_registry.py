"""The registry lists every column of text of the tables, once, and every kind of file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from typing import Any

from tortoise import fields
from tortoise.models import Model

from models.database.config import build_config
from models.files.store import FileKind
from models.privacy.registry import COLUMNS, FILES, TREATMENTS, Holding

TEXT_FIELDS = (fields.CharField, fields.TextField, fields.JSONField)


def list_tables() -> Iterator[Any]:
    """The records of the application that have a table."""
    config: Any = build_config("sqlite:///unused.db")
    for name in config["apps"]["models"]["models"]:
        for record in vars(import_module(name)).values():
            is_record = isinstance(record, type) and issubclass(record, Model)
            if is_record and record is not Model:
                yield record


def list_text_columns() -> Iterator[str]:
    """The columns of text, without those of enums, as `table.column`."""
    for record in list_tables():
        for column, field in record._meta.fields_map.items():
            is_enum = isinstance(getattr(field, "enum_type", None), type(Enum))
            if record._meta.db_table and isinstance(field, TEXT_FIELDS) and not is_enum:
                yield f"{record._meta.db_table}.{column}"


def test_each_column_of_text_is_listed_once() -> None:
    listed = Counter(column for columns in COLUMNS.values() for column in columns)
    assert {column for column, count in listed.items() if count > 1} == set()
    found = set(list_text_columns())
    assert len(found) > 80
    assert found - set(listed) == set(), "decide in models/privacy/registry.py what these hold"
    assert set(listed) - found == set(), "these columns no longer exist"


def test_the_erasure_of_a_person_treats_each_column_once() -> None:
    treated = Counter(column for columns in TREATMENTS.values() for column in columns)
    assert {column for column, count in treated.items() if count > 1} == set()
    technical = COLUMNS[Holding.TECHNICAL]
    listed = {column for columns in COLUMNS.values() for column in columns} - technical
    assert listed - set(treated) == set(), "decide how the erasure of a person treats these"
    assert set(treated) - listed == set(), "these columns are technical, or no longer exist"


def test_the_erasure_of_a_person_treats_each_kind_of_file() -> None:
    assert set(FILES) == {each.value for each in FileKind}
