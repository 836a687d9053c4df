"""Who may call which row: API.md's table written out, against every root field and every kind of caller."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, get_named_type, is_leaf_type, is_list_type
from support import Client, Refused, Service, Socket, World
from support.actors import machine, token_of
from support.ticket_commands import add_notifications

from models.access.scopes import MAX_SCOPES, Caller, Scope
from models.log.event import encode_cursor
from models.people.user import User
from models.tickets.ticket import Ticket
from schema import root

pytestmark = pytest.mark.never_retried

ALLOWED, STRANGE, FORBIDDEN = "allowed", "UNAUTHENTICATED", "FORBIDDEN"
EVERYONE = {"stranger", "customer", "agent", "admin", "machine"}
SIGNED_IN = EVERYONE - {"stranger"}
PEOPLE = {"customer", "agent", "admin"}
STAFF = {"agent", "admin", "machine"}
MANAGERS = {"admin", "machine"}

EXPECTED: dict[str, tuple[set[str], str | None]] = {
    "Query.viewer": (EVERYONE, None),
    "Query.node": (SIGNED_IN, None),
    "Query.nodes": (SIGNED_IN, None),
    "Query.ticket": (SIGNED_IN, "tickets:read"),
    "Query.ticketByNumber": (SIGNED_IN, "tickets:read"),
    "Query.ticketByExternalId": (SIGNED_IN, "tickets:read"),
    "Query.tickets": (SIGNED_IN, "tickets:read"),
    "Query.ticketStats": (SIGNED_IN, "tickets:read"),
    "Query.events": (SIGNED_IN, "events:read"),
    "Query.teams": (SIGNED_IN, None),
    "Query.categories": (SIGNED_IN, None),
    "Query.users": (STAFF, "users:read"),
    "Query.slaPolicies": (STAFF, "tickets:read"),
    "Query.slaCalendars": (STAFF, "tickets:read"),
    "Query.escalationPaths": (STAFF, "tickets:read"),
    "Query.notifications": (PEOPLE, "tickets:read"),
    "Query.apiTokens": (PEOPLE, None),
    "Mutation.signIn": (EVERYONE, None),
    "Mutation.signOut": (SIGNED_IN, None),
    "Mutation.createTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.updateTicket": (STAFF, "tickets:write"),
    "Mutation.assignTicket": (STAFF, "tickets:write"),
    "Mutation.transferTicket": (STAFF, "tickets:write"),
    "Mutation.startTicket": (STAFF, "tickets:write"),
    "Mutation.awaitCustomer": (STAFF, "tickets:write"),
    "Mutation.holdTicket": (STAFF, "tickets:write"),
    "Mutation.resumeTicket": (STAFF, "tickets:write"),
    "Mutation.resolveTicket": (STAFF, "tickets:write"),
    "Mutation.closeTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.reopenTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.escalateTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.rateTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.watchTicket": (PEOPLE, "tickets:write"),
    "Mutation.unwatchTicket": (PEOPLE, "tickets:write"),
    "Mutation.linkTickets": (STAFF, "tickets:write"),
    "Mutation.mergeTickets": (STAFF, "tickets:write"),
    "Mutation.replyToTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.addNote": (STAFF, "notes:write"),
    "Mutation.setPresence": ({"agent", "admin"}, "tickets:write"),
    "Mutation.markNotificationsRead": (PEOPLE, "tickets:read"),
    "Mutation.setNotificationPreference": (PEOPLE, "tickets:read"),
    "Mutation.createSlaCalendar": (MANAGERS, "admin"),
    "Mutation.updateSlaCalendar": (MANAGERS, "admin"),
    "Mutation.archiveSlaCalendar": (MANAGERS, "admin"),
    "Mutation.createSlaPolicy": (MANAGERS, "admin"),
    "Mutation.updateSlaPolicy": (MANAGERS, "admin"),
    "Mutation.archiveSlaPolicy": (MANAGERS, "admin"),
    "Mutation.createEscalationPath": (MANAGERS, "admin"),
    "Mutation.updateEscalationPath": (MANAGERS, "admin"),
    "Mutation.archiveEscalationPath": (MANAGERS, "admin"),
    "Mutation.updateTeam": (MANAGERS, "admin"),
    "Mutation.setAvailability": (STAFF, "tickets:write"),
    "Mutation.advanceClock": (set(), "admin"),  # for managers in the demo alone: test_demo
    "Mutation.createApiToken": (PEOPLE, None),
    "Mutation.revokeApiToken": (PEOPLE, None),
    "Subscription.ticketEvents": (SIGNED_IN, "events:read"),
    "Subscription.ticketStatusChanged": (SIGNED_IN, "events:read"),
    "Subscription.ticketChanges": (SIGNED_IN, "tickets:read"),
    "Subscription.ticketStats": (SIGNED_IN, "tickets:read"),
    "Subscription.notifications": (PEOPLE, "tickets:read"),
    "Subscription.ticketPresence": (STAFF, "tickets:read"),
}
BY_SESSION = {"Query.apiTokens", "Mutation.createApiToken", "Mutation.revokeApiToken"}
"""Rows for those who signed in; a token that was made for a program does not get them, whatever its scopes."""
BY_CURSOR = {"ticketEvents", "ticketStatusChanged"}
"""Rows that tell nothing at once unless they go on from somewhere."""
NOBODY = UUID(int=7)


def rows() -> dict[str, str]:
    """An operation for each root field, with the least that it takes."""
    schema = root.build()._schema
    found: dict[str, str] = {}
    for kind in (schema.query_type, schema.mutation_type, schema.subscription_type):
        assert kind is not None
        for name, field in kind.fields.items():
            given = ", ".join(
                f"{arg}: {least(spec.type)}" for arg, spec in field.args.items() if isinstance(spec.type, GraphQLNonNull)
            )
            selection = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
            operation = f"{kind.name.lower()} {{ {name}{f'({given})' if given else ''}{selection} }}"
            found[f"{kind.name}.{name}"] = operation
    return found


def least(type: Any) -> str:
    """The shortest value of an input type that goes through validation."""
    type = type.of_type if isinstance(type, GraphQLNonNull) else type
    if is_list_type(type):
        return "[]"
    if isinstance(type, GraphQLInputObjectType):
        fields = {name: field.type for name, field in type.fields.items() if isinstance(field.type, GraphQLNonNull)}
        return "{" + ", ".join(f"{name}: {least(each)}" for name, each in fields.items()) + "}"
    if hasattr(type, "values"):
        return next(iter(type.values))
    return {"Int": "1", "ID": f'"tkt_{NOBODY}"', "String": '"x"', "Boolean": "true", "Duration": '"PT1H"'}[type.name]


def expected(caller: str, *, lacking: bool = False) -> dict[str, str]:
    def outcome(row: str, callers: set[str], scope: str | None) -> str:
        if caller in callers:
            return FORBIDDEN if lacking and (scope or row in BY_SESSION) else ALLOWED
        return STRANGE if caller == "stranger" else FORBIDDEN

    return {row: outcome(row, callers, scope) for row, (callers, scope) in EXPECTED.items()}


async def outcomes(clients: dict[str, Client]) -> dict[str, str]:
    """What the caller of each row gets; signOut last, since it ends the token."""
    asked = dict(sorted(rows().items(), key=lambda row: row[0].endswith("signOut")))
    return {row: await outcome(clients[row], row, operation) for row, operation in asked.items()}


async def outcome(client: Client, row: str, operation: str) -> str:
    kind, _, field = row.partition(".")
    try:
        if kind != "Subscription":
            await client.run(operation)
            return ALLOWED
        async with client.socket() as socket:
            if field == "notifications":
                await first_notice(socket, operation)
                return ALLOWED
            if field == "ticketPresence":
                await socket.subscribe(operation.replace(str(NOBODY), str((await Ticket.all())[0].id)))
                await socket.next(field)
                return ALLOWED
            given = f'(after: "{encode_cursor(0)}")' if field in BY_CURSOR else ""
            await socket.subscribe(operation.replace(field, field + given, 1))
            await socket.next(field)
            return ALLOWED
    except Refused as refused:
        return str(refused.code)


async def first_notice(socket: Socket, operation: str) -> None:
    """Nothing says when a subscription from now on has begun, so everybody is told of something until it sees it."""
    await socket.subscribe(operation)
    first = asyncio.create_task(socket.next("notifications"))
    while not first.done():
        await add_notifications((await Ticket.all())[0].id, *[user.id for user in await User.all()])
        await asyncio.wait([first], timeout=0.1)
    await first


async def token(world: World, caller: str, scopes: list[str] | None = None) -> str | None:
    if caller == "stranger":
        return None
    if caller == "machine":
        return await machine("Sync", scopes)
    person = {"customer": world.cora, "agent": world.ada, "admin": world.root}[caller]
    return await token_of(await User.get(id=person.id), scopes)


async def test_every_root_field_has_an_expected_outcome() -> None:
    assert set(rows()) == set(EXPECTED)


@pytest.mark.parametrize("caller", sorted(EVERYONE))
async def test_each_kind_of_caller_may_use_exactly_its_fields(service: Service, world: World, caller: str) -> None:
    await service.client(world.cora.token).raise_ticket()
    client = service.client(await token(world, caller))
    assert await outcomes(dict.fromkeys(EXPECTED, client)) == expected(caller)


@pytest.mark.parametrize("caller", sorted(SIGNED_IN))
async def test_a_token_without_the_scope_of_a_field_is_refused(service: Service, world: World, caller: str) -> None:
    await service.client(world.cora.token).raise_ticket()
    kind = {"customer": Caller.CUSTOMER, "agent": Caller.AGENT, "admin": Caller.ADMIN, "machine": Caller.API_CLIENT}[caller]
    held = {scope.value for scope in MAX_SCOPES[kind]}
    without = {
        scope: service.client(await token(world, caller, sorted(held - {scope})))
        for scope in {None, *(scope for _, scope in EXPECTED.values())}
    }
    clients = {row: without[scope] for row, (_, scope) in EXPECTED.items()}
    assert await outcomes(clients) == expected(caller, lacking=True)


async def test_a_customers_token_is_limited_to_customer_scopes(service: Service, world: World) -> None:
    """Whatever is written in the token's record: scopes are cut to what its owner's kind may hold."""
    forged = await token(world, "customer", [scope.value for scope in Scope])
    answer = await service.client(forged).run("{ viewer { scopes role } }")
    assert answer["viewer"] == {"scopes": ["events:read", "tickets:read", "tickets:write"], "role": "CUSTOMER"}
