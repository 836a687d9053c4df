"""Links between identities and users that administrators make and remove."""

from __future__ import annotations

from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError

from models import database
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.text import check_length, clean_text, is_storable
from models.directory.access import check_not_last_admin
from models.oidc.accounts import log_identity
from models.oidc.sessions import refuse_earlier_tokens
from models.people.identity import MAX_ISSUER_CHARS, MAX_SUBJECT_CHARS, Identity
from models.people.user import User, lock_user

TAKEN_MESSAGE = "belongs to another user"


async def link_identity(
    changes: RecordChanges, user_id: str, issuer: str, subject: str, at: datetime
) -> User:
    """Link an identity to a user of any role. Raises InvalidInput.

    Both texts are stored as they are, because claims are compared exactly.
    """
    check_claim(issuer, "issuer", MAX_ISSUER_CHARS)
    check_claim(subject, "subject", MAX_SUBJECT_CHARS)
    user = await lock_user(ids.key_of(ids.USER, user_id), "userId")
    stored = await Identity.get_or_none(issuer=issuer, subject=subject)
    if stored is not None:
        if stored.user_id != user.id:
            raise InvalidInput(UserErrorCode.TAKEN, TAKEN_MESSAGE, "subject")
        return user
    max_identities = changes.limits.max_identities_per_user
    if await Identity.filter(user_id=user.id).count() >= max_identities:
        message = f"The user has {max_identities} identities, which is the maximum."
        raise InvalidInput(UserErrorCode.INVALID, message, "userId", limit_name="identities")
    identity = Identity(issuer=issuer, subject=subject, user_id=user.id, created_at=at)
    try:
        async with database.transaction():  # a savepoint, because the outer one goes on
            await identity.save(force_create=True)
    except IntegrityError:  # a concurrent sign-in or mutation has created it
        raise InvalidInput(UserErrorCode.TAKEN, TAKEN_MESSAGE, "subject") from None
    log_identity(changes, user, None, identity)
    return user


async def unlink_identity(
    changes: RecordChanges,
    user_id: str,
    issuer: str,
    subject: str,
    at: datetime,
    leeway: timedelta,
) -> User:
    """Delete an identity of a user, with the tokens of its sign-ins. Raises InvalidInput.

    Its earlier JWTs are refused, or else they could link the identity again. `leeway` is the
    permitted difference of clocks. The directory must be locked, so that two admins can't take
    each other's last way to sign in at once.
    """
    user = await lock_user(ids.key_of(ids.USER, user_id), "userId")
    is_well_formed = can_be_claim(issuer, MAX_ISSUER_CHARS) and can_be_claim(
        subject, MAX_SUBJECT_CHARS
    )
    owned = Identity.filter(user_id=user.id, issuer=issuer, subject=subject)
    identity = await owned.get_or_none() if is_well_formed else None
    if identity is None:
        message = "The user has no such identity."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "subject")
    if not await has_other_way_to_sign_in(user, identity):
        await check_not_last_admin(user, "subject", at)
    await refuse_earlier_tokens(identity, at, leeway)
    await identity.delete()
    log_identity(changes, user, identity, None)
    return user


async def has_other_way_to_sign_in(user: User, identity: Identity) -> bool:
    """Whether the user can sign in without this identity. Tokens end, so they don't count."""
    if user.password_hash is not None:
        return True
    return await Identity.filter(user_id=user.id).exclude(id=identity.id).exists()


def check_claim(value: str, name: str, max_chars: int) -> None:
    """Raises InvalidInput like `clean_text`."""
    # clean_text counts the trimmed text only, but the claim is stored as it is.
    clean_text(value, name, max_chars=max_chars)
    check_length(value, name, max_chars=max_chars)


def can_be_claim(value: str, max_chars: int) -> bool:
    """Whether it is worth looking up: it is storable and not too long."""
    return is_storable(value) and len(value) <= max_chars
