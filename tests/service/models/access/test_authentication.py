"""Authentication: the viewer of a bearer token, and the tokens in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from support.ticket_factory import NOON, Desk

from models import database
from models.access.scopes import MAX_SCOPES, CallerKind, Scope
from models.access.viewer import authenticate, viewer_of_user
from models.people import token
from models.people.token import Token, TokenKind
from models.people.user import ApiClient, Organization, Role, User

pytestmark = pytest.mark.never_retried


def scope_names(caller_kind: CallerKind) -> set[str]:
    return {scope.value for scope in MAX_SCOPES[caller_kind]}


CUSTOMERS, AGENTS = scope_names(CallerKind.CUSTOMER), scope_names(CallerKind.AGENT)
ALL_SCOPE_NAMES = scope_names(CallerKind.ADMIN)


async def issue_token(
    user: UUID | None = None,
    *,
    client: UUID | None = None,
    scopes: set[str] = ALL_SCOPE_NAMES,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    sorted_scopes = sorted(scopes)
    return await token.issue_token(
        TokenKind.API,
        "test",
        sorted_scopes,
        user_id=user,
        client_id=client,
        expires_at=expires_at,
        at=NOON,
    )


async def test_a_token_has_its_scopes_as_far_as_its_owner_has_them(desk: Desk) -> None:
    machine = await ApiClient.create(display_name="Sync")
    for who, caller, expected in (
        (desk.olga, CallerKind.CUSTOMER, CUSTOMERS),
        (desk.ada, CallerKind.AGENT, AGENTS),
        (desk.root, CallerKind.ADMIN, ALL_SCOPE_NAMES),
    ):
        _, text = await issue_token(who.user_id)
        found = await authenticate(text, NOON)
        assert found is not None
        assert (found.caller_kind, found.user_id, found.client_id) == (caller, who.user_id, None)
        assert {scope.value for scope in found.scopes} == expected
        _, text = await issue_token(who.user_id, scopes={"tickets:read", "admin"})
        found = await authenticate(text, NOON)
        assert found is not None
        named = {"tickets:read", "admin", "users:write"}  # the scope admin includes users:write
        assert {scope.value for scope in found.scopes} == named & expected
    _, text = await issue_token(client=machine.id, scopes={"events:read"})
    found = await authenticate(text, NOON)
    assert found is not None
    assert (found.caller_kind, found.client_id, found.user_id) == (
        CallerKind.API_CLIENT,
        machine.id,
        None,
    )
    assert found.scopes == {Scope.EVENTS_READ}


async def test_a_viewer_has_the_shared_account_of_the_tokens_owner(desk: Desk) -> None:
    (_, cora), (_, olga) = (
        await issue_token(desk.cora.user_id),
        await issue_token(desk.olga.user_id),
    )
    shared = await authenticate(cora, NOON)
    assert shared is not None
    assert shared.shared_organization_id == desk.cora.shared_organization_id
    alone = await authenticate(olga, NOON)
    assert alone is not None
    assert alone.shared_organization_id is None
    await Organization.all().update(shared=False)
    after_unsharing = await authenticate(cora, NOON)
    assert after_unsharing is not None
    assert after_unsharing.shared_organization_id is None


async def test_viewer_of_user_agrees_with_a_session_of_the_user(desk: Desk) -> None:
    for member in (*desk.customers, *desk.staff):
        assert member.user is not None
        held = [scope.value for scope in MAX_SCOPES[member.caller_kind]]
        _, text = await token.issue_token(
            TokenKind.SESSION, "session", held, user_id=member.user.id, at=NOON
        )
        signed_in = await authenticate(text, NOON)
        assert signed_in is not None
        user = await User.get(id=member.user.id).select_related("organization")
        assert replace(signed_in, token=None) == viewer_of_user(user, {})


async def test_an_expired_token_is_invalid(desk: Desk) -> None:
    _, text = await issue_token(desk.ada.user_id, expires_at=NOON)
    assert await authenticate(text, NOON - timedelta(microseconds=1)) is not None
    assert await authenticate(text, NOON) is None
    assert await authenticate(text, NOON + timedelta(days=1)) is None


async def test_a_revoked_token_is_invalid_and_keeps_its_first_revocation(desk: Desk) -> None:
    made, text = await issue_token(desk.ada.user_id)
    _, other = await issue_token(desk.ada.user_id)
    read_before = await Token.get(id=made.id)
    await token.revoke_token(made, NOON)
    assert await authenticate(text, NOON) is None
    assert await authenticate(other, NOON) is not None, "no other token is revoked"
    await token.revoke_token(made, NOON + timedelta(hours=1))
    await token.revoke_token(await Token.get(id=made.id), NOON + timedelta(hours=2))
    await token.revoke_token(read_before, NOON + timedelta(hours=3))
    assert (await Token.get(id=made.id)).revoked_at == made.revoked_at == NOON


async def test_tokens_of_inactive_owners_are_invalid(desk: Desk) -> None:
    machine = await ApiClient.create(display_name="Sync")
    (_, person), (_, program) = (
        await issue_token(desk.ada.user_id),
        await issue_token(client=machine.id),
    )
    assert await authenticate(person, NOON) is not None
    assert await authenticate(program, NOON) is not None
    await User.filter(id=desk.ada.user_id).update(active=False)
    await ApiClient.all().update(active=False)
    assert await authenticate(person, NOON) is None
    assert await authenticate(program, NOON) is None


async def test_the_scopes_of_a_token_follow_its_owners_role(desk: Desk) -> None:
    _, text = await issue_token(desk.root.user_id)
    await User.filter(id=desk.root.user_id).update(role=Role.CUSTOMER)
    found = await authenticate(text, NOON)
    assert found is not None
    assert found.caller_kind is CallerKind.CUSTOMER
    assert {scope.value for scope in found.scopes} == CUSTOMERS


async def test_other_text_than_a_token_is_refused(desk: Desk) -> None:
    made, text = await issue_token(desk.ada.user_id)
    for wrong in (
        "",
        "x",
        text[:-1],
        text + " ",
        text.upper(),
        made.digest,
        made.prefix,
        "\x00",
        "\ud800",
        "ü",
    ):
        assert await authenticate(wrong, NOON) is None, wrong


async def test_a_tokens_text_is_not_stored(desk: Desk) -> None:
    made, text = await issue_token(desk.ada.user_id)
    assert text.startswith("twk_")
    assert len(text) > 40
    rows = str(await database.fetch_dicts("SELECT * FROM tokens"))
    assert text not in rows
    assert text[len(made.prefix) :] not in rows
    assert (await issue_token(desk.ada.user_id))[1] != text


async def test_uses_of_several_tokens_are_recorded_together(desk: Desk) -> None:
    made = [(await issue_token(desk.ada.user_id))[0] for _ in range(3)]
    await token.record_uses({made[0].id: NOON, made[1].id: NOON + timedelta(hours=1)})
    assert [(await Token.get(id=each.id)).last_used_at for each in made] == [
        NOON,
        NOON + timedelta(hours=1),
        None,
    ]
