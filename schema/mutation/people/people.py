"""The mutations for signing in and out."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.people.sign_in
from models.access.permissions import AUTHENTICATED, PUBLIC
from resolvers.people import identities
from schema.fields import mutation
from schema.payloads.people.people import SignInPayload, SignInWithCodePayload, SignOutPayload


@strawberry.type
class PeopleMutations:
    sign_in: Any = mutation(
        resolvers.people.sign_in.sign_in,
        PUBLIC,
        "Signs a user in with email address and password, and returns the token of a new "
        "session. The session lasts 30 days by default. After too many failed attempts, by "
        "default 10 for one email address from one IP address, the operation fails with "
        "RATE_LIMITED until `retryAfterMs` have passed. The delay grows with each further "
        "failed attempt. Codes of second factors have a limit of their own, by default 5.",
        SignInPayload | None,
        errors=(
            "INVALID (email): the email address or the password is wrong",
            "SECOND_FACTOR_REQUIRED (secondFactor): the password is right, but a code is needed",
            "INVALID (secondFactor): the code is wrong, or was used before",
            "NOT_ENABLED (secondFactor): the server can't verify codes now; ask its operator",
        ),
    )
    sign_in_with_code: Any = mutation(
        identities.sign_in_with_code,
        PUBLIC,
        "Signs in a user whom an identity provider has authenticated, and returns the token of a "
        "new session. The session lasts 30 days by default, and ends when the provider reports a "
        "logout. No second factor is asked for: that is the provider's task.",
        SignInWithCodePayload | None,
        errors=("INVALID (code): the code is unknown, expired or used, or the verifier is wrong",),
    )
    sign_out: Any = mutation(
        resolvers.people.sign_in.sign_out,
        AUTHENTICATED,
        "Revokes the token of the request. Its subscriptions end within seconds.",
        SignOutPayload | None,
        errors=(),
    )
