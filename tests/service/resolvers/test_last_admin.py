"""The last active admin who can sign in is neither demoted, nor deactivated, nor locked out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import person
from support.admin_mutations import refusal_of, run_mutation, send_mutation

from models.core import ids
from models.people.identity import Identity
from models.people.token import Token
from models.people.user import Role, User

pytestmark = pytest.mark.never_retried

ISSUER = "https://login.example.com"


async def test_the_last_active_admin_stays(service: Service, admin: Client, world: World) -> None:
    retired = await person("retired", Role.ADMIN)
    await User.filter(id=retired.id).update(active=False)
    for role in ("AGENT", "CUSTOMER"):
        code = await refusal_of(admin, "updateUser", userId=world.root.gid, role=role)
        assert code == "INVALID role"
    assert await refusal_of(admin, "deactivateUser", userId=world.root.gid) == "INVALID userId"
    upsert = {"email": "root@example.com", "role": "AGENT"}
    assert await refusal_of(admin, "upsertUser", **upsert) == "INVALID role"
    machine_client = service.client(world.api_client_token)
    code = await refusal_of(machine_client, "deactivateUser", userId=world.root.gid)
    assert code == "INVALID userId"


async def test_an_admin_who_can_not_sign_in_yet_does_not_count(admin: Client, world: World) -> None:
    invited = await run_mutation(
        admin, "createUser", email="ida@example.com", displayName="Ida", role="ADMIN"
    )
    own = {"userId": world.root.gid}
    assert await refusal_of(admin, "deactivateUser", **own) == "INVALID userId"
    assert await refusal_of(admin, "updateUser", **own, role="AGENT") == "INVALID role"
    await User.filter(email="ida@example.com").update(password_hash="hash")
    await run_mutation(admin, "deactivateUser", **own, reassignTo=invited["id"])


async def test_an_admin_who_can_not_sign_in_either_may_be_removed(
    service: Service, world: World
) -> None:
    """Only an API client can do it, if no admin has accepted the invitation yet."""
    invited = [
        await User.create(email=f"{name}@example.com", display_name=name, role=Role.ADMIN)
        for name in ("ida", "ivo")
    ]
    await User.filter(id=world.root.id).update(active=False)
    machine_client = service.client(world.api_client_token)
    first, last = (ids.encode(ids.USER, user.id) for user in invited)
    await run_mutation(machine_client, "deactivateUser", userId=first)
    assert await refusal_of(machine_client, "deactivateUser", userId=last) == "INVALID userId"


async def test_an_admin_with_an_identity_counts(admin: Client, world: World) -> None:
    ida = await User.create(email="ida@example.com", display_name="Ida", role=Role.ADMIN)
    await Identity.create(issuer=ISSUER, subject="ida", user_id=ida.id)
    await run_mutation(admin, "deactivateUser", userId=world.root.gid)


async def test_an_admin_with_an_expired_token_alone_does_not_count(
    service: Service, admin: Client, world: World
) -> None:
    rita = await person("rita", Role.ADMIN)
    expired = service.clock() - timedelta(seconds=1)
    await Token.filter(user_id=rita.id).update(expires_at=expired)
    assert await refusal_of(admin, "deactivateUser", userId=world.root.gid) == "INVALID userId"
    await Token.filter(user_id=rita.id).update(expires_at=service.clock() + timedelta(hours=1))
    await run_mutation(admin, "deactivateUser", userId=world.root.gid)


async def test_the_last_admin_keeps_a_password_or_an_identity(admin: Client, world: World) -> None:
    first, second = [
        {"userId": world.root.gid, "issuer": ISSUER, "subject": subject} for subject in ("a", "b")
    ]
    for identity in (first, second):
        await run_mutation(admin, "linkIdentity", **identity)
    await run_mutation(admin, "unlinkIdentity", **first)
    assert await refusal_of(admin, "unlinkIdentity", **second) == "INVALID subject"
    assert await Identity.filter(user_id=world.root.id).count() == 1
    await User.filter(id=world.root.id).update(password_hash="hash")
    await run_mutation(admin, "unlinkIdentity", **second)
    assert not await Identity.exists(user_id=world.root.id)


@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"active": False}, {}])
async def test_others_may_lose_their_last_identity(
    admin: Client, world: World, change: dict[str, Any]
) -> None:
    rita = await person("rita", Role.ADMIN)
    await User.filter(id=rita.id).update(**change)
    identity = {"userId": rita.gid, "issuer": ISSUER, "subject": "rita"}
    await run_mutation(admin, "linkIdentity", **identity)
    await run_mutation(admin, "unlinkIdentity", **identity)


async def test_the_last_two_admins_cannot_unlink_each_other(
    service: Service, admin: Client, world: World
) -> None:
    rita = await person("rita", Role.ADMIN)
    inputs = [
        {"userId": each.gid, "issuer": ISSUER, "subject": str(each.id)}
        for each in (world.root, rita)
    ]
    for each in inputs:
        await run_mutation(admin, "linkIdentity", **each)
    await Token.filter(user_id__in=[world.root.id, rita.id]).delete()
    program = service.client(world.api_client_token)
    payloads = await asyncio.gather(
        *(send_mutation(program, "unlinkIdentity", **each) for each in inputs)
    )
    errors = [error["code"] for each in payloads for error in each["userErrors"]]
    assert errors == ["INVALID"]
    assert await Identity.all().count() == 1


@pytest.mark.parametrize("ways", [("updateUser", "updateUser"), ("updateUser", "deactivateUser")])
async def test_the_last_two_admins_cannot_remove_each_other(
    service: Service, admin: Client, world: World, ways: tuple[str, str]
) -> None:
    rita = await person("rita", Role.ADMIN)

    async def remove(client: Client, mutation: str, user_id: str) -> str:
        fields = {"role": "AGENT"} if mutation == "updateUser" else {}
        try:
            payload = await send_mutation(client, mutation, userId=user_id, **fields)
        except Refused as refused:
            return str(refused.code)
        return "".join(error["code"] for error in payload["userErrors"])

    outcomes = await asyncio.gather(
        remove(admin, ways[0], rita.gid),
        remove(service.client(rita.token), ways[1], world.root.gid),
    )
    assert sorted(outcomes)[0] == "", outcomes
    # The other one has lost the permission, before the request or while it waited.
    assert sorted(outcomes)[1] in ("FORBIDDEN", "UNAUTHENTICATED", "INVALID"), outcomes
    assert await User.filter(role=Role.ADMIN, active=True).count() == 1
