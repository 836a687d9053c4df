"""What a customer observes of a ticket does not change by what the customer may not see.

Each test observes everything before and after an internal action: all fields of the ticket, its
lists in all orders, the log, the statistics, and live subscriptions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.client import Socket
from support.live import head_cursor
from support.ticket_commands import append_worker_events

from models.core import ids
from models.log.event import EventType
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

FIELDS = """
  id number ref externalId subject description status stage priority version tags
  escalationLevel heldUntil resolution closeReason allowedActions
  createdAt updatedAt firstRespondedAt resolvedAt closedAt
  category { slug } team { slug } requester { id } organization { id } assignee { id }
  watchers { id } resources { kind } satisfaction { score } clocks { metric status }
  links { kind ticket { id } } mergedInto { id } attachments { id }
  messages(first: 20) { totalCount nodes { id } edges { cursor }
    pageInfo { hasNextPage endCursor } }
  timeline(first: 20) { totalCount edges { cursor } nodes { id type cursor occurredAt
    deliveries { status } ... on TicketUpdated { changes { field from to } }
    ... on TicketLinked { kind other { id } } } }
"""
ORDERS = (
    "UPDATED_AT",
    "CREATED_AT",
    "NUMBER",
    "PRIORITY",
    "SLA_BREACHES_AT",
    "LAST_REPLY_AT",
    "UNTOUCHED",
)
OBSERVE = f"""query($id: ID!, $number: Int!, $staff: ID!, $since: DateTime!) {{
  ticket(id: $id) {{ {FIELDS} }}
  ticketByNumber(number: $number) {{ version }} node(id: $id) {{ ... on Ticket {{ version }} }}
  tickets {{ totalCount nodes {{ id version updatedAt }} edges {{ cursor }} }}
  watchedByStaff: tickets(filter: {{watcherId: {{eq: $staff}}}}) {{ totalCount }}
  notWatchedByStaff: tickets(filter: {{watcherId: {{nin: [$staff]}}}}) {{ totalCount }}
  watchedByNobody: tickets(filter: {{watcherId: {{null: true}}}}) {{ totalCount }}
  changedLater: tickets(filter: {{updatedAt: {{gt: $since}}}}) {{ totalCount nodes {{ id }} }}
  secretWord: tickets(filter: {{search: "zebra"}}) {{ totalCount }}
  events(first: 20) {{ totalCount nodes {{ id cursor }} pageInfo {{ hasNextPage endCursor }} }}
  ticketStats(groupBy: ASSIGNEE) {{ total open unassigned atRisk breached groups {{ key count }} }}
}}"""


@dataclass
class Scene:
    """Cora's ticket, which the internal actions concern, and another one of hers."""

    service: Service
    world: World
    ticket: dict[str, Any]
    other: dict[str, Any]
    hidden: dict[str, Any]

    @property
    def cora(self) -> Client:
        return self.service.client(self.world.cora.token)

    @property
    def ada(self) -> Client:
        return self.service.client(self.world.ada.token)

    @property
    def key(self) -> UUID:
        key = ids.key_of(ids.TICKET, self.ticket["id"])
        assert key is not None
        return key

    async def observe(self, viewer: Client | None = None) -> dict[str, Any]:
        """Everything that the customer can query."""
        client = viewer or self.cora
        since = self.other["updatedAt"]
        data = await client.run(
            OBSERVE,
            id=self.ticket["id"],
            number=self.ticket["number"],
            staff=self.world.ada.gid,
            since=since,
        )
        for field in ORDERS:
            for direction in ("ASC", "DESC"):
                order = f"{{field: {field}, direction: {direction}}}"
                query = f"""{{ tickets(first: 1, orderBy: [{order}]) {{
                  nodes {{ id }} edges {{ cursor }} pageInfo {{ hasNextPage endCursor }} }} }}"""
                data[f"{field} {direction}"] = await client.run(query)
        return data


@pytest.fixture
async def scene(service: Service, world: World) -> Scene:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket("First", externalId="K")
    other = await cora.raise_ticket("Second")
    hidden = await service.client(world.olga.token).raise_ticket("Hidden")
    return Scene(service, world, ticket, other, hidden)


