"""The Python client (clients/python): its operations on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from support import Service, World
from support.actors import api_client_token
from support.client import TLS
from support.live import head_cursor, log_positions
from support.loop_limits import count_pages
from support.python_client import LosesResponses
from support.service import running
from support.tcp_proxy import run_tcp_proxy

from models.log.event import encode_cursor

KEY = Fernet.generate_key().decode()
HOOK = "https://hooks.example.com/ticketwire"


class Waits(Exception):
    """The client would wait for so many seconds."""


@pytest.fixture
async def service(url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that can store files and the secrets of webhooks. No job writes events of its
    own."""
    settings = {"encryption_keys": KEY, "storage_url": f"file://{tmp_path}/storage"}
    async with running(url, **settings, run_jobs=False) as found:
        yield found


@pytest.fixture
async def network() -> AsyncIterator[LosesResponses]:
    transport = LosesResponses()
    yield transport
    await transport.aclose()


@pytest.fixture
async def client(
    ticketwire_client: ModuleType, service: Service, world: World, network: LosesResponses
) -> AsyncIterator[Any]:
    """The client of an API client with all scopes."""
    async with httpx2.AsyncClient(transport=network) as http:
        yield ticketwire_client.TicketwireClient(
            service.http, world.api_client_token, http_client=http
        )


async def create(client: Any, api: ModuleType, requester_id: str, **fields: Any) -> Any:
    values = {"subject": "VPN", "description": "down", "category": "technical"}
    input = api.CreateTicketInput(**values, requester_id=requester_id, **fields)
    return await client.create_ticket(input)


