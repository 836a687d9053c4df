"""Payloads of the mutations for identities."""

from __future__ import annotations

import strawberry

from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.people.people import UserType


@strawberry.type(description="The result of the mutation linkIdentity.")
class LinkIdentityPayload:
    user: User | None = record_field(
        f"The owner of the identity. {NULL_IF_REFUSED}", UserType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation unlinkIdentity.")
class UnlinkIdentityPayload:
    user: User | None = record_field(
        f"The former owner of the identity. {NULL_IF_REFUSED}", UserType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
