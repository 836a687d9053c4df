"""The mutations for sessions."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import AUTHENTICATED
from resolvers.people import sessions
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.people.sessions import RevokeAllSessionsPayload, RevokeSessionPayload


@strawberry.type
class SessionMutations:
    revoke_session: Any = mutation(
        sessions.revoke_session,
        AUTHENTICATED,
        "Revokes a session of the viewer, if the viewer has signed in. With the scope `admin`, it "
        "may be a session of any user. Its subscriptions end within seconds.",
        RevokeSessionPayload | None,
        errors=(
            "NOT_FOUND (sessionId; idempotencyKey: the session of the first call was deleted)",
            "INVALID (idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    revoke_all_sessions: Any = mutation(
        sessions.revoke_all_sessions,
        AUTHENTICATED,
        "Revokes all sessions of a user, and the user's JWTs of identity providers that the server "
        "has stored. Their subscriptions end within seconds. API tokens stay valid. Without "
        "`userId`, the viewer must have signed in; to name another user, the viewer needs the "
        "scope `admin`. Otherwise the operation fails with FORBIDDEN.",
        RevokeAllSessionsPayload | None,
        errors=("NOT_FOUND (userId)", "INVALID (idempotencyKey)", *KEY_ERRORS),
    )
