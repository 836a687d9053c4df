"""What the decorators of mutations share: the signature that Strawberry reads, and user errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar

import strawberry

from models.core.errors import Refusal, Refusals
from schema.types.error import user_error

Input = TypeVar("Input")
Payload = TypeVar("Payload")
F = TypeVar("F", bound=Callable[..., Any])
Resolver = Callable[[strawberry.Info, Input], Awaitable[Payload]]
"""The function that Strawberry calls for a mutation."""


def as_resolver(resolve: F, function: Callable[..., Any], payload: object) -> F:
    """Give `resolve` the name and the input type of the function that it calls.

    Strawberry looks up the input's annotation, a text, in the module of the function.
    """
    input = signature(function).parameters["input"]
    info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info)
    described: Any = resolve
    described.__signature__ = Signature([info, input], return_annotation=payload)
    described.__name__, described.__qualname__ = function.__name__, function.__qualname__
    described.__module__, described.__doc__ = function.__module__, function.__doc__
    return resolve


def to_user_errors(error: Refusal | Refusals) -> list[Any]:
    refusals = error.refusals if isinstance(error, Refusals) else [error]
    return [user_error(refusal) for refusal in refusals]
