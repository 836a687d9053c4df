"""Creates records without the cost of their constructors.

New records are made from values that our code has checked, stored records from whole rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from tortoise.models import Model

M = TypeVar("M", bound=Model)


class Defaults(NamedTuple):
    constants: dict[str, Any]
    """The default of each column; None where a factory makes the default."""
    factories: list[tuple[str, Callable[[], Any]]]


@lru_cache(maxsize=64)
def column_defaults(model: type[Model]) -> Defaults:
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    constants: dict[str, Any] = {}
    factories: list[tuple[str, Callable[[], Any]]] = []
    for name in meta.fields_db_projection:
        default = meta.fields_map[name].default
        if callable(default):
            constants[name] = None
            factories.append((name, default))
        else:
            constants[name] = default
    return Defaults(constants, factories)


def new_record(model: type[M], /, **values: object) -> M:
    """`model(**values)` for the attributes of columns, without conversion or validation.

    Raises TypeError for other names.
    """
    constants, factories = column_defaults(model)
    unknown = sorted(values.keys() - constants.keys())
    if unknown:
        raise TypeError(f"{model.__name__} has no {', '.join(unknown)}")
    record = model.__new__(model)
    vars(record).update(
        # Tortoise's own state of a record, as its constructor sets it.
        _partial=False,
        _saved_in_db=False,
        _custom_generated_pk=False,
        _await_when_save={},
    )
    vars(record).update(constants)
    vars(record).update(values)
    for name, factory in factories:
        if name not in values:
            vars(record)[name] = factory()
    return record


@lru_cache(maxsize=64)
def row_hydrator(model: type[M], dialect: str) -> Callable[[Sequence[object]], M]:
    """A function that makes a stored record of a row that begins with all columns.

    `dialect` is only a part of the cache's key: `db_native_fields` depends on the open database.
    """
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    names = tuple(meta.fields_db_projection)
    native = {name for _, name, _ in meta.db_native_fields}
    conversions = [
        (name, meta.fields_map[name].to_python_value) for name in names if name not in native
    ]
    own_key = meta.db_pk_column not in meta.generated_db_fields

    def hydrate(row: Sequence[object]) -> M:
        record = model.__new__(model)
        values: dict[str, Any] = vars(record)
        values.update(
            _partial=False,
            _saved_in_db=True,
            _custom_generated_pk=own_key,
            _await_when_save={},
        )
        values.update(zip(names, row, strict=False))
        for name, convert in conversions:
            values[name] = convert(values[name])
        return record

    return hydrate
