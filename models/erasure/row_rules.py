"""How rows of tables that are not part of tickets are erased, if a rule of their own is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from tortoise.fields import CharField
from tortoise.models import Model

from models.audit.records import RecordKind
from models.core.ids import is_uuid
from models.erasure.terms import ERASED, Terms
from models.erasure.ticket_erasure import Person
from models.jobs.caller_job import CallerJob, JobKind
from models.people.user import ERASED_DOMAIN

if TYPE_CHECKING:
    from models.log.event import Json

SHOWN_CHANGES = frozenset(
    {
        *("role", "active", "present", "organization_id", "successor_id", "created_at"),
        *("handover_pending", "second_factor", "recovery_codes", "password_reset", "teams"),
        *("revoked_at", "rotated_at"),
        *("reason", "user_id", "client_id", "expires_at", "last_used_at", "kind", "scopes"),
    }
)
"""The changes of a user or token that say nothing of who the person is. All others are erased, also
those of columns that are added later."""


def replace(record: Model, column: str, terms: Terms) -> Json:
    """The value of a column with the terms replaced, at most as long as the column allows."""
    value = terms.replace_in_json(getattr(record, column))
    # The replacement can be longer than a short address.
    field = record._meta.fields_map[column]  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    if isinstance(value, str) and isinstance(field, CharField):
        return value[: field.max_length]
    return value


@dataclass(frozen=True, slots=True)
class RowRule:
    """How rows about the person are erased.

    columns  those that refer to the person
    erase    the new values; None for a row that is not about the person, where only the address is
             replaced
    """

    columns: tuple[str, ...]
    erase: Callable[[Any, Person], dict[str, Any] | None]


def erase_audit_entry(entry: Any, person: Person) -> dict[str, Any]:
    """Erase an entry about the account or its tokens, and where the person acted from."""
    kind = entry.record_kind
    is_own = kind is RecordKind.USER and entry.record_id == person.user_id
    is_own |= kind is RecordKind.API_TOKEN and is_own_token(entry, person)
    changes = person.terms.without_name.replace_in_json(entry.changes)
    is_actor = entry.actor_user_id in (None, person.user_id)
    return {
        "changes": erase_changes(entry.changes) if is_own else changes,
        "address": None if is_actor else entry.address,
    }


def is_own_token(entry: Any, person: Person) -> bool:
    """Whether an entry is about a token of the person. The token may be deleted already; then the
    entry of its creation names the user."""
    return entry.record_id in person.token_ids or str(person.user_id) in entry.changes.get(
        "user_id", ()
    )


def erase_directory_event(event: Any, person: Person) -> dict[str, Any] | None:
    if event.record_id != person.user_id:
        return None
    return {"data": {**event.data, "changes": erase_changes(event.changes)}}


def erase_mail(mail: Any, person: Person) -> dict[str, Any] | None:
    """An email to the person: no address, no answer that repeats it, no further attempt."""
    if person.user_id != mail.user_id and mail.address.lower() != person.terms.address:
        return None
    return {
        "address": f"{person.user_id.hex}@{ERASED_DOMAIN}",
        "answer": None if mail.answer is None else ERASED,
        "next_attempt_at": None,
        "claimed_by": None,
        "claimed_until": None,
    }


def erase_caller_job(job: Any, person: Person) -> dict[str, Any] | None:
    """The job of the erasure itself needs the address until it has verified its work."""
    if not is_own_job(job, person):
        return None
    reason = person.terms.without_name.replace_in_json(job.parameters["reason"])
    return {"parameters": {**job.parameters, "reason": reason}}


def erase_policy(policy: Any, person: Person) -> dict[str, Any] | None:
    """Deactivate a policy whose filter loses the address. It would erase more than was decided."""
    terms = person.terms.without_name
    filter = terms.replace_in_json(policy.ticket_filter)
    if filter == policy.ticket_filter:
        return None
    return {
        "name": replace(policy, "name", terms),
        "ticket_filter": filter,
        "active": False,
        "version": policy.version + 1,
    }


def erase_delivery(delivery: Any, person: Person) -> dict[str, Any]:
    """Without a body, the next attempt prepares one. The claim ends, so that an earlier one is not
    stored."""
    error = replace(delivery, "last_error", person.terms.without_name)
    return {"body": None, "last_error": error, "claimed_by": None, "claimed_until": None}


def erase_attempt(attempt: Any, person: Person) -> dict[str, Any]:
    terms = person.terms.without_name
    request = terms.replace_in_json(attempt.request)
    return {"request": request, "response": None, "error": replace(attempt, "error", terms)}


COPIES: Mapping[str, str] = {
    "webhook_deliveries": "body",
    "webhook_attempts": "response",
}
"""Columns that may repeat any text of tickets, and are removed from all rows."""
RULES: Mapping[str, RowRule] = {
    "audit_entries": RowRule(("record_id", "actor_user_id"), erase_audit_entry),
    "directory_events": RowRule(("record_id",), erase_directory_event),
    "mails": RowRule(("user_id",), erase_mail),
    "caller_jobs": RowRule((), erase_caller_job),
    "retention_policies": RowRule((), erase_policy),
    "webhook_deliveries": RowRule((), erase_delivery),
    "webhook_attempts": RowRule((), erase_attempt),
}


def erase_changes(changes: Mapping[str, Json]) -> dict[str, Json]:
    """`[before, after]` of each field, with ERASED in place of texts that identify the person."""
    return {
        name: pair if name in SHOWN_CHANGES else erase_texts(pair) for name, pair in changes.items()
    }


def erase_texts(value: Json) -> Json:
    """The value with each text replaced, except for keys of records."""
    if isinstance(value, str):
        return value if is_uuid(value) else ERASED
    if isinstance(value, Mapping):
        return {name: erase_texts(each) for name, each in value.items()}
    return [erase_texts(each) for each in value] if isinstance(value, Sequence) else value


def is_own_job(record: object, person: Person) -> TypeGuard[CallerJob]:
    """Whether a row is a job that erases this person."""
    return (
        isinstance(record, CallerJob)
        and record.kind is JobKind.ERASE_PERSON
        and record.parameters["user_id"] == str(person.user_id)
    )
