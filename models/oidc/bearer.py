"""JWTs of identity providers as bearer tokens.

A JWT is checked when it is first sent. It is then stored as a token of its user, by its hash, until
it expires. From then on it is like any other token: cached, and revocable, and open connections end
with it.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime

import structlog

from models.access.scopes import scopes_of_role
from models.audit.entry import Origin
from models.oidc import sessions
from models.oidc.accounts import SignInRefused, find_or_create_account
from models.oidc.claims import limit_scopes
from models.oidc.http_client import ProviderUnavailable
from models.oidc.metadata import ProviderClient
from models.oidc.registry import IdentityProviders
from models.oidc.sign_in_entry import write_sign_in
from models.oidc.tokens import (
    InvalidJwt,
    check_bearer_token,
    key_id_of,
    looks_like_jwt,
    read_header,
    read_issuer,
    read_jwt,
)
from models.people.identity import Identity
from models.people.user import User

SIGN_IN_WITH_JWT = "signInWithJwt"
"""The name of a sign-in with a JWT in the audit log."""
SESSION_ENDED = "the provider has ended its session"
log = structlog.get_logger("ticketwire.oidc")


def can_be_jwt(providers: IdentityProviders, text: str) -> bool:
    return providers.accepts_jwts and looks_like_jwt(text)


async def accept_jwt(
    providers: IdentityProviders,
    text: str,
    at: datetime,
    origin: Origin,
    user_agent: str,
    slot: AbstractAsyncContextManager[None],
) -> bool:
    """Check and store a JWT. Returns whether it is now a valid token of a user.

    `origin` and `user_agent` are those of the client. `slot` limits the concurrent checks: it is
    held while the signature and the database are checked, not while keys are read.
    """
    try:
        client = find_client(providers, text)
        if not await client.find_keys(key_id_of(read_header(text, client))):
            raise InvalidJwt("the provider has no key with this id")
        async with slot:
            return await check_and_store(providers, client, text, at, origin, user_agent)
    except (InvalidJwt, SignInRefused, ProviderUnavailable) as error:
        log.info("oidc.jwt_refused", reason=str(error), request_id=origin.request_id)
        return False


def find_client(providers: IdentityProviders, text: str) -> ProviderClient:
    """The client of the provider that a JWT names. Raises InvalidJwt."""
    client = providers.by_issuer.get(read_issuer(text) or "")
    if client is None:
        raise InvalidJwt("unknown issuer")
    if not client.provider.audiences:
        raise InvalidJwt("the provider has no audiences for bearer tokens")
    return client


async def check_and_store(
    providers: IdentityProviders,
    client: ProviderClient,
    text: str,
    at: datetime,
    origin: Origin,
    user_agent: str,
) -> bool:
    """Check a JWT, and store it with its user and the audit entry in one transaction.

    Raises InvalidJwt, SignInRefused or ProviderUnavailable.
    """
    provider = client.provider
    jwt = await read_jwt(text, client, at, providers.leeway)
    check_bearer_token(jwt, provider.audiences)

    async def store(identity: Identity, user: User) -> None:
        if await sessions.has_ended(identity, jwt.session, jwt.issued_at):
            raise InvalidJwt(SESSION_ENDED)
        scopes = limit_scopes(provider, jwt.claims, scopes_of_role(user.role))
        until = jwt.expires_at + providers.leeway
        token = sessions.build_jwt_token(
            *(text, jwt, identity, scopes, until, at),
            address=origin.address or "",
            user_agent=user_agent,
        )
        is_sign_in = await sessions.is_sign_in(token, at)
        if await sessions.store_jwt(token) and is_sign_in:
            await write_sign_in(identity, user, origin, at)

    identity, _ = await find_or_create_account(
        provider, jwt.subject, jwt.claims, origin, at, providers.limits, store
    )
    max_jwts = providers.limits.max_jwts_per_user
    if not await sessions.confirm_jwt(text, jwt, identity, at, max_jwts):
        raise InvalidJwt(SESSION_ENDED)
    return True
