"""Builders of root fields.

Each takes the permission that it requires, so no root field can be defined without one.

A description ends with generated sentences: the permitted viewers, and the user errors.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from models.access.permissions import Permission
from models.access.scopes import CallerKind
from models.core.lazy_query import ConnectionQuery, ListQuery, RecordQuery
from schema.cost import MUTATION_COST, SUBSCRIPTION_COST, cost

PERMISSION = "permission"
"""The key under which a subscription's metadata has its permission."""
RESUME_ARGUMENT = "after"
"""The argument that says where a subscription starts."""
CODE_WITH_FIELDS = re.compile(r"([A-Z_]+) \((.*)\)")
CALLER_KIND_NAMES: Mapping[CallerKind, str] = {
    CallerKind.CUSTOMER: "customers",
    CallerKind.AGENT: "agents",
    CallerKind.ADMIN: "admins",
    CallerKind.API_CLIENT: "API clients",
}


class PermissionCheck(FieldExtension):
    """Checks the permission before the resolver runs."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Raises Unauthenticated or Forbidden if the viewer lacks the permission."""
        self.permission.check(info.context.viewer)
        result = await next_(source, info, **kwargs)
        return (
            await result
            if isinstance(result, RecordQuery | ListQuery | ConnectionQuery)
            else result
        )


def query(
    resolver: Callable[..., Any],
    permission: Permission,
    description: str,
    type: object,
    costs: Mapping[str, Any] | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Any:
    """A field of Query.

    `costs` is the metadata that `schema.cost.cost` returns, if the field has a cost of its own.
    `arguments` has descriptions of arguments by their Python names.
    """
    checks: list[FieldExtension] = [PermissionCheck(permission)]
    field: Any = strawberry.field(
        resolver=resolver,
        extensions=checks,
        description=f"{description}\n\n{describe_permission(permission)}",
        graphql_type=type,
        metadata=dict(costs or {}),
    )
    describe_arguments(field, arguments or {})
    return field


def mutation(
    resolver: Callable[..., Any],
    permission: Permission,
    description: str,
    type: object,
    errors: Sequence[str],
) -> Any:
    """A field of Mutation. `errors` lists the user errors: each a code, with its input fields."""
    listed = merge_errors(errors)
    user_errors = "\n- ".join(("User errors:", *listed)) if listed else "User errors: none."
    field: Any = strawberry.mutation(
        resolver=resolver,
        extensions=[PermissionCheck(permission)],
        description=f"{description}\n\n{describe_permission(permission)}\n\n{user_errors}",
        graphql_type=type,
        metadata=cost(flat=MUTATION_COST),
    )
    if field.arguments:
        describe_arguments(field, {"input": "The input of the mutation."})
    return field


def subscription(
    resolver: Callable[..., Awaitable[AsyncIterable[Any]]],
    permission: Permission,
    description: str,
    type: object,
    costs: Mapping[str, Any] | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Any:
    """A field of Subscription; the arguments are those of `query`.

    Strawberry's field extensions expect values, not streams, so this function checks the permission
    itself. A subscription with a cursor argument resumes after the last cursor that the client has
    received, if the transport knows it.
    """
    can_resume = RESUME_ARGUMENT in signature(resolver).parameters

    @wraps(resolver)
    async def check_and_subscribe(info: strawberry.Info, **kwargs: Any) -> AsyncIterable[Any]:
        permission.check(info.context.viewer)
        if can_resume and info.context.resume_from is not None:
            kwargs[RESUME_ARGUMENT] = info.context.resume_from
        return await resolver(info, **kwargs)

    field: Any = strawberry.subscription(
        resolver=check_and_subscribe,
        description=f"{description}\n\n{describe_permission(permission)}",
        graphql_type=type,
    )
    field.metadata = {PERMISSION: permission, **(costs or cost(flat=SUBSCRIPTION_COST))}
    describe_arguments(field, arguments or {})
    return field


def describe_permission(permission: Permission) -> str:
    """A sentence that names the permitted kinds of viewers and the scope that they need."""
    if CallerKind.ANONYMOUS in permission.caller_kinds:
        return "Permitted for: everyone, even without authentication."
    names = [name for kind, name in CALLER_KIND_NAMES.items() if kind in permission.caller_kinds]
    listed = names[-1] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    permitted = f"Permitted for: {listed}"
    if permission.requires_session:
        tokens = "with a session token of signIn or signInWithCode. API tokens are refused."
        return f"{permitted}, {tokens}"
    if permission.scope is not None:
        scopes = [permission.scope, permission.other_scope]
        named = " or ".join(f"`{scope.value}`" for scope in scopes if scope is not None)
        return f"{permitted}. The token needs the scope {named}."
    return f"{permitted}."


def merge_errors(errors: Sequence[str]) -> list[str]:
    """Join the errors that are only a code and its fields in parentheses: one for each code."""
    merged: list[str] = []
    index_by_code: dict[str, int] = {}
    for error in errors:
        match = CODE_WITH_FIELDS.fullmatch(error)
        if match is None:
            merged.append(error)
        elif match[1] in index_by_code:
            index = index_by_code[match[1]]
            merged[index] = f"{merged[index][:-1]}; {match[2]})"
        else:
            index_by_code[match[1]] = len(merged)
            merged.append(error)
    return merged


def describe_arguments(field: Any, descriptions: Mapping[str, str]) -> None:
    """Describe a field's arguments by their Python names. Raises KeyError for an unknown name."""
    arguments = {argument.python_name: argument for argument in field.arguments}
    for name, description in descriptions.items():
        arguments[name].description = description


def permission_of(field: Any) -> Permission | None:
    """For tests: the permission that a root field requires; None if it has none."""
    checks = [each for each in field.extensions if isinstance(each, PermissionCheck)]
    return checks[0].permission if checks else field.metadata.get(PERMISSION)
