"""Saved views: bad input and limits are refused and store nothing; mutations are safe to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.service import running

from engine.limit_refusals import COUNTS
from models.people.team import Membership, Team
from models.views.saved_view import SavedView

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]

MINE = {"name": "Mine"}
MISSING = "svw_00000000-0000-7000-8000-000000000007"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    limits = {"per_person": 3, "per_team": 1, "for_everyone": 6}
    settings = {f"max_saved_views_{name}": value for name, value in limits.items()}
    async with running(url, max_stored_filter_bytes=256, **settings) as found:
        yield found


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"name": ""}, "REQUIRED name"),
        ({"name": " \t\u200b"}, "REQUIRED name"),
        ({"name": "x" * 201}, "TOO_LONG name"),
        ({"name": "a\0b"}, "INVALID name"),
        ({"audience": "TEAM"}, "REQUIRED team"),
        ({"audience": "TEAM", "team": "gone"}, "NOT_FOUND team"),
        ({"audience": "TEAM", "team": ""}, "NOT_FOUND team"),
        ({"audience": "PERSONAL", "team": "support"}, "INVALID team"),
        ({"team": "support"}, "INVALID team"),
        ({"position": -1}, "INVALID position"),
        ({"columns": ["REF"] * 31}, "TOO_LONG columns"),
        ({"customFieldColumns": ["region"] * 31}, "TOO_LONG customFieldColumns"),
        ({"customFieldColumns": ["region", "Region"]}, "INVALID customFieldColumns"),
        ({"customFieldColumns": ["x" * 65]}, "INVALID customFieldColumns"),
        ({"orderBy": [{"field": "NUMBER"}] * 5}, "TOO_LONG orderBy"),
        ({"orderBy": [{"field": "RELEVANCE"}]}, "INVALID orderBy"),
        (
            {"orderBy": [{"field": "RELEVANCE"}], "filter": {"not": {"search": "x"}}},
            "INVALID orderBy",
        ),
        ({"filter": {"subject": {"eq": "x" * 300}}}, "TOO_LONG filter"),
        ({"filter": {"subject": {"eq": "\0"}}}, "INVALID filter"),
        ({"filter": {"and": [{"status": {"eq": "NEW"}}] * 51}}, "INVALID filter"),
        ({"filter": {"createdAt": {"within": "P999999W"}}}, "INVALID filter"),
        ({"idempotencyKey": ""}, "INVALID idempotencyKey"),
        ({"idempotencyKey": "x" * 129}, "INVALID idempotencyKey"),
    ],
)
async def test_bad_input_is_refused(ada: Client, input: dict[str, Any], error: str) -> None:
    assert await refusal_of(ada, "createSavedView", **{**MINE, **input}) == error
    view = await run_mutation(ada, "createSavedView", **MINE)
    assert await refusal_of(ada, "updateSavedView", viewId=view["id"], **input) == error


@pytest.mark.parametrize(
    "input",
    [
        {},
        {"name": None},
        {"name": 5},
        {"name": ["x"]},
        {**MINE, "audience": "NOBODY"},
        {**MINE, "filter": []},
        {**MINE, "filter": {"status": {"eq": "GONE"}}},
        {**MINE, "filter": {"mood": "good"}},
        {**MINE, "orderBy": [{"direction": "ASC"}]},
        {**MINE, "columns": ["GONE"]},
        {**MINE, "columns": [None]},
        {**MINE, "customFieldColumns": [None]},
        {**MINE, "position": 2**31},
        {**MINE, "position": 1.5},
        {**MINE, "owner": "usr_1"},
    ],
)
async def test_input_of_a_wrong_type_fails(ada: Client, input: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await send_mutation(ada, "createSavedView", **input)
    assert refused.value.code in ("BAD_REQUEST", "GRAPHQL_VALIDATION_FAILED")


async def test_an_update_keeps_what_is_absent_or_null(ada: Client) -> None:
    view = await run_mutation(
        ada,
        "createSavedView",
        filter={"search": "vpn"},
        orderBy=[{"field": "RELEVANCE"}],
        columns=["REF"],
        position=7,
        **MINE,
    )
    same = await run_mutation(
        ada,
        "updateSavedView",
        viewId=view["id"],
        name=None,
        audience=None,
        team=None,
        position=None,
    )
    assert same == view, "the version stays, because nothing has changed"
    assert (
        await refusal_of(ada, "updateSavedView", viewId=view["id"], filter=None)
        == "INVALID orderBy"
    )
    cleared = await run_mutation(
        ada, "updateSavedView", viewId=view["id"], filter=None, orderBy=None, columns=None
    )
    assert cleared == {**view, "filter": {}, "orderBy": [], "columns": [], "version": 2}


@pytest.mark.parametrize("mutation", ["updateSavedView", "deleteSavedView"])
async def test_an_unknown_view_is_not_found(ada: Client, world: World, mutation: str) -> None:
    for view_id in ("", MISSING, world.ada.gid, "svw_1", "x" * 10_000, "svw_\0"):
        assert await refusal_of(ada, mutation, viewId=view_id) == "NOT_FOUND viewId"


@pytest.mark.parametrize("mutation", ["updateSavedView", "deleteSavedView"])
async def test_a_stale_version_is_refused(ada: Client, mutation: str) -> None:
    view = await run_mutation(ada, "createSavedView", **MINE)
    await run_mutation(ada, "updateSavedView", viewId=view["id"], name="Other", expectedVersion=1)
    for version in (0, 1, 3, -1):
        refusal = await refusal_of(ada, mutation, viewId=view["id"], expectedVersion=version)
        assert refusal == "STALE_VERSION expectedVersion"
    payload = await send_mutation(ada, mutation, viewId=view["id"], expectedVersion=2)
    assert payload["userErrors"] == []


async def test_the_number_of_views_is_limited(
    service: Service, world: World, ada: Client, admin: Client
) -> None:
    before = COUNTS["saved_views"]
    created = await asyncio.gather(
        *(send_mutation(ada, "createSavedView", name=f"View {index}") for index in range(6))
    )
    assert sum(payload["savedView"] is not None for payload in created) == 3
    assert await SavedView.filter(owner_id=world.ada.id).count() == 3
    team = {"name": "Team", "audience": "TEAM", "team": "support"}
    view = await run_mutation(ada, "createSavedView", **team)
    assert await refusal_of(admin, "createSavedView", **team) == "INVALID"
    assert await refusal_of(ada, "updateSavedView", viewId=view["id"], audience="PERSONAL") == (
        "INVALID"
    )
    everyone = {"name": "All", "audience": "EVERYONE"}
    await run_mutation(admin, "createSavedView", **everyone)
    assert await refusal_of(admin, "createSavedView", **everyone) == "INVALID"
    assert await refusal_of(admin, "updateSavedView", viewId=view["id"], audience="EVERYONE") == (
        "INVALID"
    )
    assert COUNTS["saved_views"] == before + 7
    await run_mutation(ada, "updateSavedView", viewId=view["id"], name="Still possible")


async def test_a_repeated_mutation_changes_nothing(ada: Client) -> None:
    create = {**MINE, "filter": {"createdAt": {"within": "P1D"}}, "idempotencyKey": "a"}
    first = await send_mutation(ada, "createSavedView", **create)
    again = await send_mutation(ada, "createSavedView", **create)
    assert again == {**first, "replayed": True}
    other = {**create, "name": "Other"}
    assert await refusal_of(ada, "createSavedView", **other) == (
        "IDEMPOTENCY_KEY_REUSED idempotencyKey"
    )
    view_id = first["savedView"]["id"]
    update = {"viewId": view_id, "name": "Renamed", "expectedVersion": 1, "idempotencyKey": "b"}
    updated = await send_mutation(ada, "updateSavedView", **update)
    assert await send_mutation(ada, "updateSavedView", **update) == {**updated, "replayed": True}
    delete = {"viewId": view_id, "idempotencyKey": "c"}
    deleted = await send_mutation(ada, "deleteSavedView", **delete)
    assert deleted == {"deletedViewId": view_id, "replayed": False, "userErrors": []}
    assert await send_mutation(ada, "deleteSavedView", **delete) == {**deleted, "replayed": True}
    assert await refusal_of(ada, "createSavedView", **create) == "NOT_FOUND idempotencyKey"
    assert await refusal_of(ada, "updateSavedView", **update) == "NOT_FOUND idempotencyKey"


async def test_a_repetition_does_not_show_a_view_that_the_caller_no_longer_sees(
    world: World, ada: Client
) -> None:
    team = {"name": "Team", "audience": "TEAM", "team": "support", "idempotencyKey": "a"}
    await send_mutation(ada, "createSavedView", **team)
    await Membership.filter(team=await Team.get(slug="support"), user_id=world.ada.id).delete()
    assert await refusal_of(ada, "createSavedView", **team) == "NOT_FOUND idempotencyKey"
