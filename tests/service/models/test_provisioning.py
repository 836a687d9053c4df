"""The commands for users and tokens have the rules and the audit entries of the API."""

from __future__ import annotations

from uuid import UUID

import pytest
from support import World
from support.ticket_factory import NOON

from models import provisioning, token_provisioning
from models.directory.api_tokens import MAX_API_TOKENS
from models.people.token import Token, TokenKind, build_token
from models.people.user import ApiClient, User
from models.provisioning import InvalidArgument

READ = ("tickets:read",)


async def create_token(email: str | None = None, client: str | None = None) -> str:
    return await token_provisioning.create_token(email, client, READ, None, "test", NOON)


async def test_the_command_for_tokens_applies_the_maximum(people: World) -> None:
    client = await ApiClient.create(display_name="Full")
    owners: tuple[dict[str, UUID], ...] = ({"user_id": people.cora.id}, {"client_id": client.id})
    for owner in owners:
        tokens = [
            build_token(TokenKind.API, str(n), READ, **owner, at=NOON)[0]
            for n in range(MAX_API_TOKENS)
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
