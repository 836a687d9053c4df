"""Records made many times quicker than by their classes: new ones of values that ours have checked, stored ones of whole rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from tortoise.models import Model

M = TypeVar("M", bound=Model)


class Defaults(NamedTuple):
    fixed: dict[str, Any]
    """All columns' attributes, null where a record must say more."""
    made: list[tuple[str, Callable[[], Any]]]


@lru_cache(maxsize=64)
def defaults(kind: type[Model]) -> Defaults:
    about = kind._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    given = {name: about.fields_map[name].default for name in about.fields_db_projection}
    made = [(name, default) for name, default in given.items() if callable(default)]
    return Defaults({name: None if callable(default) else default for name, default in given.items()}, made)


def new_record(kind: type[M], /, **values: object) -> M:
    """`kind(**values)` by attributes of columns, whose values are taken as they are. Raises TypeError for other names."""
    fixed, made = defaults(kind)
    if not values.keys() <= fixed.keys():
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(values.keys() - fixed.keys()))}")
    record = kind.__new__(kind)
    # what Tortoise keeps of each record, as its constructor sets it
    state = {"_partial": False, "_saved_in_db": False, "_custom_generated_pk": False, "_await_when_save": {}}
    vars(record).update(state, **fixed)
    vars(record).update(values)
    for name, default in made:
        if name not in values:
            vars(record)[name] = default()
    return record


@lru_cache(maxsize=64)
def row_hydrator(kind: type[M], dialect: str) -> Callable[[Sequence[object]], M]:
    """What makes a stored record of a row that begins with all columns, as Tortoise's own queries would."""
    about = kind._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    names = tuple(about.fields_db_projection)
    native = {name for _, name, _ in about.db_native_fields}
    converted = [(name, about.fields_map[name].to_python_value) for name in names if name not in native]
    own_key = about.db_pk_column not in about.generated_db_fields

    def make(row: Sequence[object]) -> M:
        record = kind.__new__(kind)
        values: dict[str, Any] = vars(record)
        values.update(_partial=False, _saved_in_db=True, _custom_generated_pk=own_key, _await_when_save={})
        values.update(zip(names, row, strict=False))
        for name, convert in converted:
            values[name] = convert(values[name])
        return record

    return make
