"""A row's right is checked before its resolver runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry

from models.access.permissions import READ_EVENTS
from models.access.scopes import Caller, Scope
from models.access.viewer import ANONYMOUS, Viewer
from models.core.errors import Forbidden, Unauthenticated
from schema.fields import PermissionCheck, mutation, query, permission_of, subscription

pytestmark = pytest.mark.never_retried

HOLDER = Viewer(Caller.AGENT, frozenset({Scope.EVENTS_READ}))
EMPTY = Viewer(Caller.AGENT)


def asked_by(viewer: Viewer) -> Any:
    return SimpleNamespace(context=SimpleNamespace(viewer=viewer))


async def test_a_subscription_does_not_begin_for_who_may_not_follow_it() -> None:
    began: list[str] = []

    async def follow(info: strawberry.Info) -> AsyncIterator[str]:
        began.append("follow")

        async def values() -> AsyncIterator[str]:
            yield "value"

        return values()

    row = subscription(follow, READ_EVENTS, "x", str)
    assert permission_of(row) is READ_EVENTS
    resolver = row.base_resolver.wrapped_func
    for viewer, error in ((ANONYMOUS, Unauthenticated), (EMPTY, Forbidden)):
        with pytest.raises(error):
            await resolver(asked_by(viewer))
    assert began == []
    assert [value async for value in await resolver(asked_by(HOLDER))] == ["value"]


async def test_a_query_or_mutation_does_not_run_for_who_may_not_call_it() -> None:
    async def act(info: strawberry.Info) -> str:
        return "done"

    ran: list[str] = []

    async def next_(*_: object) -> str:
        ran.append("act")
        return "done"

    for kind in (query, mutation):
        row = kind(act, READ_EVENTS, "x", str)
        assert permission_of(row) is READ_EVENTS
        (guard,) = [extension for extension in row.extensions if isinstance(extension, PermissionCheck)]
        for viewer, error in ((ANONYMOUS, Unauthenticated), (EMPTY, Forbidden)):
            with pytest.raises(error):
                await guard.resolve_async(next_, None, asked_by(viewer))
        assert ran == []
        assert await guard.resolve_async(next_, None, asked_by(HOLDER)) == "done"
        ran.clear()
