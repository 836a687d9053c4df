"""Reads what a new ticket needs, such as its number and its SLA terms, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.changes.idempotency import KeyedRequest, RepeatedKey
from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from models.custom_fields.custom_field import RequiredAt
from models.database import as_uuid
from models.sla.policies import terms_subquery
from models.tickets.lifecycle import Priority
from models.tickets.ticket import FIRST_TICKET_NUMBER

REQUIRES_FIELDS_SQL = (
    "EXISTS (SELECT 1 FROM custom_fields f WHERE f.active = TRUE "
    f"AND f.required_at = '{RequiredAt.CREATION.value}')"
)


class TicketIntake(NamedTuple):
    """What a new ticket needs from the database."""

    category_id: UUID
    team_id: UUID
    number: int
    sla_terms: str | None
    """The digest of the SLA terms that apply to the ticket, if any: of a policy's targets and its
    calendar (models/sla/records.py)."""
    requires_fields: bool
    """Whether any custom field is required at creation (models/changes/custom_values.py)."""


async def read_intake(
    category: str,
    priority: Priority,
    organization_id: UUID | None,
    *path: str,
    key: KeyedRequest | None = None,
) -> TicketIntake:
    """Read what a new ticket needs, in the transaction that stores it.

    `path` names the category field in errors. The number is computed as in
    `storage.allocate_numbers`, the terms as in `policies.find_terms`.

    Raises RepeatedKey if `key`, the idempotency key of the request, is stored already. Raises
    InvalidInput: NOT_FOUND if no category has the slug `category`, INVALID if it is archived.
    """
    number = f"(SELECT COALESCE(MAX(number), {FIRST_TICKET_NUMBER - 1}) + 1 FROM tickets)"
    if database.dialect() == "postgres":
        number = "nextval('ticket_numbers')"
    key_params: Sequence[object] = ()
    if key is not None:  # a repeated request must not use up a number
        stored = key.build_condition()
        is_stored = f"EXISTS (SELECT 1 FROM idempotency_keys k WHERE {stored.text})"
        number, key_params = f"CASE WHEN {is_stored} THEN NULL ELSE {number} END", stored.params
    terms = terms_subquery(priority="?", team="c.team_id", category="c.id", organization="?")
    query = (
        f"SELECT c.id, c.team_id, {number}, ({terms}), c.active, {REQUIRES_FIELDS_SQL} "
        "FROM categories c WHERE c.slug = ?"
    )
    params = [*key_params, priority, organization_id, category]
    rows: Sequence[Sequence[object]] = ()
    if text.can_be_slug(category):
        # nextval changes the sequence, but no rollback undoes that, so the query needs no BEGIN.
        rows = await database.fetch_readonly(query, params)
    if not rows:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such category.", *path)
    category_id, team_id, next_number, digest, is_active, requires_fields = rows[0]
    if next_number is None:
        raise RepeatedKey
    if not is_active:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived category", *path)
    return TicketIntake(
        category_id=as_uuid(category_id),
        team_id=as_uuid(team_id),
        number=cast("int", next_number),
        sla_terms=cast("str | None", digest),
        requires_fields=bool(requires_fields),
    )
