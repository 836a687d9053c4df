"""The user of an identity: the email address, the role and the teams that claims give."""

from __future__ import annotations

from typing import Any

import pytest
from support import World
from support.ticket_factory import NOON

from models.audit.entry import Origin
from models.oidc.accounts import SignInError, SignInRefused, find_account
from models.oidc.provider import Provider
from models.people.user import User

ORIGIN = Origin("signInWithCode")


def provider(**settings: Any) -> Provider:
    return Provider(
        name="example",
        issuer="https://id.example.com",
        client_id="ticketwire",
        trusted_domains=frozenset({"example.com"}),
        **settings,
    )


@pytest.mark.parametrize(
    "email", ["nina\u200b@example.com", "ni na@example.com", "a@b@example.com"]
)
async def test_an_email_address_that_the_api_refuses_creates_no_user(
    people: World, email: str
) -> None:
    claims: dict[str, Any] = {"email": email, "email_verified": True, "name": "Nina"}
    before = await User.all().count()
    with pytest.raises(SignInRefused) as refused:
        await find_account(provider(create_users=True), "nina", claims, ORIGIN, NOON)
    assert refused.value.reason is SignInError.UNKNOWN_USER
    assert await User.all().count() == before
