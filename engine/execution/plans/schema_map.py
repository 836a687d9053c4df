"""What plans need to know about an application's records, handed in by it: the engine knows Tortoise's metadata, and no model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tortoise.models import Model

OutputType = Any
"""A type of graphql-core's, whose own annotations of them are partly unknown."""
Row = Sequence[Any]
"""What the database gave, by place."""


class Condition(Protocol):
    """A piece of SQL with `?` for its parameters."""

    @property
    def text(self) -> str: ...

    @property
    def params(self) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Kinds:
    """Records of a model whose GraphQL type depends on a column: by what that column holds."""

    column: str
    names: Mapping[Any, str]


@dataclass(frozen=True, slots=True)
class Words:
    types: Mapping[type[Model], str | Kinds]
    """The GraphQL type of each model's records."""
    type_name: Callable[[Any], str]
    """The GraphQL type of any record that is at hand."""
    sight: Callable[[type[Model], Any, str], Condition | None]
    """By model, context and alias: what must hold for the caller to see a record that something refers to. None: nothing."""
    hidden: frozenset[type[Model]]
    """Models whose records are not seen by everybody who sees what refers to them."""
    apart: frozenset[type[Model]]
    """Of these, those whose sight takes more than their own row: they are never joined."""
    maker: Callable[[type[Model]], Callable[[Sequence[Any]], Any]]
    """What makes a model's records of all their columns' values, as the database gives them."""
    caller: Callable[[Any], Any]
    """Who calls, out of an operation's context."""
    fetch: Callable[[str, Sequence[object]], Awaitable[Sequence[Row]]]
    """Runs one statement."""
    dialect: Callable[[], str]
    """`sqlite` or `postgres`."""
