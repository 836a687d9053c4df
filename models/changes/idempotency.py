"""Idempotency keys: what a keyed mutation did, stored in its own transaction, so a crash leaves both or neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.errors import Code, InvalidInput
from models.core.hydration import new_record
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, One
from models.core.sql import Condition
from models.core.time import InstantField
from models.database import batch
from models.log.event import BEHIND

if TYPE_CHECKING:
    from models.log.event import Json

KEY_LIFETIME = timedelta(hours=24)
MAX_KEY_LENGTH = 128


class IdempotencyKey(Model):
    """One keyed mutation of one caller, and by what is found again what it made."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    caller = fields.CharField(max_length=64)
    mutation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=MAX_KEY_LENGTH)
    digest = fields.CharField(max_length=64)
    record_id = fields.UUIDField(null=True)
    """The ticket of a ticket mutation; the calendar, policy, path, team or person of others; null for the clock."""
    message_id = fields.UUIDField(null=True)
    position = fields.BigIntField(null=True)
    reached = fields.BigIntField(null=True)
    """How far the log was, of a ticket mutation."""
    created_at = InstantField()

    class Meta:
        table = "idempotency_keys"
        table_description = "What keyed mutations did"
        unique_together = (("caller", "mutation", "key"),)
        indexes = (("created_at",),)


@dataclass(frozen=True, slots=True)
class ResultReference:
    """By what a replay finds again what a mutation made, and when that was."""

    at: datetime
    record_id: UUID | None = None
    message_id: UUID | None = None
    position: int | None = None
    reached: int | None = None


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A key that is in use now: whose, for what, and for which input."""

    caller: str
    mutation: str
    key: str
    digest: str

    def build_record(self, trace: ResultReference) -> IdempotencyKey:
        return new_record(
            IdempotencyKey,
            caller=self.caller,
            mutation=self.mutation,
            key=self.key,
            digest=self.digest,
            record_id=trace.record_id,
            message_id=trace.message_id,
            position=trace.position,
            reached=trace.reached,
            created_at=trace.at,
        )


def hash_input(values: Mapping[str, Json]) -> str:
    """A fingerprint of a mutation's input that does not depend on the order of its fields."""
    return sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def find_result(key: KeyedRequest, at: datetime) -> IdempotencyKey | None:
    """What the same caller did before with this key, or None for a fresh one. Runs inside the mutation's transaction.

    Raises InvalidInput: IDEMPOTENCY_KEY_REUSED for another input, IDEMPOTENCY_IN_PROGRESS while another process runs the first.
    """
    if database.dialect() == "postgres":
        # Held to the end of the transaction. On SQLite BEGIN IMMEDIATE has made this transaction the only one.
        name = f"{key.caller}\n{key.mutation}\n{key.key}"
        taken = await database.fetch("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 7))", [name])
        if not taken[0][0]:
            raise build_in_progress_error()
    named = Condition("(k.caller = ? AND k.mutation = ? AND k.key = ?)", (key.caller, key.mutation, key.key))
    found = await One(LazyQuery(IdempotencyKey, "k", "idempotency_keys k", named))
    if found is None:
        return None
    if at - found.created_at > KEY_LIFETIME:
        await found.delete()
        return None
    if found.digest != key.digest:
        raise InvalidInput(
            Code.IDEMPOTENCY_KEY_REUSED, "This idempotency key was used before with another input.", "idempotencyKey"
        )
    return found


def build_in_progress_error() -> InvalidInput:
    return InvalidInput(
        Code.IDEMPOTENCY_IN_PROGRESS, "A request with this idempotency key is still running; try again.", "idempotencyKey"
    )


async def store_result(key: KeyedRequest, trace: ResultReference) -> None:
    """Store what the mutation did, as the last step of its own transaction."""
    await batch.execute(batch.insert([key.build_record(trace)]), last=True)


def build_insert(key: KeyedRequest, trace: ResultReference) -> list[batch.Statement]:
    """The step that does so beside entries of the log, where the trace has their places as `event.appended` gives them."""
    return batch.insert([key.build_record(trace)], (("position", BEHIND), ("reached", BEHIND)))


async def delete_before(before: datetime) -> int:
    """Remove keys older than the given instant; returns how many."""
    return await IdempotencyKey.filter(created_at__lt=before).delete()