async def add_note(scene: Scene) -> None:
    await scene.ada.do("addNote", ticketId=scene.ticket["id"], body="The zebra")


async def watch(scene: Scene) -> None:
    await scene.ada.do("watchTicket", ticketId=scene.ticket["id"])


async def unwatch(scene: Scene) -> None:
    await scene.ada.do("unwatchTicket", ticketId=scene.ticket["id"])


async def link_hidden(scene: Scene) -> None:
    links = {"ticketId": scene.ticket["id"], "otherId": scene.hidden["id"], "kind": "RELATED"}
    await scene.ada.do("linkTickets", **links)


async def unlink_hidden(scene: Scene) -> None:
    links = {"ticketId": scene.ticket["id"], "otherId": scene.hidden["id"]}
    await scene.ada.do("unlinkTickets", **links)


async def show_presence(scene: Scene) -> None:
    input = {"ticketId": scene.ticket["id"], "state": "WRITING", "clientKey": "w"}
    query = """mutation($input: SetPresenceInput!) { setPresence(input: $input) {
      userErrors { code } } }"""
    assert (await scene.ada.run(query, input=input))["setPresence"]["userErrors"] == []


async def take_escalation_step(scene: Scene) -> None:
    ticket = await Ticket.get(id=scene.key)
    await append_worker_events(
        ticket, EventType.ESCALATION_STEP, internal=True, path="P", step=1, action="notify_team"
    )


async def fail_to_mail(scene: Scene) -> None:
    ticket = await Ticket.get(id=scene.key)
    await append_worker_events(ticket, EventType.MAIL_FAILED, internal=True)


async def change_nothing(scene: Scene) -> None:
    await scene.ada.do("updateTicket", ticketId=scene.ticket["id"], subject="First")


Action = Callable[[Scene], Awaitable[None]]
ACTIONS: list[Action] = [
    *(add_note, watch, unwatch, link_hidden, unlink_hidden, show_presence),
    *(take_escalation_step, fail_to_mail, change_nothing),
]


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_internal_action_changes_nothing_for_customers(
    scene: Scene, action: Action
) -> None:
    carl = scene.service.client(scene.world.carl.token)
    before, colleague_before = await scene.observe(), await scene.observe(carl)
    await action(scene)
    assert await scene.observe() == before
    assert await scene.observe(carl) == colleague_before


async def test_random_internal_actions_change_nothing_for_customers(
    scene: Scene, random: Random
) -> None:
    await scene.cora.do("watchTicket", ticketId=scene.ticket["id"])
    for _ in range(5):
        await scene.ada.do("replyToTicket", ticketId=scene.ticket["id"], body="public")
        before = await scene.observe()
        for _ in range(4):
            await random.choice(ACTIONS)(scene)
        assert await scene.observe() == before


async def test_actions_on_a_ticket_that_was_shared_before_change_nothing_for_customers(
    scene: Scene,
) -> None:
    olga = scene.service.client(scene.world.olga.token)
    root = scene.service.client(scene.world.root.token)
    merge = {"ticketId": scene.hidden["id"], "intoId": scene.ticket["id"]}
    await root.do("mergeTickets", **merge, acrossRequesters=True)
    as_participant = await scene.observe(olga)
    assert as_participant["ticket"]["version"] == (await scene.observe())["ticket"]["version"]
    for action in ACTIONS:
        await action(scene)
    assert await scene.observe(olga) == as_participant
    await root.do("unmergeTicket", ticketId=scene.hidden["id"])
    before = await scene.observe()
    for name, arguments in (
        ("replyToTicket", {"body": "zebra"}),
        ("escalateTicket", {"reason": "x"}),
    ):
        await olga.do(name, ticketId=scene.hidden["id"], **arguments)
    assert await scene.observe() == before


async def test_staff_see_the_internal_actions(scene: Scene) -> None:
    query = "query($id: ID!) { ticket(id: $id) { version watchers { id } links { kind } } }"
    for action in (add_note, watch, link_hidden, unwatch):
        before = await scene.ada.run(query, id=scene.ticket["id"])
        await action(scene)
        after = await scene.ada.run(query, id=scene.ticket["id"])
        assert after["ticket"]["version"] == before["ticket"]["version"] + 1


