"""`@ticket_mutation`, the decorator of mutations of tickets.

Such a mutation is a function of a `TicketMutation` and its input. The decorator runs it in one
transaction with its events and its idempotency key, returns refusals as user errors, and sends a
wake-up after the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from tortoise.exceptions import IntegrityError

from models.access.viewer import Viewer
from models.access.visibility import (
    accessible_tickets,
    can_access_ticket,
    can_change_ticket,
    can_see_ticket,
    read_current_viewer,
)
from models.audit import storage as audit
from models.changes import storage
from models.changes.change import TicketChange
from models.changes.change_set import ChangeSet
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core import ids
from models.core.errors import InvalidInput, Refusal, Refusals, StaleVersion, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.log import event
from models.log.event import Event
from models.queries.logs import event_log
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import origin_of
from resolvers.mutations.idempotency import KeyedInput, run_once
from resolvers.mutations.resolver import Resolver, as_resolver, to_user_errors

Input = TypeVar("Input", bound=KeyedInput)
Payload = TypeVar("Payload")


ONLY_SHARED = (
    "The ticket is shared with you: you can reply to it and watch it, but not change it. Ask its "
    "requester or the team."
)


class TicketInput(Protocol):
    """An input with the id of the ticket to change, and the version that the viewer expects."""

    @property
    def ticket_id(self) -> strawberry.ID: ...

    @property
    def expected_version(self) -> int | None: ...


class TicketMutation(ChangeSet):
    """One mutation in its transaction: locks tickets, and collects their changes.

    The first change is that of the ticket that the payload returns.
    """

    def __init__(self, context: Context, key: KeyedRequest | None) -> None:
        settings = context.settings
        super().__init__(context.viewer, context.now(), settings.reopen_window, settings.limits)
        self.context = context
        self.key = key
        self.records = RecordChanges(settings.limits)
        """Changes of administrative records, such as a new requester."""

    async def lock_ticket(self, input: TicketInput, *, allow_shared: bool = False) -> TicketChange:
        """Lock the ticket of the input, and begin a change of it.

        A ticket that is only shared with the viewer is refused unless `allow_shared` is true.
        Raises InvalidInput NOT_FOUND or INVALID, StaleVersion.
        """
        ids_by_field = {"ticketId": input.ticket_id}
        changes = await self.lock_tickets(
            ids_by_field, input.expected_version, allow_shared=allow_shared
        )
        return changes[0]

    async def lock_tickets(
        self,
        ids_by_field: Mapping[str, str],
        expected_version: int | None = None,
        also_lock: Iterable[UUID] = (),
        *,
        allow_shared: bool = False,
    ) -> list[TicketChange]:
        """Lock tickets, and begin changes of them.

        `ids_by_field` has the tickets' ids by input fields. `expected_version` is that of the first
        ticket. All are locked with those of `also_lock` in one order, so mutations can't deadlock.
        Raises InvalidInput NOT_FOUND or INVALID, StaleVersion.
        """
        if expected_version is not None and expected_version < 1:
            raise InvalidInput(UserErrorCode.INVALID, "must be 1 or more", "expectedVersion")
        keys = {field: ids.key_of(ids.TICKET, id) for field, id in ids_by_field.items()}
        known_keys = [key for key in keys.values() if key]
        locked = await storage.lock_tickets(
            [*known_keys, *also_lock], accessible_tickets(self.viewer)
        )
        # The tickets, and what the viewer may reach, may have changed while the lock was awaited.
        viewer = await read_current_viewer(self.viewer, locked.values())
        changes: list[TicketChange] = []
        for field, key in keys.items():
            ticket = locked.get(key) if key else None
            if ticket is None or not can_access_ticket(viewer, ticket):
                raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", field)
            if not allow_shared and not can_change_ticket(viewer, ticket):
                raise InvalidInput(UserErrorCode.INVALID, ONLY_SHARED, field)
            changes.append(self.begin_change(ticket))
        version = changes[0].ticket.get_version(is_customer=self.viewer.is_customer)
        if expected_version is not None and version != expected_version:
            raise StaleVersion(version)
        return changes


Function = Callable[[TicketMutation, Input], Awaitable[None]]


def ticket_mutation(
    payload: Callable[..., Payload],
    message: str | None = None,
    check: Callable[[Any, RecordLimits], Awaitable[None]] | None = None,
    prepare: Callable[[Context, Any], Awaitable[None]] | None = None,
    *,
    finds_repetition: bool = False,
) -> Callable[[Function[Input]], Resolver[Input, Payload]]:
    """Make a resolver of a function that changes tickets.

    `message` is the payload's field for the reply or note that the function adds. `check` validates
    the input before the transaction. `prepare` runs after it, in transactions of its own, also for
    a repetition. They and the function may raise Refusal or Refusals, which become user errors.
    With `finds_repetition`, the function raises RepeatedKey if the mutation's key is stored; see
    `run_once`.
    """

    def decorate(function: Function[Input]) -> Resolver[Input, Payload]:
        async def run_resolver(info: strawberry.Info, input: Input) -> Payload:
            context = context_of(info)
            try:
                if check is not None:
                    await check(input, context.settings.limits)
                if prepare is not None:
                    await prepare(context, input)
                outcome = await run_mutation(
                    context, info.field_name, function, input, finds_repetition=finds_repetition
                )
            except (Refusal, Refusals) as error:
                return payload(user_errors=to_user_errors(error))
            return payload(**build_payload_fields(context.viewer, outcome, message))

        return as_resolver(run_resolver, function, payload)

    return decorate


@dataclass
class Outcome:
    """The result of a mutation. `position` is the position of the log after it."""

    ticket: Ticket
    event: Event | None
    position: int
    message: Message | None = None
    replayed: bool = False


def build_payload_fields(
    viewer: Viewer, outcome: Outcome, message_name: str | None
) -> dict[str, Any]:
    """The payload's fields.

    A viewer who may not read the ticket gets no ticket, event or message, only the ids of the
    ticket and message, `ref`, `version`, `cursor` and `replayed`.
    """
    fields: dict[str, Any] = {
        "ticket_id": ids.encode(ids.TICKET, outcome.ticket.id),
        "ref": outcome.ticket.ref,
        "version": outcome.ticket.get_version(is_customer=viewer.is_customer),
        "cursor": event.encode_cursor(outcome.position),
        "replayed": outcome.replayed,
    }
    may_read = can_see_ticket(viewer, outcome.ticket)
    if may_read:
        fields |= {"ticket": outcome.ticket, "event": outcome.event}
    if message_name is not None and outcome.message is not None:
        fields[f"{message_name}_id"] = ids.encode(ids.MESSAGE, outcome.message.id)
        if may_read:
            fields[message_name] = outcome.message
    return fields


async def run_mutation(
    context: Context,
    name: str,
    function: Function[Input],
    input: Input,
    *,
    finds_repetition: bool,
) -> Outcome:
    """Run the mutation once for its idempotency key, and send a wake-up. Raises Refusal."""
    try:
        outcome = await run_once(
            context,
            name,
            input,
            lambda key: execute(context, name, function, input, key),
            lambda stored: replay(context.viewer, stored),
            finds_repetition=finds_repetition,
        )
    except IntegrityError as error:
        if "external" not in str(error):
            raise
        raise InvalidInput(
            UserErrorCode.TAKEN, "Another ticket has this external id.", "externalId"
        ) from error
    context.services.wakeup.notify()
    context.renew_loaders()
    if can_see_ticket(context.viewer, outcome.ticket):
        context.loaders.tickets.prime(outcome.ticket.id, outcome.ticket)
    if outcome.message is not None:  # a token without the scope notes:read sees its own note
        context.loaders.messages.prime(outcome.message.id, outcome.message)
    return outcome


async def execute(
    context: Context, name: str, function: Function[Input], input: Input, key: KeyedRequest | None
) -> Outcome:
    """Call the function and write its changes, with the idempotency key if there is one."""
    mutation = TicketMutation(context, key)
    await function(mutation, input)
    await audit.write(mutation.records, origin_of(context, name), mutation.at)
    own = mutation.changes[0]
    position = await storage.write(*mutation.changes, key=key, commit=True)
    if not position:  # nothing had to change
        position = await event_log.read_last_position(context.viewer, own.ticket.id)
        if key is not None:
            await store_result(key, ResultReference(mutation.at, own.ticket.id, reached=position))
    return Outcome(own.ticket, own.main_event, position, own.messages[0] if own.messages else None)


async def replay(viewer: Viewer, stored: IdempotencyKey) -> Outcome:
    """The outcome of the first mutation with this key, with the current ticket.

    If its message was moved to another ticket since, the outcome has that ticket. Raises
    InvalidInput if the ticket is no longer visible.
    """
    assert stored.reached is not None  # every ticket mutation stores it
    position, message = stored.position, None
    if stored.message_id is not None:
        message = await Message.get(id=stored.message_id)
    ticket = await Ticket.get(id=message.ticket_id if message else stored.record_id)
    if not can_access_ticket(await read_current_viewer(viewer, [ticket]), ticket):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.", "ticketId")
    main_event = None
    if message is not None and message.ticket_id != stored.record_id:
        main_event = await Event.get(ticket_id=ticket.id, message_id=message.id)
    elif position is not None:
        main_event = await Event.get(position=position)
    return Outcome(ticket, main_event, stored.reached, message, replayed=True)
