"""Root fields: their permission is checked before the resolver runs, and it is documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry

from models.access.permissions import (
    ADMINISTER,
    AUTHENTICATED,
    MANAGE_OWN_TOKENS,
    PUBLIC,
    READ_EVENTS,
    Permission,
)
from models.access.scopes import CallerKind, Scope
from models.access.viewer import ANONYMOUS, Viewer
from models.core.errors import Forbidden, Unauthenticated
from schema.fields import (
    PermissionCheck,
    describe_permission,
    merge_errors,
    mutation,
    permission_of,
    query,
    subscription,
)

pytestmark = pytest.mark.never_retried

PERMITTED = Viewer(CallerKind.AGENT, frozenset({Scope.EVENTS_READ}))
WITHOUT_SCOPE = Viewer(CallerKind.AGENT)
REFUSED = ((ANONYMOUS, Unauthenticated), (WITHOUT_SCOPE, Forbidden))


def info_of(viewer: Viewer) -> Any:
    return SimpleNamespace(context=SimpleNamespace(viewer=viewer))


async def test_a_subscription_does_not_start_without_permission() -> None:
    started: list[str] = []

    async def follow(info: strawberry.Info) -> AsyncIterator[str]:
        started.append("follow")

        async def values() -> AsyncIterator[str]:
            yield "value"

        return values()

    field = subscription(follow, READ_EVENTS, "x", str)
    assert permission_of(field) is READ_EVENTS
    resolver = field.base_resolver.wrapped_func
    for viewer, error in REFUSED:
        with pytest.raises(error):
            await resolver(info_of(viewer))
    assert started == []
    assert [value async for value in await resolver(info_of(PERMITTED))] == ["value"]


async def act(info: strawberry.Info) -> str:
    return "done"


@pytest.mark.parametrize(
    "field",
    [query(act, READ_EVENTS, "x", str), mutation(act, READ_EVENTS, "x", str, errors=())],
    ids=["query", "mutation"],
)
async def test_a_query_or_mutation_does_not_run_without_permission(field: Any) -> None:
    runs: list[str] = []

    async def next_(*_: object) -> str:
        runs.append("act")
        return "done"

    assert permission_of(field) is READ_EVENTS
    (check,) = [each for each in field.extensions if isinstance(each, PermissionCheck)]
    for viewer, error in REFUSED:
        with pytest.raises(error):
            await check.resolve_async(next_, None, info_of(viewer))
    assert runs == []
    assert await check.resolve_async(next_, None, info_of(PERMITTED)) == "done"


@pytest.mark.parametrize(
    ("permission", "description"),
    [
        (PUBLIC, "Permitted for: everyone, even without authentication."),
        (AUTHENTICATED, "Permitted for: customers, agents, admins and API clients."),
        (
            READ_EVENTS,
            "Permitted for: customers, agents, admins and API clients. "
            "The token needs the scope `events:read`.",
        ),
        (ADMINISTER, "Permitted for: admins and API clients. The token needs the scope `admin`."),
        (
            MANAGE_OWN_TOKENS,
            "Permitted for: customers, agents and admins, with a session token of signIn or "
            "signInWithCode. API tokens are refused.",
        ),
    ],
)
def test_a_description_names_the_permitted_viewers(
    permission: Permission, description: str
) -> None:
    assert describe_permission(permission) == description


def test_the_fields_of_one_code_are_listed_together() -> None:
    errors = (
        "INVALID (name: taken; key)",
        "REQUIRED (name)",
        "INVALID (team)",
        "INVALID: too many records",
        "REQUIRED, TOO_LONG (customFields)",
        "REQUIRED (team)",
    )
    assert merge_errors(errors) == [
        "INVALID (name: taken; key; team)",
        "REQUIRED (name; team)",
        "INVALID: too many records",
        "REQUIRED, TOO_LONG (customFields)",
    ]


async def find(info: strawberry.Info, number: int) -> str:
    return str(number)


def test_a_description_of_an_unknown_argument_is_refused() -> None:
    field = query(find, PUBLIC, "x", str, arguments={"number": "The number."})
    assert [argument.description for argument in field.arguments] == ["The number."]
    with pytest.raises(KeyError, match="name"):
        query(find, PUBLIC, "x", str, arguments={"name": "The name."})
