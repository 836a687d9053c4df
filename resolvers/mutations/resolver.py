"""`@simple_mutation`, and what the decorators of mutations share.

A simple mutation is a function that returns its payload. It has no idempotency key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar

import strawberry

from engine.limit_refusals import count_refusal
from models.core.errors import Refusal, Refusals
from resolvers.context import Context, context_of
from schema.types.errors import to_user_error

Input = TypeVar("Input")
Payload = TypeVar("Payload")
F = TypeVar("F", bound=Callable[..., Any])
Resolver = Callable[[strawberry.Info, Input], Awaitable[Payload]]
"""The function that Strawberry calls for a mutation."""
SimpleFunction = Callable[[Context, Input], Awaitable[Payload]]


def simple_mutation(
    payload: Callable[..., Payload],
) -> Callable[[SimpleFunction[Input, Payload]], Resolver[Input, Payload]]:
    """Make a resolver of a function that returns the payload.

    A Refusal that the function raises becomes the payload's user errors.
    """

    def decorate(function: SimpleFunction[Input, Payload]) -> Resolver[Input, Payload]:
        async def run_resolver(info: strawberry.Info, input: Input) -> Payload:
            try:
                return await function(context_of(info), input)
            except (Refusal, Refusals) as error:
                return payload(user_errors=to_user_errors(error))

        return as_resolver(run_resolver, function, payload)

    return decorate


def as_resolver(run_resolver: F, function: Callable[..., Any], payload: object) -> F:
    """Give `run_resolver` the name and the input type of the function that it calls.

    Strawberry evaluates the annotation of `input` in the module of that function.
    """
    input = signature(function).parameters["input"]
    info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info)
    resolver: Any = run_resolver
    resolver.__signature__ = Signature([info, input], return_annotation=payload)
    resolver.__name__, resolver.__qualname__ = function.__name__, function.__qualname__
    resolver.__module__, resolver.__doc__ = function.__module__, function.__doc__
    return run_resolver


def to_user_errors(error: Refusal | Refusals) -> list[Any]:
    refusals = error.refusals if isinstance(error, Refusals) else [error]
    for refusal in refusals:
        count_refusal(refusal.limit_name)
    return [to_user_error(refusal) for refusal in refusals]
