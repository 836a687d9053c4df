"""How an enum of models becomes a GraphQL enum."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry


def register_enum(enum: type[Enum], name: str, description: str, values: Mapping[str, str]) -> None:
    """Give an enum its GraphQL name and descriptions.

    `values` describes each member by its name. This is a function, not a decorator, so that models
    do not import Strawberry.
    """
    registered: Any = strawberry.enum(enum, name=name, description=description)
    for value in registered.__strawberry_definition__.values:
        value.description = values[value.name]
