"""linkIdentity and unlinkIdentity: the accounts of users at identity providers."""

from __future__ import annotations

import asyncio

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation, send_mutation

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.core import time
from models.core.record_limits import DEFAULT_LIMITS
from models.people.identity import Identity
from models.people.token import TokenKind, build_token

ISSUER = "https://login.example"
LINK, UNLINK = "linkIdentity", "unlinkIdentity"


async def test_an_admin_links_and_unlinks_a_staff_account(admin: Client, world: World) -> None:
    input = {"userId": world.ada.gid, "issuer": ISSUER, "subject": " ada "}
    for _ in range(2):  # the second one changes nothing
        assert (await run_mutation(admin, LINK, **input))["id"] == world.ada.gid
    identity = await Identity.get()
    assert (identity.issuer, identity.subject, identity.user_id) == (ISSUER, " ada ", world.ada.id)
    assert (await run_mutation(admin, UNLINK, **input))["id"] == world.ada.gid
    assert await Identity.all().count() == 0
    value = {"issuer": ISSUER, "subject": " ada "}
    entries = await AuditEntry.all().order_by("id")
    assert [each.action for each in entries] == [LINK, UNLINK]
    assert [each.changes["identity"] for each in entries] == [[None, value], [value, None]]
    assert await DirectoryEvent.all().count() == 2


async def test_a_repetition_with_a_key_is_replayed(admin: Client, world: World) -> None:
    input = {"userId": world.ada.gid, "issuer": ISSUER, "subject": "ada", "idempotencyKey": "k"}
    assert not (await send_mutation(admin, LINK, **input))["replayed"]
    assert (await send_mutation(admin, LINK, **input))["replayed"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"userId": "usr_1"}, "NOT_FOUND userId"),
        ({"userId": "usr_00000000-0000-7000-8000-000000000000"}, "NOT_FOUND userId"),
        ({"userId": ""}, "NOT_FOUND userId"),
        ({"issuer": " "}, "REQUIRED issuer"),
        ({"subject": ""}, "REQUIRED subject"),
        ({"issuer": "x" * 256}, "TOO_LONG issuer"),
        ({"subject": "x" * 256}, "TOO_LONG subject"),
        ({"subject": "x" + " " * 255}, "TOO_LONG subject"),
        ({"subject": "a\x00"}, "INVALID subject"),
        ({"issuer": "a\x00"}, "INVALID issuer"),
    ],
)
async def test_invalid_links_are_refused(
    admin: Client, world: World, changes: dict[str, str], error: str
) -> None:
    input = {"userId": world.ada.gid, "issuer": ISSUER, "subject": "ada", **changes}
    assert await refusal_of(admin, LINK, **input) == error


async def test_an_identity_belongs_to_one_user(admin: Client, world: World) -> None:
    people = [world.ada.gid, world.bill.gid] * 3
    payloads = await asyncio.gather(
        *(send_mutation(admin, LINK, userId=each, issuer=ISSUER, subject="one") for each in people)
    )
    errors = [error["code"] for each in payloads for error in each["userErrors"]]
    assert set(errors) == {"TAKEN"}
    assert 3 <= len(errors) < 6
    assert await Identity.all().count() == 1


async def test_a_user_has_a_limited_number_of_identities(admin: Client, world: World) -> None:
    for number in range(DEFAULT_LIMITS.max_identities_per_user):
        await run_mutation(admin, LINK, userId=world.ada.gid, issuer=ISSUER, subject=f"ada{number}")
    refusal = await refusal_of(admin, LINK, userId=world.ada.gid, issuer=ISSUER, subject="more")
    assert refusal == "INVALID userId"


@pytest.mark.parametrize("subject", ["unknown", "", "a\x00", "x" * 10_000])
async def test_only_an_identity_of_the_user_is_unlinked(
    admin: Client, world: World, subject: str
) -> None:
    await run_mutation(admin, LINK, userId=world.bill.gid, issuer=ISSUER, subject="unknown")
    refusal = await refusal_of(admin, UNLINK, userId=world.ada.gid, issuer=ISSUER, subject=subject)
    assert refusal == "NOT_FOUND subject"


async def test_unlinking_ends_the_sessions_of_the_identity(
    service: Service, admin: Client, world: World
) -> None:
    input = {"userId": world.ada.gid, "issuer": ISSUER, "subject": "ada"}
    await run_mutation(admin, LINK, **input)
    identity = await Identity.get()
    token, text = build_token(
        TokenKind.SESSION,
        "session",
        ["tickets:read"],
        user_id=world.ada.id,
        at=time.now(),
        identity_id=identity.id,
    )
    await token.save(force_create=True)
    async with service.client(text).socket() as socket:
        await run_mutation(admin, UNLINK, **input)
        async with asyncio.timeout(60):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 4403
