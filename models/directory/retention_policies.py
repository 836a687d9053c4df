"""Creates, changes and deletes retention policies. Each function is part of the caller's
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, Value, check_version
from models.core.record_limits import RecordLimits
from models.directory.access import lock_directory
from models.retention.policy import MAX_RETENTION_DAYS, RetentionPolicy


class PolicyFields(TypedDict, total=False):
    """The input fields of a policy that the viewer sets."""

    name: str
    ticket_filter: Mapping[str, Value]
    age_days: int
    active: bool


async def create_policy(
    changes: RecordChanges, actor: Viewer, fields: PolicyFields, at: datetime
) -> RetentionPolicy:
    """Create a policy; all fields but `active` are required. Raises InvalidInput."""
    await lock_directory(actor)
    maximum = changes.limits.max_retention_policies
    if await RetentionPolicy.all().count() >= maximum:
        message = f"There are {maximum} retention policies, the maximum. Delete one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="retention_policies")
    policy = RetentionPolicy(created_at=at, updated_at=at)
    for name, value in clean_fields(fields, changes.limits).items():
        setattr(policy, name, value)
    await changes.create(policy)
    return policy


async def update_policy(
    changes: RecordChanges,
    actor: Viewer,
    policy_id: str,
    fields: PolicyFields,
    at: datetime,
    expected_version: int | None = None,
) -> RetentionPolicy:
    """Change a policy. Raises InvalidInput and StaleVersion."""
    policy = await lock_policy(actor, policy_id, expected_version)
    if await changes.update(policy, **clean_fields(fields, changes.limits)):
        policy.updated_at = at
        await policy.save(update_fields=["updated_at"])
    return policy


async def delete_policy(
    changes: RecordChanges, actor: Viewer, policy_id: str, expected_version: int | None = None
) -> RetentionPolicy:
    """Delete a policy. Raises InvalidInput and StaleVersion."""
    policy = await lock_policy(actor, policy_id, expected_version)
    await changes.delete(policy)
    return policy


async def recall_policy(_: Viewer, key: UUID) -> RetentionPolicy:
    """The policy of a repeated mutation. Raises InvalidInput NOT_FOUND if it is gone."""
    policy = await RetentionPolicy.get_or_none(id=key)
    if policy is None:
        message = "The policy of the first call no longer exists."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return policy


async def lock_policy(
    actor: Viewer, policy_id: str, expected_version: int | None
) -> RetentionPolicy:
    """Lock a policy; waits while a job erases a ticket by it.

    Raises InvalidInput and StaleVersion.
    """
    await lock_directory(actor)
    key = ids.key_of(ids.RETENTION_POLICY, policy_id)
    policy = None
    if key is not None:
        policy = await RetentionPolicy.select_for_update(no_key=True).get_or_none(id=key)
    if policy is None:
        message = "There is no such retention policy."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "policyId")
    check_version(policy, expected_version)
    return policy


def clean_fields(fields: PolicyFields, limits: RecordLimits) -> dict[str, object]:
    """The columns to set, by name. Raises InvalidInput."""
    values: dict[str, object] = {**fields}
    if "name" in fields:
        values["name"] = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    if "age_days" in fields:
        check_age(fields["age_days"], limits)
    return values


def check_age(age_days: int, limits: RecordLimits) -> None:
    """Raises InvalidInput for `ageDays`."""
    minimum = limits.min_retention_days
    if not minimum <= age_days <= MAX_RETENTION_DAYS:
        message = f"must be {minimum:,} to {MAX_RETENTION_DAYS:,} days"
        raise InvalidInput(UserErrorCode.INVALID, message, "ageDays")
