"""The commands for users and tokens have the rules and the audit entries of the API."""

from __future__ import annotations

import pytest
from support import World
from support.ticket_factory import NOON

from models import provisioning, token_provisioning
from models.audit.entry import AuditEntry
from models.core.record_limits import DEFAULT_LIMITS
from models.people.token import Token, TokenKind, build_token
from models.people.user import ApiClient, User
from models.provisioning import InvalidArgument

READ = ("tickets:read",)


async def create_token(email: str | None = None, client: str | None = None) -> str:
    return await token_provisioning.create_token(email, client, READ, None, "test", NOON)


async def test_the_command_for_tokens_applies_the_maximum(people: World) -> None:
    client = await ApiClient.create(display_name="Full")
    for user_id, client_id in ((people.cora.id, None), (None, client.id)):
        tokens = [
            build_token(TokenKind.API, str(n), READ, user_id=user_id, client_id=client_id, at=NOON)[
                0
            ]
            for n in range(DEFAULT_LIMITS.max_api_tokens_per_owner)
        ]
        await Token.bulk_create(tokens)
    before = await Token.all().count()
    with pytest.raises(InvalidArgument, match="The user has 100 live tokens"):
        await create_token(email="cora@example.com")
    with pytest.raises(InvalidArgument, match="The API client has 100 live tokens"):
        await create_token(client="Full")
    assert await Token.all().count() == before


async def test_the_command_for_tokens_refuses_deactivated_owners(people: World) -> None:
    await ApiClient.create(display_name="Old", active=False)
    await User.filter(id=people.cora.id).update(active=False)
    before = await Token.all().count()
    with pytest.raises(InvalidArgument, match="client: This API client is deactivated"):
        await create_token(client="Old")
    with pytest.raises(InvalidArgument, match="This user is deactivated"):
        await create_token(email="cora@example.com")
    assert await Token.all().count() == before


async def test_a_password_of_spaces_is_refused(people: World) -> None:
    for password, message in ((" " * 8, "must not be blank"), ("short", "at least 8 characters")):
        with pytest.raises(InvalidArgument, match=f"^password: .*{message}"):
            await provisioning.set_password("cora@example.com", password, NOON)


async def test_each_ended_session_is_in_the_audit_log(people: World) -> None:
    """Also if a command sets the password, or if the user is deactivated."""
    sessions = [
        build_token(TokenKind.SESSION, "session", (), user_id=people.cora.id, at=NOON)[0]
        for _ in range(2)
    ]
    await Token.filter(user_id=people.cora.id).delete()
    for session, action in zip(sessions, ("user set-password", "user deactivate"), strict=True):
        await session.save(force_create=True)
        if action == "user set-password":
            await provisioning.set_password("cora@example.com", "long enough", NOON)
        else:
            await provisioning.deactivate_user("cora@example.com", None, NOON)
        entry = await AuditEntry.get(record_id=session.id)
        assert (entry.action, list(entry.changes)) == (action, ["revoked_at"])
