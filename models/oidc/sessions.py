"""The tokens of people who signed in by a provider, and their end by the provider's logout."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import compare_digest
from uuid import UUID

from tortoise.expressions import Q

from models import database
from models.access.scopes import scopes_of_role
from models.audit import storage
from models.audit.entry import Origin
from models.core.record_changes import RecordChanges
from models.core.record_limits import count_reached
from models.oidc.sign_in_entry import write_sign_in
from models.oidc.tokens import MAX_LIFETIME, InvalidJwt, Jwt
from models.people.identity import Identity, ProviderLogout, SignInCode
from models.people.sessions import set_client, store_session
from models.people.token import Token, TokenKind, build_token, hash_token, revoke_token
from models.people.user import lock_user

CODE_LIFETIME = timedelta(minutes=1)
JWT_NAME = "JWT"


async def create_code(identity: Identity, id_token: Jwt, challenge: str, at: datetime) -> str:
    """Store a one-time code for a session, and return its text.

    Call it in the transaction that has locked the directory and read the identity: otherwise the
    identity may be unlinked before the code is stored.
    """
    code = secrets.token_urlsafe(32)
    await SignInCode.create(
        digest=hash_token(code),
        identity_id=identity.id,
        provider_session=id_token.session,
        challenge=challenge,
        authenticated_at=id_token.issued_at,
        expires_at=at + CODE_LIFETIME,
    )
    return code


async def take_code(code: str, verifier: str, at: datetime) -> SignInCode | None:
    """Use up a code. None if it is unknown, expired or was used, or the verifier is not its own."""
    digest = hash_token(code)

    async def run() -> SignInCode | None:
        query = SignInCode.filter(digest=digest).select_for_update()
        stored = await query.get_or_none()
        if stored is not None:
            await stored.delete()
        return stored

    stored = await database.run_in_transaction(run)
    if stored is None or stored.expires_at <= at:
        return None
    hashed = urlsafe_b64encode(hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest())
    if not compare_digest(hashed.decode().rstrip("="), stored.challenge):
        return None
    return stored


async def issue_session(
    code: SignInCode,
    identity: Identity,
    length: timedelta,
    at: datetime,
    *,
    address: str,
    user_agent: str,
    max_sessions: int,
    origin: Origin,
) -> tuple[Token, str] | None:
    """Create a session token, and record the sign-in in the audit log.

    None if the provider has ended the session in the meantime, or if the identity was removed, or
    its user was deactivated or got another role. Then the log gets no entry. The identity's user
    must be loaded. `address` and `user_agent` are those of the client. `origin` is that of the
    entries of the audit log.
    """
    token, text = build_token(
        TokenKind.SESSION,
        "session",
        scopes_of_role(identity.user.role),
        user_id=identity.user_id,
        expires_at=at + length,
        at=at,
        identity_id=identity.id,
        provider_session=code.provider_session,
    )

    session = (identity, code.provider_session, code.authenticated_at)

    async def store() -> bool:
        # The lock orders this with a promotion, which ends all sessions that it finds.
        user = await lock_user(identity.user_id)
        is_same = user.active and user.role is identity.user.role
        if not is_same or not await Identity.exists(id=identity.id) or await has_ended(*session):
            return False
        changes = RecordChanges()
        await store_session(changes, token, user.id, address, user_agent, max_sessions)
        await storage.write(changes, origin, at)
        await write_sign_in(identity, user, origin, at)
        return True

    if not await database.run_in_transaction(store):
        return None
    if await has_ended(*session):  # the logout was stored at the same moment
        await revoke_token(token, at)
        return None
    return token, text


def build_jwt_token(
    text: str,
    jwt: Jwt,
    identity: Identity,
    scopes: Sequence[str],
    until: datetime,
    at: datetime,
    *,
    address: str,
    user_agent: str,
) -> Token:
    """A JWT as a token of the identity's user, which is not yet stored.

    `until` is the token's expiry. `address` and `user_agent` are those of the client.
    """
    token = Token(
        id=signed_part_id(text),
        kind=TokenKind.SESSION,
        name=JWT_NAME,
        digest=hash_token(text),
        prefix=JWT_NAME,
        user_id=identity.user_id,
        scopes=list(scopes),
        expires_at=until,
        created_at=at,
        identity_id=identity.id,
        provider_session=jwt.session,
        is_jwt=True,
    )
    set_client(token, address, user_agent)
    return token


async def store_jwt(token: Token) -> bool:
    """Store the token of a JWT; after the commit, call `confirm_jwt`.

    Returns whether it is new. Raises InvalidJwt if it was revoked, or if another form of the same
    JWT is stored: otherwise a revoked JWT could be used again. The directory must be locked.
    """
    stored = await Token.get_or_none(id=token.id)
    if stored is None:
        await token.save(force_create=True)
        return True
    if stored.revoked_at is not None or stored.digest != token.digest:
        raise InvalidJwt("it was revoked, or its signature was changed")
    return False


async def confirm_jwt(text: str, jwt: Jwt, identity: Identity, at: datetime, max_jwts: int) -> bool:
    """Whether a stored JWT is valid: the provider did not end its session at the same moment.

    The user's oldest JWTs beyond `max_jwts` are deleted; the service accepts them again when they
    are sent.
    """
    # Checked after the token is stored. A logout is stored before it revokes tokens, so one of the
    # two always sees the other.
    if await has_ended(identity, jwt.session, jwt.issued_at):
        stored = Token.filter(digest=hash_token(text), revoked_at__isnull=True)
        await stored.update(revoked_at=at)
        return False
    await delete_oldest_jwts(identity, max_jwts)
    return True


def signed_part_id(text: str) -> UUID:
    """The id of a JWT's token, from the hash of its signed part, the header and the claims.

    Everyone who has a JWT with an ECDSA signature (r, s) can make a second one, because (r, n - s)
    is valid too. The two have different digests, but the same id.
    """
    signed = text.rpartition(".")[0]
    return UUID(bytes=hashlib.sha256(signed.encode()).digest()[:16])


async def delete_oldest_jwts(identity: Identity, max_jwts: int) -> None:
    """Keep the newest JWTs of a user. Revoked ones stay, so that they are not accepted again."""
    valid = Token.filter(user_id=identity.user_id, is_jwt=True, revoked_at__isnull=True)
    excess = (
        await valid.order_by("-created_at", "-id").offset(max_jwts).values_list("id", flat=True)
    )
    if excess:
        await Token.filter(id__in=list(excess)).delete()
        count_reached("jwts", len(excess))


async def is_sign_in(token: Token, at: datetime) -> bool:
    """Whether a new JWT is a sign-in, and not the successor of another JWT of the same client.

    It is a sign-in unless the service knows a live JWT of the same identity and of the same session
    at the provider, from the same address and with the same user agent. Many providers name no
    session, so the client decides.
    """
    known = Token.filter(
        identity_id=token.identity_id,
        is_jwt=True,
        provider_session=token.provider_session,
        address=token.address,
        user_agent=token.user_agent,
        revoked_at__isnull=True,
        expires_at__gt=at,
    )
    return not await known.exists()


async def has_ended(identity: Identity, session: str | None, issued_at: datetime) -> bool:
    """Whether the provider has reported a logout that ends a token issued at that time.

    A token without a session at the provider ends with each logout of its subject.
    """
    condition = Q(subject=identity.subject, occurred_at__gte=issued_at)
    if session is not None:
        of_session = Q(session=session) & (Q(subject=identity.subject) | Q(subject__isnull=True))
        condition = (condition & Q(session__isnull=True)) | of_session
    return await ProviderLogout.filter(condition, issuer=identity.issuer).exists()


async def refuse_earlier_tokens(identity: Identity, at: datetime, leeway: timedelta) -> None:
    """Refuse all JWTs of the identity that were issued until now, as a logout does.

    `leeway` is the permitted difference of clocks.
    """
    await ProviderLogout.create(
        issuer=identity.issuer,
        jti_digest=hash_token(secrets.token_urlsafe()),
        subject=identity.subject,
        occurred_at=at,
        completed_at=at,
        expires_at=at + MAX_LIFETIME + 2 * leeway,
    )


async def end_sessions(issuer: str, logout: Jwt, at: datetime, leeway: timedelta) -> int:
    """Revoke the tokens that a logout token names; returns their number.

    The provider may repeat a logout that failed. Raises InvalidJwt if one with this `jti` was
    completed before.
    """
    stored = await store_logout(issuer, logout, at, leeway)
    if stored.completed_at is not None:
        raise InvalidJwt("its jti was used before")

    async def revoke() -> int:
        ids = await find_tokens(issuer, stored.subject, stored.session)
        await Token.filter(id__in=ids, revoked_at__isnull=True).update(revoked_at=at)
        await ProviderLogout.filter(id=stored.id).update(completed_at=at)
        return len(ids)

    return await database.run_in_transaction(revoke)


async def store_logout(issuer: str, logout: Jwt, at: datetime, leeway: timedelta) -> ProviderLogout:
    """Store a logout, or find the one with the same `jti`. Commits before tokens are revoked."""
    stored, _ = await ProviderLogout.get_or_create(
        issuer=issuer,
        jti_digest=hash_token(str(logout.claims["jti"])),
        defaults={
            "subject": logout.subject if "sub" in logout.claims else None,
            "session": logout.session,
            "occurred_at": logout.issued_at,
            "expires_at": max(at, logout.expires_at) + MAX_LIFETIME + 2 * leeway,
        },
    )
    return stored


async def find_tokens(issuer: str, subject: str | None, session: str | None) -> list[UUID]:
    """The ids of the tokens that a logout of this subject, this session, or both, ends."""
    query = Token.filter(identity__issuer=issuer, revoked_at__isnull=True)
    if subject is None:
        query = query.filter(provider_session=session)
    else:
        query = query.filter(identity__subject=subject)
        if session is not None:
            query = query.filter(Q(provider_session=session) | Q(provider_session__isnull=True))
    return [token.id for token in await query.only("id")]
