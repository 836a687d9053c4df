"""Applies retention policies to tickets, each in a transaction of its own.

The transaction reads the policy again and checks again that the ticket is due. So nothing is
erased by a policy that was changed, deactivated or deleted before, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from models import database
from models.bulk.ticket_run import RunSettings
from models.changes.storage import lock_tickets
from models.core.record_limits import RecordLimits
from models.core.sql import Condition
from models.erasure.due_tickets import (
    RetentionCounts,
    count_due,
    find_tickets,
    is_due,
    is_not_exported,
)
from models.erasure.expired_ticket import erase_expired
from models.retention.policy import RetentionPolicy, find_cutoff


class FilterInvalid(Exception):
    """The stored filter of a policy is not valid any more."""


class CompileFilter(Protocol):
    """Compiles the stored filter of a policy, which is in the terms of the API's schema."""

    def __call__(self, data: Mapping[str, object], at: datetime) -> Condition:
        """The condition on tickets `t`. Raises FilterInvalid."""
        ...


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """Finds the tickets that are due for a policy, and erases their texts."""

    settings: RunSettings
    compile_filter: CompileFilter

    def due_tickets(self, policy: RetentionPolicy, at: datetime) -> Condition:
        """The condition on tickets `t` that are due for the policy now. Raises FilterInvalid."""
        cutoff = find_cutoff(policy.age_days, self.settings.limits.min_retention_days, at)
        matching = self.compile_filter(policy.ticket_filter, at)
        return is_due(matching, cutoff) & is_not_exported(at)

    async def find_next(self, policy: RetentionPolicy, at: datetime, limit: int) -> list[UUID]:
        """The next tickets that are due for the policy. Raises FilterInvalid."""
        return await find_tickets(self.due_tickets(policy, at), limit)

    async def erase_if_due(self, policy_id: UUID, ticket_id: UUID, at: datetime) -> bool:
        """Erase the texts of a ticket if it is still due for the policy; returns whether it was."""

        async def erase() -> bool:
            active = RetentionPolicy.select_for_update(no_key=True).filter(active=True)
            policy = await active.get_or_none(id=policy_id)
            if policy is None:
                return False
            locked = await lock_tickets([ticket_id], self.due_tickets(policy, at))
            if ticket_id not in locked:
                return False
            erasure = await erase_expired(locked[ticket_id], policy.id, at, self.settings)
            await RetentionPolicy.filter(id=policy.id).update(
                erased_tickets=policy.erased_tickets + 1,
                erased_messages=policy.erased_messages + erasure.counts["messages"],
                erased_files=policy.erased_files + erasure.counts["attachments"],
                last_erased_at=at,
            )
            return True

        return await database.run_in_transaction(erase)


async def count_policy(
    matching: Condition, age_days: int, limits: RecordLimits, at: datetime
) -> RetentionCounts:
    """What a policy with this filter and age would erase now, if no export delayed it."""
    return await count_due(matching, find_cutoff(age_days, limits.min_retention_days, at))
