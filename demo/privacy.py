"""What the demo shows of privacy: a retention policy, and a customer who asked to be erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS
from models.access.viewer import Viewer
from models.audit import storage as audit
from models.audit.entry import Origin
from models.core.record_changes import RecordChanges
from models.core.record_limits import DEFAULT_LIMITS
from models.directory.retention_policies import PolicyFields, create_policy
from models.erasure.start import start_erasure
from models.people.user import Role, User
from models.tickets.lifecycle import Status
from models.tickets.ticket import Ticket


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class DemoPrivacy:
    """A retention policy, whose filter is that of the API, and why a customer is erased."""

    policy: str
    policy_age_days: int
    policy_filter: dict[str, Any]
    erasure_reason: str


async def add_policy(texts: DemoPrivacy, admin: Viewer, at: datetime) -> None:
    """Add a policy whose preview counts tickets. It is inactive, so that it erases nothing."""
    changes = RecordChanges(DEFAULT_LIMITS)
    fields = PolicyFields(
        name=texts.policy,
        ticket_filter=texts.policy_filter,
        age_days=texts.policy_age_days,
    )
    await create_policy(changes, admin, fields, at)
    await audit.write(changes, Origin("createRetentionPolicy", admin), at)


async def erase_customer(texts: DemoPrivacy, actors: Sequence[Viewer], at: datetime) -> None:
    """Erase the account of a customer, but of no colleague of an actor.

    If possible, it is one without open tickets, whose erased texts would lead the agents' queue.
    The server erases the rest of the person's data by a job when it starts.
    """
    admin = actors[-1]
    organizations = {each.user.organization_id for each in actors if each.user is not None}
    closed = Ticket.filter(status=Status.CLOSED, requester__role=Role.CUSTOMER)
    others = closed.exclude(organization_id__in=[each for each in organizations if each])
    ended = [Status.RESOLVED, Status.CLOSED]
    waiting = await Ticket.exclude(status__in=ended).values_list("requester_id", flat=True)
    quiet = others.exclude(requester_id__in=waiting)
    ticket = await quiet.order_by("number").first() or await others.order_by("number").first()
    assert ticket is not None  # the demo has closed tickets of many customers
    user = await User.get(id=ticket.requester_id)
    changes, origin = RecordChanges(DEFAULT_LIMITS), Origin("erasePerson", admin)
    await start_erasure(changes, origin, user.id, texts.erasure_reason, at, dry_run=False)
    await audit.write(changes, origin, at)
