"""`@admin_mutation`, the decorator of mutations of administrative records.

Such a mutation is a function that changes one record and returns it, for example a team or an SLA
policy. The root field's permission decides who may call it, not the decorator: agents may set their
own availability.

The decorator runs the function in one transaction with its idempotency key, stores its changes in
the audit log and as directory events, returns refusals as user errors, and sends a wake-up after
the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.audit import storage
from models.audit.entry import Origin
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core.errors import Refusal, Refusals
from models.core.record_changes import RecordChanges
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import KeyedInput, is_repetition, run_once
from resolvers.mutations.resolver import Resolver, as_resolver, to_user_errors

Input = TypeVar("Input", bound=KeyedInput)
Payload = TypeVar("Payload")
Record = TypeVar("Record", bound=Model)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AdminMutation:
    """The context, the time and the changes of one mutation."""

    context: Context
    at: datetime
    changes: RecordChanges
    extra_fields: dict[str, object] = field(default_factory=dict[str, object])
    """Fields of the payload that a repetition does not repeat, such as the text of a token."""

    @property
    def viewer(self) -> Viewer:
        return self.context.viewer


Function = Callable[[AdminMutation, Input], Awaitable[Record]]


def admin_mutation(
    payload: Callable[..., Payload],
    name: str,
    model: type[Record],
    check: Callable[[Viewer, Any], None] | None = None,
    build_fields: Callable[[Viewer, Record], dict[str, Any]] | None = None,
    prepare: Callable[[Context, Any], Awaitable[None]] | None = None,
    prepare_repetition: bool = False,
    recall: Callable[[Viewer, UUID], Awaitable[Record]] | None = None,
) -> Callable[[Function[Input, Record]], Resolver[Input, Payload]]:
    """Make a resolver of a function that changes a record of this model.

    `name` is the payload's field for the record. A repetition with the same idempotency key returns
    the record in its current state. `check` is called before the transaction, also for a
    repetition, and may raise Forbidden. `prepare` runs after `check`, in transactions of its own,
    and may raise Refusal. It does not run for a repetition, unless `prepare_repetition` is true.
    `build_fields` builds the payload's fields, if they are not the record alone: for records of
    which some viewers see only a part, and for those that were deleted.
    `recall` loads the record of a repetition by its key, and raises Refusal if it was deleted. It
    is needed if records of the model can be deleted.
    """

    def decorate(function: Function[Input, Record]) -> Resolver[Input, Payload]:
        async def run_resolver(info: strawberry.Info, input: Input) -> Payload:
            context = context_of(info)
            if check is not None:
                check(context.viewer, input)

            extra_fields: dict[str, object] = {}

            async def execute(key: KeyedRequest | None) -> tuple[Record, bool]:
                at = context.now()
                mutation = AdminMutation(context, at, RecordChanges(context.settings.limits))
                record = await function(mutation, input)
                await storage.write(mutation.changes, origin_of(context, info.field_name), at)
                if key is not None:  # last: it may send the COMMIT along, in one round trip
                    await store_result(key, ResultReference(at, record.pk))
                extra_fields.update(mutation.extra_fields)
                return record, False

            async def replay(stored: IdempotencyKey) -> tuple[Record, bool]:
                assert stored.record_id is not None  # `execute` has stored it
                if recall is not None:
                    return await recall(context.viewer, stored.record_id), True
                return await model.get(pk=stored.record_id), True

            try:
                if prepare is not None and (
                    prepare_repetition or not await is_repetition(context, info.field_name, input)
                ):
                    await prepare(context, input)
                record, replayed = await run_once(context, info.field_name, input, execute, replay)
            except (Refusal, Refusals) as error:
                return payload(user_errors=to_user_errors(error))
            context.services.wakeup.notify()
            context.renew_loaders()
            fields = (
                {name: record} if build_fields is None else build_fields(context.viewer, record)
            )
            return payload(**fields, replayed=replayed, **extra_fields)

        return as_resolver(run_resolver, function, payload)

    return decorate


async def run_action(
    context: Context,
    action: str,
    change: Callable[[RecordChanges, datetime], Awaitable[T]],
    find_actor: Callable[[T], Viewer] | None = None,
) -> T:
    """Run a change without idempotency key in one transaction, and store it in the audit log.

    `find_actor` takes the result of the change and returns the actor. It is needed if the request
    is anonymous, and its input proves who acts, as the token of a link does in `resetPassword`.
    Without it, the actor is the context's viewer.
    """
    at = context.now()

    async def run() -> T:
        changes = RecordChanges(context.settings.limits)
        result = await change(changes, at)
        actor = None if find_actor is None else find_actor(result)
        await storage.write(changes, origin_of(context, action, actor), at)
        return result

    result = await database.run_in_transaction(run)
    context.services.wakeup.notify()
    context.renew_loaders()
    return result


def origin_of(context: Context, action: str, actor: Viewer | None = None) -> Origin:
    """The origin of an action, for the audit log: its name, its actor, the address and the request.

    The default actor is the viewer.
    """
    viewer = context.viewer if actor is None else actor
    return Origin(action, viewer, context.address, context.request_id)


def given_fields(input: object, *, clearable: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of the input that the client has set, by attribute.

    Null means the same as absent, except for the fields in `clearable`, which null clears.
    """
    fields: dict[str, Any] = {}
    for name, value in vars(input).items():
        is_null = value is None and name not in clearable
        if value is not strawberry.UNSET and not is_null:
            fields[name] = value
    return fields
