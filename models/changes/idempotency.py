"""Idempotency keys, stored with the result of their mutation in one transaction.

A crash therefore leaves both or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from models import database
from models.core.errors import InvalidInput, UserErrorCode
from models.core.hydration import new_record
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, RecordQuery
from models.core.sql import Condition
from models.core.time import InstantField
from models.database import batch
from models.log.event import NEW_POSITION_SQL

if TYPE_CHECKING:
    from models.log.event import Json

KEY_LIFETIME = timedelta(hours=24)
MAX_KEY_CHARS = 128
LOCK_HASH_SEED = 7
"""The seed of the hash that names a key's advisory lock; the same in all processes."""
KEY_CONDITION = "(k.caller = ? AND k.mutation = ? AND k.key = ?)"


class RepeatedKey(Exception):
    """The idempotency key of a mutation is stored already, perhaps by a call that has expired."""


class IdempotencyKey(Model):
    """A mutation of one viewer that had an idempotency key, and references to its result."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    caller = fields.CharField(max_length=64)
    mutation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=MAX_KEY_CHARS)
    digest = fields.CharField(max_length=64)
    record_id = fields.UUIDField(null=True)
    """The ticket, SLA calendar, SLA policy, escalation path, team, user or API token.

    Null for `advanceClock`, which changes no record.
    """
    message_id = fields.UUIDField(null=True)
    """The reply or note that the mutation added, if any."""
    position = fields.BigIntField(null=True)
    """The position of the ticket's main event, if the mutation changed a ticket."""
    reached = fields.BigIntField(null=True)
    """The log's position after the mutation, if it was a ticket mutation."""
    created_at = InstantField()

    class Meta:
        table = "idempotency_keys"
        table_description = "Idempotency keys and the results of their mutations"
        unique_together = (("caller", "mutation", "key"),)
        indexes = (("created_at",),)


@dataclass(frozen=True, slots=True)
class ResultReference:
    """References from which a replay loads the result of a mutation, and the mutation's instant."""

    at: datetime
    record_id: UUID | None = None
    message_id: UUID | None = None
    position: int | None = None
    reached: int | None = None


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key.

    caller  the viewer's `caller_key`
    digest  the hash of the input
    """

    caller: str
    mutation: str
    key: str
    digest: str

    def build_condition(self) -> Condition:
        """The condition for the stored key, in a query that names its table `k`."""
        return Condition(KEY_CONDITION, (self.caller, self.mutation, self.key))

    def build_record(self, result: ResultReference) -> IdempotencyKey:
        return new_record(
            IdempotencyKey,
            caller=self.caller,
            mutation=self.mutation,
            key=self.key,
            digest=self.digest,
            record_id=result.record_id,
            message_id=result.message_id,
            position=result.position,
            reached=result.reached,
            created_at=result.at,
        )


def hash_input(values: Mapping[str, Json]) -> str:
    """A hash of a mutation's input, independent of the order of its fields."""
    return sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def find_stored(request: KeyedRequest, at: datetime) -> IdempotencyKey | None:
    """The stored key and result of the viewer's earlier request with this key, if any.

    Call it inside the mutation's transaction. Raises InvalidInput: IDEMPOTENCY_KEY_REUSED if the
    input differs, IDEMPOTENCY_IN_PROGRESS if the earlier request is still running.
    """
    if database.dialect() == "postgres":
        # Postgres holds this lock until the transaction ends. SQLite needs none: its transactions
        # begin with BEGIN IMMEDIATE, so no other one is running.
        name = f"{request.caller}\n{request.mutation}\n{request.key}"
        statement = f"SELECT pg_try_advisory_xact_lock(hashtextextended(?, {LOCK_HASH_SEED}))"
        rows = await database.fetch(statement, [name])
        if not rows[0][0]:
            raise build_in_progress_error()
    condition = request.build_condition()
    stored = await RecordQuery(LazyQuery(IdempotencyKey, "k", "idempotency_keys k", condition))
    if stored is None:
        return None
    if at - stored.created_at > KEY_LIFETIME:
        await stored.delete()
        return None
    if stored.digest != request.digest:
        raise InvalidInput(
            UserErrorCode.IDEMPOTENCY_KEY_REUSED,
            "was used before with another input; use a new key",
            "idempotencyKey",
        )
    return stored


def is_of_key(error: IntegrityError) -> bool:
    """Whether the violated constraint is that of stored keys.

    On Postgres, the message also has the violating values, so it may be another constraint.
    """
    return "idempotency" in str(error)


def build_in_progress_error() -> InvalidInput:
    return InvalidInput(
        UserErrorCode.IDEMPOTENCY_IN_PROGRESS,
        "A request with this idempotency key is still running. Try again later.",
        "idempotencyKey",
    )


async def store_result(request: KeyedRequest, result: ResultReference) -> None:
    """Store the key and the result, as the last step of the mutation's transaction."""
    await batch.execute(batch.insert([request.build_record(result)]), commit=True)


def build_insert(request: KeyedRequest, result: ResultReference) -> list[batch.WriteStatement]:
    """The statement that stores the key together with new log events.

    In `result`, `position` and `reached` are not positions, but how many new events come after
    them. The statement subtracts them from the new head of the log.
    """
    expressions = (
        ("position", NEW_POSITION_SQL),
        ("reached", NEW_POSITION_SQL),
    )
    return batch.insert([request.build_record(result)], expressions)


async def delete_before(before: datetime) -> int:
    """Delete the keys created before `before`; returns their number."""
    return await IdempotencyKey.filter(created_at__lt=before).delete()