async def test_every_operation_returns_a_typed_result(
    ticketwire_client: ModuleType, client: Any, service: Service, world: World
) -> None:
    api = ticketwire_client
    executed: set[str | None] = set()
    execute = client.execute

    async def record(query: str, operation_name: str, variables: dict[str, Any]) -> Any:
        executed.add(operation_name)
        return await execute(query, operation_name, variables)

    client.execute = record
    viewer = await client.get_viewer()
    assert (viewer.user, viewer.api_client.display_name) == (None, "Sync")
    user = (
        await client.upsert_user(
            api.UpsertUserInput(external_id="u1", email="u@x.example", display_name="U")
        )
    ).user
    assert (user.external_id, user.role) == ("u1", api.Role.CUSTOMER)
    rows = [
        api.UserRowInput(external_id="u2", email="v@x.example", display_name="V"),
        api.UserRowInput(email=""),
    ]
    stored, refused = (await client.upsert_users(api.UpsertUsersInput(users=rows))).results
    assert (stored.user.external_id, stored.user_errors, refused.user) == ("u2", [], None)
    assert isinstance(refused.user_errors[0], api.UserError)
    name = api.UpsertOrganizationInput(external_id="o1", name="Acme GmbH")
    assert (await client.upsert_organization(name)).organization.name == "Acme GmbH"
    assert {each.slug for each in await client.list_teams()} == {"support", "sales", "billing"}
    categories = {each.slug: each.team.slug for each in await client.list_categories()}
    assert categories["technical"] == "support"
    assert user.id in {each.id for each in (await client.list_users(role=api.Role.CUSTOMER)).nodes}

    payload = await create(client, api, user.id, external_id="t1", priority=api.TicketPriority.HIGH)
    ticket = payload.ticket
    assert (ticket.id, ticket.ref, ticket.version) == (
        *(payload.ticket_id, payload.ref, payload.version),
    )
    assert (ticket.status, ticket.requester.id) == (api.TicketStatus.NEW, user.id)
    assert datetime.now(UTC) - ticket.created_at < timedelta(hours=1)
    for found in (
        await client.get_ticket(ticket.id),
        await client.get_ticket_by_number(ticket.number),
        await client.get_ticket_by_external_id("t1"),
    ):
        assert found == ticket
    assert await client.get_ticket("tkt_00000000-0000-7000-8000-000000000000") is None
    matching = api.TicketFilter(
        status=api.StatusFilter(in_=[api.TicketStatus.NEW]),
        created_at=api.DateTimeFilter(within=timedelta(days=2)),
        not_=api.TicketFilter(priority=api.PriorityFilter(eq=api.TicketPriority.LOW)),
    )
    assert (await client.list_tickets(filter=matching, first=5)).nodes == [ticket]
    nodes = await client.get_nodes([ticket.id, user.id, "usr_00000000-0000-7000-8000-000000000000"])
    assert isinstance(nodes[0], api.Ticket)
    assert isinstance(nodes[1], api.User)
    assert nodes[2] is None

    def action(**fields: Any) -> Any:
        return api.TicketActionInput(ticket_id=ticket.id, **fields)

    async def status_after(payload: Any) -> str:
        assert payload.user_errors == []
        return str(payload.ticket.status.value)

    upsert = api.UpsertTicketInput(external_id="t1", subject="VPN is down")
    assert (await client.upsert_ticket(upsert)).ticket.subject == "VPN is down"
    update = api.UpdateTicketInput(ticket_id=ticket.id, add_tags=["vpn"])
    assert (await client.update_ticket(update)).ticket.tags == ["vpn"]
    transfer = api.TransferTicketInput(ticket_id=ticket.id, team="billing")
    assert (await client.transfer_ticket(transfer)).ticket.team.slug == "billing"
    assert await status_after(await client.start_ticket(action())) == "OPEN"
    assign = api.AssignTicketInput(ticket_id=ticket.id, assignee_id=world.ada.gid)
    assert (await client.assign_ticket(assign)).ticket.assignee.id == world.ada.gid
    assert await status_after(await client.await_customer(action())) == "WAITING_ON_CUSTOMER"
    assert await status_after(await client.resume_ticket(action())) == "OPEN"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    held = await client.hold_ticket(api.HoldTicketInput(ticket_id=ticket.id, until=tomorrow))
    assert abs(held.ticket.held_until - tomorrow) < timedelta(milliseconds=1)
    escalate = api.EscalateTicketInput(ticket_id=ticket.id, reason="the plant stands still")
    assert (await client.escalate_ticket(escalate)).ticket.escalation_level == 1
    reply = await client.reply_to_ticket(api.ReplyToTicketInput(ticket_id=ticket.id, body="Hello"))
    assert (reply.reply.body, reply.reply.author.display_name) == ("Hello", "Sync")
    file = await client.upload_attachment(b"Hello", filename="a.txt")
    internal = api.AddNoteInput(ticket_id=ticket.id, body="Internal", attachment_ids=[file.id])
    note = await client.add_note(internal)
    assert (note.note.body, note.note.typename__) == ("Internal", "Note")
    assert (note.note.attachments, reply.reply.attachments) == ([file], [])
    assert (await client.list_attachments(ticket.id)).attachments == [], "it is of the note"
    assert [each async for each in client.all_messages(ticket.id)] == [reply.reply, note.note]
    assert (await client.list_messages(ticket.id)).messages.nodes == [reply.reply, note.note]
    resolve = api.ResolveTicketInput(ticket_id=ticket.id, resolution="Replaced the router")
    assert await status_after(await client.resolve_ticket(resolve)) == "RESOLVED"
    close = api.CloseTicketInput(ticket_id=ticket.id)
    assert await status_after(await client.close_ticket(close)) == "CLOSED"
    reopen = api.ReopenTicketInput(ticket_id=ticket.id, reason="down again")
    assert await status_after(await client.reopen_ticket(reopen)) == "OPEN"
    events = (await client.list_events()).nodes
    assert [each.cursor for each in events] == [encode_cursor(at) for at in await log_positions()]
    await use_webhooks(client, api, events[0].cursor)

    (generated,) = [each for each in type(client).__mro__ if each.__name__ == "GeneratedClient"]
    methods = {name for name in vars(generated) if not name.startswith("_")}
    names = {"".join(part.title() for part in name.split("_")) for name in methods}
    assert executed - {None} == names, "this test calls every operation"


async def use_webhooks(client: Any, api: ModuleType, start: str) -> None:
    created = await client.create_webhook(
        api.CreateWebhookInput(url=HOOK, types=[api.TicketEventType.STATUS_CHANGED])
    )
    assert created.secret.startswith("whsec_")
    webhook = created.webhook
    assert await client.list_webhooks() == [webhook]
    assert await client.get_webhook(webhook.id) == webhook
    for state in (api.WebhookState.PAUSED, api.WebhookState.ACTIVE):
        update = api.UpdateWebhookInput(webhook_id=webhook.id, state=state)
        assert (await client.update_webhook(update)).webhook.state is state
    secret = await client.rotate_webhook_secret(api.RotateWebhookSecretInput(webhook_id=webhook.id))
    assert secret.secret != created.secret
    replay = api.ReplayWebhookInput(webhook_id=webhook.id, after=start)
    count = (await client.replay_webhook(replay)).events
    gaps = await client.list_webhook_gaps(webhook.id, first=100)
    assert count > 0
    assert {each.type for each in gaps.nodes} <= {api.TicketEventType.STATUS_CHANGED}
    assert [each async for each in client.all_webhook_gaps(webhook.id, page_size=1)] == gaps.nodes
    ping = await client.ping_webhook(api.PingWebhookInput(webhook_id=webhook.id))
    assert ping.attempt.milliseconds >= 0
    with pytest.raises(api.MutationRefused):
        await client.redeliver_webhook(api.RedeliverWebhookInput(delivery_id="whd_1"))
    deleted = await client.delete_webhook(api.DeleteWebhookInput(webhook_id=webhook.id))
    assert deleted.deleted_id == webhook.id
    with pytest.raises(api.NotFoundError):
        [each async for each in client.all_webhook_gaps(webhook.id)]


