"""Computed properties of records that declare which columns they read.

Code that has only those columns, and no record, can compute the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class computed_property(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """A property whose value is `compute` applied to the values of `columns`, in order."""

    def __init__(self, columns: tuple[str, ...], compute: Callable[..., T]) -> None:
        self.columns = columns
        self.compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, record: None, owner: type) -> computed_property[T]: ...

    @overload
    def __get__(self, record: object, owner: type) -> T: ...

    def __get__(self, record: Any, owner: type) -> computed_property[T] | T:
        if record is None:
            return self
        return self.compute(*(getattr(record, column) for column in self.columns))
