"""`@ticket_mutation`: what all mutations of tickets share.

A mutation is a plain function of a `TicketMutation` and its input. The decorator runs it in one transaction with its log
events and its idempotency key, turns refusals into user errors, and wakes those who follow the log after the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from tortoise.exceptions import IntegrityError

from models.access.viewer import Viewer
from models.access.visibility import can_access_ticket
from models.changes.change import TicketChange
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.changes.storage import lock_tickets, write
from models.core import ids
from models.core.errors import Code, InvalidInput, Refusal, Refusals, StaleVersion
from models.log import event
from models.log.event import Event
from models.queries import timeline
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import KeyedInput, run_once
from resolvers.mutations.resolver import Resolver, as_resolver, to_user_errors

Input = TypeVar("Input", bound=KeyedInput)
Payload = TypeVar("Payload")


class NamesTicket(Protocol):
    """An input that names the ticket to change, and perhaps the version that the caller has read."""

    @property
    def ticket_id(self) -> strawberry.ID: ...

    @property
    def expected_version(self) -> int | None: ...


class TicketMutation:
    """One mutation inside its transaction: finds the tickets to change, and collects their changes until they are written."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.viewer: Viewer = context.viewer
        self.at = context.now()
        self.changes: list[TicketChange] = []
        """The first is that of the mutation's own ticket, which the payload returns."""

    async def ticket(self, input: NamesTicket) -> TicketChange:
        """The locked ticket that the input names, to be changed. Raises InvalidInput NOT_FOUND, StaleVersion."""
        return (await self.tickets({"ticketId": input.ticket_id}, input.expected_version))[0]

    async def tickets(
        self, named: Mapping[str, str], expected_version: int | None = None, also: Iterable[UUID] = ()
    ) -> list[TicketChange]:
        """Locked tickets by the input's fields that name them; the expected version is that of the first.

        All are locked together with those of `also`, in one order, so that mutations can't deadlock.
        """
        keys = {field: ids.key_of(ids.TICKET, ticket_id) for field, ticket_id in named.items()}
        found = await lock_tickets([*(key for key in keys.values() if key), *also])
        changes: list[TicketChange] = []
        for field, key in keys.items():
            ticket = found.get(key) if key else None
            if ticket is None or not can_access_ticket(self.viewer, ticket):
                raise InvalidInput(Code.NOT_FOUND, "There is no such ticket.", field)
            same = next((change for change in self.changes if change.ticket.id == ticket.id), None)
            changes.append(same or self.change(ticket))
        if expected_version is not None and changes[0].ticket.version != expected_version:
            raise StaleVersion(changes[0].ticket.version)
        return changes

    def change(self, ticket: Ticket) -> TicketChange:
        """Begin a change of a ticket that is locked already, or new."""
        change = TicketChange(ticket, self.viewer, self.at, self.context.rules.reopen_window)
        self.changes.append(change)
        return change


Function = Callable[[TicketMutation, Input], Awaitable[None]]


def ticket_mutation(
    payload: Callable[..., Payload], message: str | None = None, check: Callable[[Any], Awaitable[None]] | None = None
) -> Callable[[Function[Input]], Resolver[Input, Payload]]:
    """Make a resolver of a function that changes tickets.

    `message` names the payload's field for a reply or note that the function added. `check` validates the input before the
    transaction begins. Both may raise Refusal or Refusals, which become the payload's user errors.
    """

    def decorate(function: Function[Input]) -> Resolver[Input, Payload]:
        async def resolve(info: strawberry.Info, input: Input) -> Payload:
            try:
                if check is not None:
                    await check(input)
                outcome = await run_mutation(context_of(info), info.field_name, function, input)
            except (Refusal, Refusals) as error:
                return payload(user_errors=to_user_errors(error))
            more = {} if message is None else {message: outcome.message}
            cursor = event.encode_cursor(outcome.position)
            return payload(ticket=outcome.ticket, event=outcome.event, cursor=cursor, replayed=outcome.replayed, **more)

        return as_resolver(resolve, function, payload)

    return decorate


@dataclass
class Outcome:
    """The result of a mutation: its ticket, its main event, the position that the log has reached, and its message if any."""

    ticket: Ticket
    event: Event | None
    position: int
    message: Message | None = None
    replayed: bool = False


async def run_mutation(context: Context, name: str, function: Function[Input], input: Input) -> Outcome:
    """Run the mutation once for its idempotency key, and wake the followers of the log. Raises Refusal."""
    try:
        outcome = await run_once(
            context,
            name,
            input,
            lambda key: execute(context, function, input, key),
            lambda stored: replay(context.viewer, stored),
        )
    except IntegrityError as error:
        if "external" not in str(error):
            raise
        raise InvalidInput(Code.TAKEN, "Another ticket has this key.", "externalId") from error
    context.services.wakeup.notify()
    context.refresh()
    # What was just written is not read again, and a token that may only write sees what it wrote.
    context.loaders.tickets.prime(outcome.ticket.id, outcome.ticket)
    if outcome.message is not None:
        context.loaders.messages.prime(outcome.message.id, outcome.message)
    return outcome


async def execute(context: Context, function: Function[Input], input: Input, key: KeyedRequest | None) -> Outcome:
    """Call the function and write its changes, with the idempotency key if there is one."""
    mutation = TicketMutation(context)
    await function(mutation, input)
    own = mutation.changes[0]
    position = await write(*mutation.changes, key=key, last=True)
    if not position:  # nothing had to change
        position = await timeline.read_last_position(own.ticket.id)
        if key is not None:
            await store_result(key, ResultReference(mutation.at, own.ticket.id, reached=position))
    return Outcome(own.ticket, own.main_event, position, own.messages[0] if own.messages else None)


async def replay(viewer: Viewer, stored: IdempotencyKey) -> Outcome:
    """The outcome of the mutation that had this key; the ticket as it is now. Raises InvalidInput if it is no longer visible."""
    assert stored.reached is not None  # every ticket mutation stores it
    ticket = await Ticket.get(id=stored.record_id)
    if not can_access_ticket(viewer, ticket):
        raise InvalidInput(Code.NOT_FOUND, "There is no such ticket.", "ticketId")
    return Outcome(
        ticket=ticket,
        event=await Event.get(position=stored.position) if stored.position is not None else None,
        position=stored.reached,
        message=await Message.get(id=stored.message_id) if stored.message_id is not None else None,
        replayed=True,
    )
