"""The sessions of users: the tokens that signing in creates.

A provider's JWT is stored as a token too. It is not listed or counted as a session, but it is
revoked when all sessions are.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from models.core.record_changes import RecordChanges
from models.core.record_limits import count_reached
from models.core.time import format_instant
from models.people.token import Token, TokenKind

MAX_REVOKED_AT_ONCE = 1000
"""The maximum number of sessions that one sign-in ends, after the limit was lowered."""
MAX_ADDRESS_CHARS = 64
MAX_USER_AGENT_CHARS = 200


async def store_session(
    changes: RecordChanges,
    session: Token,
    user_id: UUID,
    address: str,
    user_agent: str,
    max_sessions: int,
) -> None:
    """Store a new session of a user with its client, and end the oldest ones beyond the limit.

    The changes have only the sessions that are revoked.
    """
    set_client(session, address, user_agent)
    await session.save(force_create=True)
    await revoke_surplus_sessions(changes, user_id, session.created_at, max_sessions)


def set_client(token: Token, address: str, user_agent: str) -> None:
    """Set the client that created a session or first sent a JWT."""
    token.address = address[:MAX_ADDRESS_CHARS] or None
    token.user_agent = clean_user_agent(user_agent)


def clean_user_agent(user_agent: str) -> str | None:
    """The header in one line of limited length, without control characters; None if empty."""
    printable = "".join(each if each.isprintable() else " " for each in user_agent)
    return " ".join(printable.split())[:MAX_USER_AGENT_CHARS] or None


def is_live(user_id: UUID, at: datetime) -> Q:
    """The condition on tokens: live sessions and JWTs of a user."""
    return Q(
        Q(expires_at__isnull=True) | Q(expires_at__gt=at),
        user_id=user_id,
        kind=TokenKind.SESSION,
        revoked_at__isnull=True,
    )


def is_live_session(user_id: UUID, at: datetime) -> Q:
    """The condition on tokens: live sessions of a user, without JWTs."""
    return Q(is_live(user_id, at), is_jwt=False)


async def list_sessions(user_id: UUID, at: datetime) -> list[Token]:
    """The live sessions of a user, newest first."""
    return await Token.filter(is_live_session(user_id, at)).order_by("-created_at", "-id")


async def revoke_sessions(
    changes: RecordChanges, user_id: UUID, at: datetime, *, keep_token_id: UUID | None = None
) -> int:
    """Revoke the live sessions and JWTs of a user, except `keep_token_id`; returns their number."""
    sessions = Token.filter(is_live(user_id, at)).select_for_update().order_by("id")
    revoked = [token for token in await sessions if token.id != keep_token_id]
    for token in revoked:
        await changes.update(token, revoked_at=at)
    return len(revoked)


async def revoke_surplus_sessions(
    changes: RecordChanges, user_id: UUID, at: datetime, max_sessions: int
) -> None:
    """Revoke the oldest sessions if the user has more than `max_sessions`."""
    sessions = Token.filter(is_live_session(user_id, at)).order_by("-created_at", "-id")
    surplus = await sessions.offset(max_sessions).limit(MAX_REVOKED_AT_ONCE)
    if surplus:
        revoked = Token.filter(id__in=[token.id for token in surplus], revoked_at__isnull=True)
        await revoked.update(revoked_at=at)
        for token in surplus:
            changes.log(token, "revoked_at", None, format_instant(at))
        count_reached("sessions", len(surplus))
