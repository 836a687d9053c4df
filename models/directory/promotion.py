"""The promotion of a customer to agent or admin, which ends all earlier access to the account.

Another person may have prepared the account of a customer: viewers with the scope `users:write` may
change its email address, after they have set its password or linked an identity of their own. They
could otherwise wait in the account until it is promoted. They could also change the email address
just before the promotion, and receive the link to choose a new password. So an admin who promotes
somebody names the address, or the version of the user with the address that the admin has seen.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.directory import memberships
from models.people.identity import Identity, claims_of
from models.people.user import Role, User

ADDRESS_NEEDED = (
    "is required to make a customer an agent or admin, because the account's email address then "
    "decides who can sign in, and viewers with the scope users:write can change it"
)


def is_promotion(before: Role, after: Role | None) -> bool:
    """Whether a user with the role `before` becomes an agent or admin by getting another role."""
    return before is Role.CUSTOMER and after not in (None, Role.CUSTOMER)


def check_address(
    before: Role, after: Role | None, email: str | None, expected_version: int | None, field: str
) -> None:
    """Raises InvalidInput for `field` if a promotion says nothing about the email address.

    `email` and `expected_version` are those of the input.
    """
    if is_promotion(before, after) and email is None and expected_version is None:
        raise InvalidInput(UserErrorCode.REQUIRED, ADDRESS_NEEDED, field)


async def end_earlier_access(
    changes: RecordChanges, user: User, at: datetime, *, kept_identity: UUID | None = None
) -> None:
    """Remove the password, sessions, API tokens, links and identities of a locked user.

    Only the identity with the key `kept_identity` stays, by which the user signs in now.
    """
    await changes.update(user, password_hash=None)
    await memberships.revoke_tokens(changes, user, at)
    others = Identity.filter(user_id=user.id)
    if kept_identity is not None:
        others = others.exclude(id=kept_identity)
    for number, other in enumerate(await others.order_by("id"), 1):
        changes.log(user, f"identity_{number}", claims_of(other), None)
    await others.delete()
