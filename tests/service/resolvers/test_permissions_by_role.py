"""The API's permission table, written out: every root field against every kind of caller."""

from __future__ import annotations

import asyncio

import pytest
from support import Client, Refused, Service, Socket, World
from support.actors import api_client_token, token_of
from support.root_fields import MISSING_ID, build_operations
from support.ticket_commands import add_notifications

from models.access.scopes import MAX_SCOPES, CallerKind, Scope
from models.core import ids
from models.jobs.caller_job import CallerJob, JobErrorPolicy, JobKind
from models.log.event import encode_cursor
from models.people.user import Role, User
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.never_retried

ALLOWED, UNAUTHENTICATED, FORBIDDEN = "allowed", "UNAUTHENTICATED", "FORBIDDEN"
EVERYONE = {"anonymous", "customer", "agent", "admin", "machine"}
SIGNED_IN = EVERYONE - {"anonymous"}
JOB_SCOPES = "tickets:read tickets:write"
"""Either scope suffices."""
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
    "Query.ticketReport": (SIGNED_IN, "tickets:read"),
    "Query.events": (SIGNED_IN, "events:read"),
    "Query.directoryEvents": (STAFF, "users:read"),
    "Query.auditLog": (MANAGERS, "admin"),
    "Query.tags": (STAFF, "tickets:read"),
    "Query.savedViews": ({"agent", "admin"}, "tickets:read"),
    "Query.job": (SIGNED_IN, JOB_SCOPES),
    "Query.jobs": (SIGNED_IN, JOB_SCOPES),
    "Query.macros": ({"agent", "admin"}, "tickets:read"),
    "Query.previewMacro": ({"agent", "admin"}, "tickets:read"),
    "Query.teams": (SIGNED_IN, None),
    "Query.categories": (SIGNED_IN, None),
    "Query.customFields": (SIGNED_IN, None),
    "Query.retentionPolicies": (MANAGERS, "admin"),
    # also needs tickets:read and notes:read: see test_retention_refusals.py
    "Query.retentionPreview": (MANAGERS, "admin"),
    "Query.wallScreens": ({"agent", "admin"}, None),
    "Query.webhooks": (MANAGERS, "webhooks:manage"),
    "Query.webhook": (MANAGERS, "webhooks:manage"),
    "Query.webhookGaps": (MANAGERS, "webhooks:manage"),
    "Query.webhookReplayPreview": (MANAGERS, "webhooks:manage"),
    # also needs tickets:read: see tests/service/webhooks/test_administration.py
    "Query.dryRunWebhook": (MANAGERS, "webhooks:manage"),
    "Query.users": (STAFF, "users:read"),
    "Query.slaPolicies": (STAFF, "tickets:read"),
    "Query.slaCalendars": (STAFF, "tickets:read"),
    "Query.escalationPaths": (STAFF, "tickets:read"),
    "Query.notifications": (PEOPLE, "tickets:read"),
    "Query.apiTokens": (PEOPLE, None),
    "Query.organizations": (STAFF, "users:read"),
    "Mutation.createUser": (MANAGERS, "users:write"),
    "Mutation.bulkUpdateTickets": (STAFF, "tickets:write"),
    "Mutation.cancelJob": (SIGNED_IN, JOB_SCOPES),
    "Mutation.exportTickets": (SIGNED_IN, "tickets:read"),
    "Mutation.undoJob": (STAFF, "tickets:write"),
    "Mutation.createAttachment": (SIGNED_IN, "tickets:write"),
    "Mutation.saveDraft": (PEOPLE, "tickets:write"),
    "Mutation.discardDraft": (PEOPLE, "tickets:write"),
    "Mutation.proposeDraft": ({"machine"}, "tickets:write"),
    "Mutation.createSavedView": ({"agent", "admin"}, "tickets:write"),
    "Mutation.updateSavedView": ({"agent", "admin"}, "tickets:write"),
    "Mutation.deleteSavedView": ({"agent", "admin"}, "tickets:write"),
    "Mutation.createMacro": ({"agent", "admin"}, "tickets:write"),
    "Mutation.updateMacro": ({"agent", "admin"}, "tickets:write"),
    "Mutation.archiveMacro": ({"agent", "admin"}, "tickets:write"),
    "Mutation.applyMacro": ({"agent", "admin"}, "tickets:write"),
    # users may change their own profile: see test_users.py
    "Mutation.updateUser": (MANAGERS, "users:write"),
    "Mutation.upsertUser": (MANAGERS, "users:write"),
    "Mutation.upsertUsers": (MANAGERS, "users:write"),
    "Mutation.upsertTicket": (STAFF, "tickets:write"),
    "Mutation.erasePerson": (MANAGERS, "admin"),
    "Mutation.deactivateUser": (MANAGERS, "users:write"),
    "Mutation.reactivateUser": (MANAGERS, "users:write"),
    "Mutation.createOrganization": (MANAGERS, "users:write"),
    "Mutation.updateOrganization": (MANAGERS, "users:write"),
    "Mutation.upsertOrganization": (MANAGERS, "users:write"),
    "Mutation.upsertOrganizations": (MANAGERS, "users:write"),
    "Mutation.archiveOrganization": (MANAGERS, "users:write"),
    "Query.apiClients": (MANAGERS, "admin"),
    "Mutation.signIn": (EVERYONE, None),
    "Mutation.signInWithCode": (EVERYONE, None),
    "Mutation.linkIdentity": (MANAGERS, "admin"),
    "Mutation.unlinkIdentity": (MANAGERS, "admin"),
    "Mutation.signOut": (SIGNED_IN, None),
    "Mutation.createTicket": (SIGNED_IN, "tickets:write"),
    # customers may only change custom fields: see test_custom_field_visibility.py
    "Mutation.updateTicket": (SIGNED_IN, "tickets:write"),
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
    "Mutation.rateTicket": ({"customer"}, "tickets:write"),
    "Mutation.watchTicket": (PEOPLE, "tickets:write"),
    "Mutation.unwatchTicket": (PEOPLE, "tickets:write"),
    "Mutation.addWatcher": (SIGNED_IN, "tickets:write"),
    "Mutation.removeWatcher": (SIGNED_IN, "tickets:write"),
    "Mutation.changeRequester": (STAFF, "tickets:write"),
    "Mutation.markTicketRead": (PEOPLE, "tickets:read"),
    "Mutation.linkTickets": (STAFF, "tickets:write"),
    "Mutation.unlinkTickets": (STAFF, "tickets:write"),
    "Mutation.mergeTickets": (STAFF, "tickets:write"),
    "Mutation.unmergeTicket": (STAFF, "tickets:write"),
    "Mutation.replyToTicket": (SIGNED_IN, "tickets:write"),
    "Mutation.addNote": (STAFF, "notes:write"),
    "Mutation.redactMessage": (STAFF, "tickets:write"),
    "Mutation.redactTicket": (STAFF, "tickets:write"),
    "Mutation.setPresence": ({"agent", "admin"}, "tickets:write"),
    "Mutation.markNotificationsRead": (PEOPLE, "tickets:write"),
    "Mutation.setNotificationPreference": (PEOPLE, "tickets:write"),
    "Mutation.createSlaCalendar": (MANAGERS, "admin"),
    "Mutation.updateSlaCalendar": (MANAGERS, "admin"),
    "Mutation.archiveSlaCalendar": (MANAGERS, "admin"),
    "Mutation.createSlaPolicy": (MANAGERS, "admin"),
    "Mutation.updateSlaPolicy": (MANAGERS, "admin"),
    "Mutation.archiveSlaPolicy": (MANAGERS, "admin"),
    "Mutation.createEscalationPath": (MANAGERS, "admin"),
    "Mutation.updateEscalationPath": (MANAGERS, "admin"),
    "Mutation.archiveEscalationPath": (MANAGERS, "admin"),
    "Mutation.createTeam": (MANAGERS, "admin"),
    "Mutation.updateTeam": (MANAGERS, "admin"),
    "Mutation.archiveTeam": (MANAGERS, "admin"),
    "Mutation.addTeamMember": (MANAGERS, "admin"),
    "Mutation.removeTeamMember": (MANAGERS, "admin"),
    "Mutation.createCategory": (MANAGERS, "admin"),
    "Mutation.updateCategory": (MANAGERS, "admin"),
    "Mutation.archiveCategory": (MANAGERS, "admin"),
    "Mutation.createCustomField": (MANAGERS, "admin"),
    "Mutation.createRetentionPolicy": (MANAGERS, "admin"),
    "Mutation.updateRetentionPolicy": (MANAGERS, "admin"),
    "Mutation.deleteRetentionPolicy": (MANAGERS, "admin"),
    # also needs tickets:read, notes:read and users:read: see test_person_export.py
    "Mutation.exportPerson": (MANAGERS, "admin"),
    "Mutation.updateCustomField": (MANAGERS, "admin"),
    "Mutation.archiveCustomField": (MANAGERS, "admin"),
    # also needs tickets:read: see tests/service/webhooks/test_administration.py
    "Mutation.createWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.updateWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.deleteWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.pingWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.rotateWebhookSecret": (MANAGERS, "webhooks:manage"),
    "Mutation.redeliverWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.replayWebhook": (MANAGERS, "webhooks:manage"),
    "Mutation.setAvailability": (STAFF, "tickets:write"),
    # in the demo, managers may call it: see test_demo.py
    "Mutation.advanceClock": (set(), "admin"),
    "Mutation.revokeSession": (SIGNED_IN, None),
    # with a user id also API clients: see test_sessions.py
    "Mutation.revokeAllSessions": (PEOPLE, None),
    "Mutation.changePassword": (PEOPLE, None),
    "Mutation.requestPasswordReset": (EVERYONE, None),
    "Mutation.resetPassword": (EVERYONE, None),
    "Mutation.inviteUser": (MANAGERS, "users:write"),
    "Mutation.sendInvitation": (MANAGERS, "users:write"),
    "Mutation.registerUser": (EVERYONE, None),
    "Mutation.startSecondFactor": ({"agent", "admin"}, None),
    "Mutation.confirmSecondFactor": ({"agent", "admin"}, None),
    "Mutation.disableSecondFactor": (PEOPLE, None),
    "Mutation.renewRecoveryCodes": (PEOPLE, None),
    "Mutation.resetSecondFactor": (MANAGERS, "admin"),
    "Mutation.createApiClient": (MANAGERS, "admin"),
    "Mutation.updateApiClient": (MANAGERS, "admin"),
    "Mutation.deactivateApiClient": (MANAGERS, "admin"),
    "Mutation.reactivateApiClient": (MANAGERS, "admin"),
    "Mutation.rotateApiToken": (PEOPLE, None),
    "Mutation.createApiToken": (PEOPLE, None),
    "Mutation.revokeApiToken": (SIGNED_IN, None),
    "Mutation.approveWallScreen": ({"agent", "admin"}, None),
    "Mutation.revokeWallScreen": ({"agent", "admin"}, None),
    "Subscription.ticketEvents": (SIGNED_IN, "events:read"),
    "Subscription.ticketStatusChanged": (SIGNED_IN, "events:read"),
    "Subscription.ticketChanges": (SIGNED_IN, "tickets:read"),
    "Subscription.ticketStats": (SIGNED_IN, "tickets:read"),
    "Subscription.savedViewCounts": ({"agent", "admin"}, "tickets:read"),
    "Subscription.jobChanged": (SIGNED_IN, JOB_SCOPES),
    "Subscription.notifications": (PEOPLE, "tickets:read"),
    "Subscription.ticketPresence": (STAFF, "tickets:read"),
}
SESSION_ONLY = {
    *("Query.apiTokens", "Mutation.createApiToken"),
    *("Mutation.rotateApiToken", "Mutation.changePassword", "Mutation.revokeAllSessions"),
    *("Mutation.startSecondFactor", "Mutation.confirmSecondFactor"),
    *("Mutation.disableSecondFactor", "Mutation.renewRecoveryCodes"),
    *("Query.wallScreens", "Mutation.approveWallScreen", "Mutation.revokeWallScreen"),
}
"""Fields that need a session token. An API token is refused, whatever its scopes."""
SESSION_OR_ADMIN = {"Mutation.revokeSession", "Mutation.revokeApiToken"}
"""Fields that need a session token or the scope `admin`."""
SILENT_WITHOUT_CURSOR = {"ticketEvents", "ticketStatusChanged"}
"""Subscriptions that send nothing at once unless they resume after a cursor."""


