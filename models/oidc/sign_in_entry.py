"""The entry of the audit log for a sign-in by a provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.access.viewer import actor_of
from models.audit import storage
from models.audit.entry import Origin
from models.people.identity import Identity
from models.people.user import User


async def write_sign_in(identity: Identity, user: User, origin: Origin, at: datetime) -> None:
    """Record a sign-in by a provider in the audit log, as part of the caller's transaction."""
    actor = actor_of(user)
    data = {"issuer": [None, identity.issuer], "subject": [None, identity.subject]}
    await storage.write_action(replace(origin, actor=actor), at, data, record=user)
