"""Records sign-ins and sign-outs in the audit log."""

from __future__ import annotations

import asyncio
from functools import partial

from models.access.viewer import actor_of
from models.audit import storage
from models.audit.entry import Origin
from models.core.record_changes import RecordChanges
from models.core.time import format_instant
from models.people.token import TokenKind
from models.people.user import User
from resolvers.context import Context
from resolvers.mutations.admin_mutation import origin_of

FAILED_SIGN_IN_SECONDS = 0.05
"""The time that the record of a failed sign-in takes, whether or not the account exists. A write
takes less, unless the database is slow."""


async def record_success(context: Context, user: User, changes: RecordChanges) -> None:
    """Record that a user signs in, with the user as the actor, and the sessions that this ends."""
    origin = Origin("signIn", actor_of(user), context.address, context.request_id)
    await storage.write_action(origin, context.now(), record=user)
    await storage.write(changes, origin, context.now())


async def record_failure(context: Context, user: User | None) -> None:
    """Record a failed attempt to sign in. If `user` is None, there is no account and no entry.

    It takes FAILED_SIGN_IN_SECONDS in every case: neither the time of a slow write nor its error
    may tell the client that the account exists. The limits on attempts to sign in bound the number
    of entries.
    """
    if user is not None:
        origin = origin_of(context, "signInFailed")
        write = partial(storage.write_action, origin, context.now(), record=user)
        context.services.background_writes.start("signInFailed", write)
    await asyncio.sleep(FAILED_SIGN_IN_SECONDS)


async def record_sign_out(context: Context) -> None:
    """Record that the viewer ended a session, or revoked the API token that the request has."""
    token, at = context.viewer.token, context.now()
    origin = origin_of(context, "signOut")
    if token is not None and token.kind is TokenKind.API:
        await storage.write_action(
            origin, at, {"revoked_at": [None, format_instant(at)]}, record=token
        )
    else:
        await storage.write_action(origin, at, record=context.viewer.user)
