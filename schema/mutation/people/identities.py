"""The mutations for identities: the accounts of users at identity providers."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers.people import identities
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.people.identities import LinkIdentityPayload, UnlinkIdentityPayload


@strawberry.type
class IdentityMutations:
    link_identity: Any = mutation(
        identities.link_identity,
        ADMINISTER,
        "Lets a user sign in with an account at an identity provider. A sign-in links only "
        "customers by their email address, so agents and admins need this mutation. By default, a "
        "user has at most 10 identities. Linking an identity again to its owner changes nothing.",
        LinkIdentityPayload | None,
        errors=(
            "NOT_FOUND (userId)",
            "REQUIRED (issuer, subject)",
            "TOO_LONG (issuer, subject)",
            "TAKEN (subject): the identity belongs to another user",
            "INVALID (userId: the user has too many identities; issuer, subject, idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    unlink_identity: Any = mutation(
        identities.unlink_identity,
        ADMINISTER,
        "Deletes an identity of a user. Sessions that began with this identity end within seconds, "
        "and JWTs that were issued before are refused. The next sign-in links a customer again by "
        "a verified email address; deactivate the user to prevent that. The last "
        "active admin who can sign in keeps a password or an identity.",
        UnlinkIdentityPayload | None,
        errors=(
            "NOT_FOUND (userId; subject: the user has no such identity)",
            "INVALID (subject: the last way to sign in of the last active admin; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