def expected_outcomes(caller: str, *, lacking: bool = False) -> dict[str, str]:
    """The outcome of every root field; `lacking` means that the token lacks the field's scope."""

    def outcome(field: str, callers: set[str], scope: str | None) -> str:
        if caller in callers:
            needs_session = field in SESSION_ONLY or (
                field in SESSION_OR_ADMIN and caller not in MANAGERS
            )
            return FORBIDDEN if lacking and (scope or needs_session) else ALLOWED
        return UNAUTHENTICATED if caller == "anonymous" else FORBIDDEN

    return {field: outcome(field, callers, scope) for field, (callers, scope) in EXPECTED.items()}


async def run_all(clients: dict[str, Client]) -> dict[str, str]:
    """The outcome of each root field. signOut runs last, because it revokes the token."""
    operations = sorted(build_operations().items(), key=lambda item: item[0].endswith("signOut"))
    return {
        field: await run_one(clients[field], field, operation) for field, operation in operations
    }


async def run_one(client: Client, root_field: str, operation: str) -> str:
    kind, _, field = root_field.partition(".")
    try:
        if kind != "Subscription":
            await client.run(operation)
            return ALLOWED
        async with client.socket() as socket:
            if field == "notifications":
                await first_notification(socket, operation)
                return ALLOWED
            if field == "jobChanged":
                operation = operation.replace(f"tkt_{MISSING_ID}", await start_job(client))
            if field == "ticketPresence":
                await socket.subscribe(
                    operation.replace(str(MISSING_ID), str((await Ticket.all())[0].id))
                )
                await socket.next(field)
                return ALLOWED
            arguments = f'(after: "{encode_cursor(0)}")' if field in SILENT_WITHOUT_CURSOR else ""
            await socket.subscribe(operation.replace(field, field + arguments, 1))
            await socket.next(field)
            return ALLOWED
    except Refused as refused:
        return str(refused.code)


