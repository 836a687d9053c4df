"""Properties of records that follow from few of their columns, and say from which: what reads only those can tell them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class computed_property(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """A property that `compute` makes of the values of `columns`, in order."""

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