async def test_lists_are_read_to_their_end_with_the_cursor_of_the_first_page(
    ticketwire_client: ModuleType, client: Any, world: World
) -> None:
    api = ticketwire_client
    for _ in range(5):
        await create(client, api, world.cora.gid)
    tickets = client.all_tickets(page_size=2)
    assert tickets.cursor is None
    before = await client.head_cursor()
    numbers = []
    pages = count_pages(20)
    async for ticket in tickets:
        next(pages)
        numbers.append(ticket.number)
        if len(numbers) == 1:
            await create(client, api, world.cora.gid)
    assert numbers == sorted(numbers)
    assert len(numbers) == 6, "the ticket that was created while the list was read is its last one"
    assert before <= tickets.cursor < await head_cursor()
    events = [each async for each in client.all_events(tickets.cursor, page_size=1)]
    assert [each.cursor for each in events][-1] == await head_cursor()
    names = [each.display_name async for each in client.all_users(page_size=2)]
    assert {"Cora", "Ada", "Root"} <= set(names)


async def test_a_refused_mutation_raises_its_user_errors_and_changes_nothing(
    ticketwire_client: ModuleType, client: Any, service: Service, world: World
) -> None:
    api = ticketwire_client
    ticket = (await create(client, api, world.cora.gid)).ticket
    before = await log_positions()
    with pytest.raises(api.MutationRefused) as refused:
        await client.create_ticket(
            api.CreateTicketInput(
                subject=" ", description="?", category="none", requester_id=world.cora.gid
            )
        )
    assert set(refused.value.codes) >= {"REQUIRED"}
    assert refused.value.errors[0].field == ["input", "subject"]
    stale = api.UpdateTicketInput(ticket_id=ticket.id, add_tags=["x"], expected_version=7)
    with pytest.raises(api.MutationRefused) as refused:
        await client.update_ticket(stale)
    (error,) = refused.value.errors
    assert isinstance(error, api.StaleVersion)
    assert (error.current, error.code) == (ticket.version, api.UserErrorCode.STALE_VERSION)
    with pytest.raises(api.MutationRefused) as refused:
        await client.reopen_ticket(api.ReopenTicketInput(ticket_id=ticket.id, reason="again"))
    (error,) = refused.value.errors
    assert isinstance(error, api.TransitionRefused)
    assert (error.from_, error.action) == (api.TicketStatus.NEW, "REOPEN")
    assert "RESOLVE" in error.allowed
    assert await log_positions() == before
    unseen = api.ReplyToTicketInput(
        ticket_id=ticket.id, body="Hello", last_seen_cursor=encode_cursor(before[-1])
    )
    await service.client(world.ada.token).mutate(
        "replyToTicket", {"ticketId": ticket.id, "body": "First"}
    )
    with pytest.raises(api.MutationRefused) as refused:
        await client.reply_to_ticket(unseen)
    (error,) = refused.value.errors
    assert isinstance(error, api.UnseenMessages)
    assert [each.body for each in error.messages] == ["First"]


async def test_request_errors_have_classes_of_their_own(
    ticketwire_client: ModuleType, service: Service, world: World
) -> None:
    api = ticketwire_client
    reader = await api_client_token("Reader", ["tickets:read"])
    async with httpx2.AsyncClient(verify=TLS) as http:

        def client(token: Any, url: str = service.http) -> Any:
            return api.TicketwireClient(url, token, http_client=http)

        with pytest.raises(api.AuthenticationError) as error:
            await client("twk_unknown").get_viewer()
        assert error.value.code == "UNAUTHENTICATED"
        assert error.value.request_id
        with pytest.raises(api.PermissionDeniedError):
            await client(reader).list_users()
        with pytest.raises(api.CursorInvalidError):
            await client(world.api_client_token).list_events(after="nonsense")
        with pytest.raises(api.RequestError) as error:
            await client(world.api_client_token).list_tickets(first=1000)
        assert error.value.code == "BAD_REQUEST"
        with pytest.raises(api.NotFoundError):
            [each async for each in client(reader).all_messages("tkt_1")]
        with pytest.raises(api.UnexpectedResponseError) as error:
            await client(reader, service.http.replace("/graphql", "/health")).get_viewer()
        assert error.value.status == 405
        assert await client(reader).head_cursor() == await head_cursor()
        tokens = iter(["twk_unknown", reader])
        renewed = client(lambda: next(tokens))
        with pytest.raises(api.AuthenticationError):
            await renewed.get_viewer()
        assert (await renewed.get_viewer()).scopes == ["tickets:read"]
    with pytest.raises(ValueError, match="http"):
        api.TicketwireClient("tickets.example.com/graphql", "t")