async def start_job(client: Client) -> str:
    """The id of a job of the caller; of a customer if the caller may not start one."""
    ticket_id = ids.encode(ids.TICKET, (await Ticket.all())[0].id)
    query = """mutation($id: ID!) { bulkUpdateTickets(input: {
      ids: [$id], change: {priority: HIGH}}) { job { id } } }"""
    try:
        return str((await client.run(query, id=ticket_id))["bulkUpdateTickets"]["job"]["id"])
    except Refused:  # customers only export
        return await create_job_of_customer()


async def create_job_of_customer() -> str:
    job = await CallerJob.create(
        kind=JobKind.EXPORT_TICKETS,
        error_policy=JobErrorPolicy.CONTINUE,
        parameters={},
        scopes=[],
        created_by_user=await User.get(role=Role.CUSTOMER, email="cora@example.com"),
    )
    return ids.encode(ids.JOB, job.id)


async def first_notification(socket: Socket, operation: str) -> None:
    """Notify everybody until the subscription receives something: nothing confirms its start."""
    await socket.subscribe(operation)
    first = asyncio.create_task(socket.next("notifications"))
    while not first.done():
        await add_notifications((await Ticket.all())[0].id, *[user.id for user in await User.all()])
        await asyncio.wait([first], timeout=0.1)
    await first