CHANGES = """subscription { ticketChanges {
  kind cursor ticketId changedFields ticket { id version updatedAt } event { id type } } }"""
EVENTS = """subscription($after: String) { ticketEvents(after: $after) {
  id type cursor ticket { version } } }"""
STATS = "subscription { ticketStats { cursor total open unassigned } }"


async def skip_snapshot(socket: Socket, field: str) -> None:
    while (await socket.next(field))["kind"] != "SNAPSHOT_END":
        pass


async def test_an_internal_action_sends_nothing_to_customers(scene: Scene) -> None:
    async with scene.cora.socket() as changes, scene.cora.socket() as events:
        await changes.subscribe(CHANGES)
        await skip_snapshot(changes, "ticketChanges")
        # Without a cursor it would begin at the head, which can be after the reply.
        await events.subscribe(EVENTS, after=await head_cursor())
        await scene.cora.do("replyToTicket", ticketId=scene.other["id"], body="a first event")
        await changes.next("ticketChanges")
        await events.next("ticketEvents")
        for action in ACTIONS:
            await action(scene)
        sentinel = await scene.cora.do("replyToTicket", ticketId=scene.ticket["id"], body="x")
        change, event = await changes.next("ticketChanges"), await events.next("ticketEvents")
    assert event["id"] == change["event"]["id"] == sentinel["event"]["id"]
    assert change["kind"] == "UPDATED"
    assert change["ticket"]["version"] == scene.ticket["version"] + 1
    assert "watchers" not in change["changedFields"]


async def test_internal_actions_send_no_statistics_to_customers(scene: Scene) -> None:
    async with scene.cora.socket() as socket:
        await socket.subscribe(STATS)
        first = await socket.next("ticketStats")
        for action in ACTIONS:
            await action(scene)
        await scene.cora.raise_ticket("Third")
        second = await socket.next("ticketStats")
    assert (first["total"], second["total"]) == (2, 3)


async def test_customers_expect_the_public_version(scene: Scene) -> None:
    await add_note(scene)
    version = scene.ticket["version"]
    input = {"ticketId": scene.ticket["id"], "reason": "x"}
    stale = await scene.ada.mutate("escalateTicket", {**input, "expectedVersion": version})
    assert [error["current"] for error in stale["userErrors"]] == [version + 1]
    done = await scene.cora.mutate(
        "escalateTicket", {**input, "expectedVersion": version}, "publicVersion: version"
    )
    assert done["userErrors"] == []
    assert done["publicVersion"] == done["ticket"]["version"] == version + 1
    stale = await scene.cora.mutate("escalateTicket", {**input, "expectedVersion": version})
    assert [error["current"] for error in stale["userErrors"]] == [version + 1]
    assert f"now {version + 1}." in stale["userErrors"][0]["message"]


async def test_a_mutation_without_effect_does_not_reveal_a_later_note(scene: Scene) -> None:
    first = await scene.cora.do("watchTicket", ticketId=scene.ticket["id"])
    for action in (add_note, watch, take_escalation_step):
        await action(scene)
        again = await scene.cora.do("watchTicket", ticketId=scene.ticket["id"])
        assert again["cursor"] == first["cursor"]
        assert again["ticket"] == first["ticket"]


async def test_the_event_of_a_customers_watch_names_no_staff(scene: Scene) -> None:
    await watch(scene)
    payload = await scene.cora.do("watchTicket", ticketId=scene.ticket["id"])
    query = """query($id: ID!) { node(id: $id) { ... on TicketUpdated { changes { from to } } } }"""
    for client, before in ((scene.cora, ""), (scene.ada, scene.world.ada.gid)):
        (change,) = (await client.run(query, id=payload["event"]["id"]))["node"]["changes"]
        assert change["from"] == before
        assert set(change["to"].split(", ")) == {scene.world.cora.gid} | ({before} - {""})


async def test_an_api_client_sees_the_internal_version(scene: Scene) -> None:
    sync = scene.service.client(await api_client_token("Reader", ["tickets:read"]))
    query = "query($id: ID!) { ticket(id: $id) { version } }"
    await add_note(scene)
    data = await sync.run(query, id=scene.ticket["id"])
    assert data["ticket"]["version"] == scene.ticket["version"] + 1