async def test_a_mutation_whose_response_is_lost_is_executed_once(
    ticketwire_client: ModuleType, client: Any, world: World, network: LosesResponses
) -> None:
    api = ticketwire_client
    network.count = 2
    payload = await create(client, api, world.cora.gid)
    assert (network.sent, payload.replayed) == (3, True)
    assert [each.id async for each in client.all_tickets()] == [payload.ticket_id]
    network.count = 1
    assert (await client.get_viewer()).scopes, "queries are repeated, too"


async def test_a_mutation_that_is_given_up_can_be_repeated_with_its_key(
    ticketwire_client: ModuleType, client: Any, world: World, network: LosesResponses
) -> None:
    api = ticketwire_client
    client.retry_seconds = 0
    network.count = 1
    with pytest.raises(api.NetworkError) as error:
        await create(client, api, world.cora.gid)
    assert error.value.was_sent
    key = error.value.idempotency_key
    payload = await create(client, api, world.cora.gid, idempotency_key=key)
    assert payload.replayed
    with pytest.raises(api.MutationRefused) as refused:
        await create(client, api, world.cora.gid, idempotency_key=key, external_id="other")
    assert refused.value.codes == [api.UserErrorCode.IDEMPOTENCY_KEY_REUSED]
    assert len([each async for each in client.all_tickets()]) == 1


async def test_a_mutation_without_a_key_is_not_repeated(
    ticketwire_client: ModuleType, client: Any, network: LosesResponses
) -> None:
    api = ticketwire_client
    network.count = 1
    with pytest.raises(api.NetworkError) as error:
        await client.upsert_users(
            api.UpsertUsersInput(users=[api.UserRowInput(external_id="u1", email="u@x.example")])
        )
    assert (network.sent, error.value.was_sent, error.value.idempotency_key) == (1, True, None)


async def test_a_request_waits_until_the_server_is_back(
    ticketwire_client: ModuleType, service: Service, world: World
) -> None:
    api = ticketwire_client
    async with run_tcp_proxy(service.port) as proxy, httpx2.AsyncClient(verify=TLS) as http:
        client = api.TicketwireClient(proxy.http, world.api_client_token, http_client=http)
        proxy.cut()
        client.retry_seconds = 0
        with pytest.raises(api.NetworkError):
            await client.get_viewer()
        client.retry_seconds = 60

        async def mend() -> None:
            while proxy.accepted < 3:
                await asyncio.sleep(0.01)
            proxy.mend()

        _, payload = await asyncio.gather(mend(), create(client, api, world.cora.gid))
        assert payload.ticket_id
        proxy.freeze()
        client.retry_seconds, client.timeout_seconds = 0, 0.2
        with pytest.raises(api.NetworkError, match="Timeout"):
            await client.get_viewer()


async def test_a_rate_limited_operation_waits_as_long_as_the_server_asks(
    ticketwire_client: ModuleType, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = ticketwire_client
    limits = {"max_operation_cost": 5000, "cost_bucket_size": 5000, "cost_refill_per_second": 1}

    async def stop(seconds: float) -> None:
        raise Waits(seconds)

    monkeypatch.setattr(f"{api.__name__}.operations.sleep", stop)
    async with running(url, **limits) as service, httpx2.AsyncClient(verify=TLS) as http:
        world = await World.make()
        client = api.TicketwireClient(service.http, world.api_client_token, http_client=http)

        async def read_until_refused() -> None:
            for _ in count_pages(100):
                await client.list_tickets(first=100)

        client.retry_seconds = 100_000
        with pytest.raises(Waits) as waits:
            await read_until_refused()
        assert waits.value.args[0] > 10, "the bucket is refilled by one per second"
        client.retry_seconds = 10
        with pytest.raises(api.RateLimitedError) as error:
            await read_until_refused()
        assert error.value.retry_after_seconds > 10