async def token(world: World, caller: str, scopes: list[str] | None = None) -> str | None:
    if caller == "anonymous":
        return None
    if caller == "machine":
        return await api_client_token("Sync", scopes)
    person = {"customer": world.cora, "agent": world.ada, "admin": world.root}[caller]
    return await token_of(await User.get(id=person.id), scopes)


def implying(scope: str | None) -> set[str | None]:
    """The scope, those that include it, and all that suffice."""
    if scope == "users:write":
        return {scope, "admin"}
    return {None} if scope is None else set(scope.split())


async def test_every_root_field_has_an_expected_outcome() -> None:
    assert set(build_operations()) == set(EXPECTED)


@pytest.mark.parametrize("caller", sorted(EVERYONE))
async def test_each_kind_of_caller_may_use_exactly_its_fields(
    service: Service, world: World, caller: str
) -> None:
    await service.client(world.cora.token).raise_ticket()
    client = service.client(await token(world, caller))
    assert await run_all(dict.fromkeys(EXPECTED, client)) == expected_outcomes(caller)


@pytest.mark.parametrize("caller", sorted(SIGNED_IN))
async def test_a_token_without_the_scope_of_a_field_is_refused(
    service: Service, world: World, caller: str
) -> None:
    await service.client(world.cora.token).raise_ticket()
    kind = {
        "customer": CallerKind.CUSTOMER,
        "agent": CallerKind.AGENT,
        "admin": CallerKind.ADMIN,
        "machine": CallerKind.API_CLIENT,
    }[caller]
    all_scopes = {scope.value for scope in MAX_SCOPES[kind]}
    without = {
        scope: service.client(await token(world, caller, sorted(all_scopes - implying(scope))))
        for scope in {None, *(scope for _, scope in EXPECTED.values())}
    }
    clients = {field: without[scope] for field, (_, scope) in EXPECTED.items()}
    assert await run_all(clients) == expected_outcomes(caller, lacking=True)


def without_scope(scope: str | None) -> set[str | None]:
    """The scopes that a token without this one must not have: `admin` includes `users:write`."""
    return {scope, "admin"} if scope == "users:write" else {scope}


async def test_a_customers_token_is_limited_to_customer_scopes(
    service: Service, world: World
) -> None:
    """The scopes in the token's record do not count beyond those of its owner's kind."""
    forged = await token(world, "customer", [scope.value for scope in Scope])
    answer = await service.client(forged).run("{ viewer { scopes role } }")
    assert answer["viewer"] == {
        "scopes": ["events:read", "tickets:read", "tickets:write"],
        "role": "CUSTOMER",
    }
