"""A record that the caller may not see gets the same answers as a record that does not exist."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, person, token_of
from support.assert_unchanged import assert_nothing_stored
from support.statements import statements

from models.core import ids
from models.log.event import Event
from models.people.user import Organization, Role, User
from models.tickets.attachment import Attachment
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketParticipant

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

MISSING_TICKET = ids.encode(ids.TICKET, UUID(int=7))
WORDS = ("zebra", "walrus", "gecko")
"""One in the subject, one in a reply and one in a note of the secret ticket."""


@dataclass
class Secret:
    """A ticket of Cora's with messages, events and attachments. Olga may not see it."""

    id: str
    number: int
    event: str
    reply: str
    note: str
    note_event: str
    attachments: list[str]


@pytest.fixture
async def secret(service: Service, world: World) -> Secret:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    created = await cora.do(
        "createTicket",
        subject="The zebra",
        description="x",
        category="technical",
        tags=["a"],
        externalId="K-1",
    )
    ticket = created["ticket"]
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    reply = await ada.do("replyToTicket", ticketId=ticket["id"], body="The walrus")
    note = await ada.do("addNote", ticketId=ticket["id"], body="The gecko")
    key = UUID(ticket["id"].removeprefix("tkt_"))
    message = await Message.get(ticket_id=key, kind=MessageKind.NOTE)
    common = {"ticket_id": key, "content_type": "text/plain", "size": 1, "sha256": "0" * 64}
    files = [
        await Attachment.create(filename="a", **common),
        await Attachment.create(filename="b", message=message, **common),
    ]
    return Secret(
        ticket["id"],
        ticket["number"],
        created["event"]["id"],
        reply["reply"]["id"],
        note["note"]["id"],
        note["event"]["id"],
        [ids.encode(ids.ATTACHMENT, file.id) for file in files],
    )


LOOK_UP = """query($id: ID!, $number: Int!, $key: String!, $ids: [ID!]!, $filter: TicketFilter!) {
  ticket(id: $id) { id } ticketByNumber(number: $number) { id }
  ticketByExternalId(externalId: $key) { id }
  node(id: $id) { __typename } nodes(ids: $ids) { __typename }
  tickets(filter: $filter) {
    totalCount nodes { id } edges { cursor } pageInfo { hasNextPage startCursor } }
  ticketStats(filter: $filter, groupBy: ASSIGNEE) {
    total open unassigned oldestOpenAt groups { key } }
  events(filter: $filter) { totalCount nodes { id } pageInfo { endCursor } }
}"""


async def look_up(client: Client, id: str, number: int, key: str, *more: str) -> dict[str, Any]:
    variables = {
        "id": id,
        "number": number,
        "key": key,
        "ids": [id, *more],
        "filter": {"number": {"eq": number}},
    }
    return await client.run(LOOK_UP, **variables)


async def test_another_customers_ticket_looks_like_a_missing_ticket(
    service: Service, world: World, secret: Secret
) -> None:
    secret_ids = [secret.event, secret.reply, secret.note, secret.note_event, *secret.attachments]
    missing_ids = [
        "evt_999",
        *(ids.encode(kind, UUID(int=7)) for kind in ("msg", "msg")),
        "evt_998",
        *(["att_" + str(UUID(int=7))] * 2),
    ]
    olga = service.client(world.olga.token)
    assert await look_up(olga, secret.id, secret.number, "K-1", *secret_ids) == await look_up(
        olga, MISSING_TICKET, 999_999, "no", *missing_ids
    )
    data = await look_up(
        service.client(world.cora.token), secret.id, secret.number, "K-1", *secret_ids
    )
    assert (
        data["ticket"] == data["ticketByNumber"] == data["ticketByExternalId"] == {"id": secret.id}
    )
    kinds = [each and each["__typename"] for each in data["nodes"]]
    assert kinds == ["Ticket", "TicketCreated", "Reply", None, None, "Attachment", None]
    assert data["tickets"]["totalCount"] == data["ticketStats"]["total"] == 1
    assert data["events"]["totalCount"] == 4


async def test_a_hidden_record_costs_the_same_statements_as_a_missing_one(
    service: Service, world: World, secret: Secret
) -> None:
    olga = service.client(world.olga.token)

    async def run_counted(query: str, **variables: Any) -> list[str]:
        with statements() as sent:
            await olga.run(query, **variables)
        return sent.texts

    await olga.run("{ viewer { role } }")  # only the first request looks up her token
    for query, hidden, missing in (
        ("query($x: ID!) { ticket(id: $x) { id } }", secret.id, MISSING_TICKET),
        ("query($x: Int!) { ticketByNumber(number: $x) { id } }", secret.number, 999_999),
        ("query($x: String!) { ticketByExternalId(externalId: $x) { id } }", "K-1", "no"),
        ("query($x: ID!) { node(id: $x) { id } }", secret.id, MISSING_TICKET),
        (
            "query($x: ID!) { node(id: $x) { id } }",
            secret.note,
            ids.encode(ids.MESSAGE, UUID(int=7)),
        ),
        ("query($x: ID!) { node(id: $x) { id } }", secret.event, "evt_999"),
    ):
        texts = await run_counted(query, x=hidden)
        assert len(texts) > 1
        assert texts == await run_counted(query, x=missing), query


CUSTOMER_MUTATIONS: dict[str, dict[str, Any]] = {
    "closeTicket": {},
    "reopenTicket": {"reason": "x"},
    "escalateTicket": {"reason": "x"},
    "rateTicket": {"score": 3},
    "watchTicket": {},
    "unwatchTicket": {},
    "replyToTicket": {"body": "x"},
}
STAFF_MUTATIONS: dict[str, dict[str, Any]] = {
    "updateTicket": {"subject": "x"},
    "assignTicket": {},
    "transferTicket": {"team": "billing"},
    "startTicket": {},
    "awaitCustomer": {},
    "holdTicket": {},
    "resumeTicket": {},
    "resolveTicket": {"resolution": "x"},
    "addNote": {"body": "x"},
}


async def test_mutations_refuse_a_hidden_ticket_like_a_missing_one(
    service: Service, world: World, secret: Secret
) -> None:
    olga = service.client(world.olga.token)
    async with assert_nothing_stored():
        for name, fields in CUSTOMER_MUTATIONS.items():
            hidden = await olga.mutate(
                name,
                {"ticketId": secret.id, "expectedVersion": 99, "idempotencyKey": "k", **fields},
            )
            missing = await olga.mutate(
                name,
                {
                    "ticketId": MISSING_TICKET,
                    "expectedVersion": 99,
                    "idempotencyKey": "k",
                    **fields,
                },
            )
            assert hidden == missing, name
            assert [(error["code"], error["field"]) for error in hidden["userErrors"]] == [
                ("NOT_FOUND", ["input", "ticketId"])
            ], name


async def test_a_mutation_of_a_hidden_ticket_costs_the_same_statements(
    service: Service, world: World, secret: Secret
) -> None:
    olga = service.client(world.olga.token)

    async def run_counted(name: str, ticket_id: str, fields: dict[str, Any]) -> list[str]:
        with statements() as sent:
            await olga.mutate(name, {"ticketId": ticket_id, "idempotencyKey": "k", **fields})
        return sent.texts

    await olga.run("{ viewer { role } }")  # only the first request looks up her token
    for name, fields in CUSTOMER_MUTATIONS.items():
        texts = await run_counted(name, secret.id, fields)
        assert any("FROM tickets" in text for text in texts), name
        assert texts == await run_counted(name, MISSING_TICKET, fields), name


async def test_write_scopes_alone_do_not_show_the_changed_ticket(
    service: Service, world: World, secret: Secret
) -> None:
    write_only = service.client(await api_client_token("Blind", ["tickets:write", "notes:write"]))
    with pytest.raises(Refused, match="FORBIDDEN"):
        await write_only.run("query($id: ID!) { ticket(id: $id) { id } }", id=secret.id)
    for name, fields in STAFF_MUTATIONS.items():
        input = {"ticketId": secret.id, **fields}
        payload = await write_only.mutate(name, input, "ticketId ref version")
        codes = [error["code"] for error in payload["userErrors"]]
        assert codes in ([], ["TRANSITION_REFUSED"]), (name, codes)
        assert payload["ticket"] is payload["event"] is None, name
        if not codes:
            assert payload["ticketId"] == secret.id
            assert payload["ref"] == f"TKT-{secret.number}"
            assert payload["version"] >= 1
            assert payload["cursor"] is not None


async def test_mutations_of_two_tickets_name_the_one_that_is_not_found(
    service: Service, world: World, secret: Secret
) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    async with assert_nothing_stored():
        for name, other, more in (
            ("linkTickets", "otherId", {"kind": "RELATED"}),
            ("unlinkTickets", "otherId", {}),
            ("mergeTickets", "intoId", {}),
        ):
            for tickets, field in (
                ({"ticketId": secret.id, other: MISSING_TICKET}, other),
                ({"ticketId": MISSING_TICKET, other: secret.id}, "ticketId"),
            ):
                payload = await ada.mutate(name, {**tickets, **more})
                assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
                    ("NOT_FOUND", ["input", field])
                ]
        new = {"subject": "s", "description": "d", "category": "sales"}
        hidden = await olga.mutate("createTicket", {**new, "followUpOf": secret.id})
        assert hidden == await olga.mutate("createTicket", {**new, "followUpOf": MISSING_TICKET})
        assert [(error["code"], error["field"]) for error in hidden["userErrors"]] == [
            ("NOT_FOUND", ["input", "followUpOf"])
        ]


async def test_links_and_merges_do_not_reveal_hidden_tickets(
    service: Service, world: World, secret: Secret
) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    mine = await olga.raise_ticket("Mine")
    ended = await olga.raise_ticket("Ended")
    await ada.do("linkTickets", ticketId=mine["id"], otherId=secret.id, kind="CHILD_OF")
    root = service.client(world.root.token)
    await root.do("mergeTickets", ticketId=ended["id"], intoId=secret.id, acrossRequesters=True)
    await TicketParticipant.all().delete()  # as after a merge by a version without participants
    await ada.do("linkTickets", ticketId=mine["id"], otherId=ended["id"], kind="RELATED")
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket {
      links { kind ticket { id } } mergedInto { id }
      timeline { nodes { __typename ... on TicketLinked { kind other { id } }
        ... on TicketMerged { fromTicket { id } into { id } } } }
    } } }"""
    about_mine, about_ended = (await olga.run(query, ids=[mine["id"], ended["id"]]))["nodes"]
    assert about_mine["links"] == [{"kind": "RELATED", "ticket": {"id": ended["id"]}}]
    linked = [
        each for each in about_mine["timeline"]["nodes"] if each["__typename"] == "TicketLinked"
    ]
    assert [each["other"] for each in linked] == [{"id": ended["id"]}]
    assert about_ended["mergedInto"] is None
    merged = [
        each for each in about_ended["timeline"]["nodes"] if each["__typename"] == "TicketMerged"
    ]
    assert [(each["fromTicket"], each["into"]) for each in merged] == [(None, None)]
    seen = (await ada.run(query, ids=[mine["id"], ended["id"]]))["nodes"]
    assert len(seen[0]["links"]) == 2
    assert seen[1]["mergedInto"] == {"id": secret.id}


NOTES = """query($id: ID!, $note: ID!, $noteEvent: ID!, $word: String!) {
  ticket(id: $id) {
    messages { totalCount nodes { __typename body } }
    last: messages(last: 1) { nodes { body } pageInfo { hasPreviousPage hasNextPage } }
    timeline { totalCount nodes { type } }
    notes: timeline(types: [NOTE_ADDED]) { totalCount nodes { id } }
  }
  events { totalCount nodes { type } } noted: events(types: [NOTE_ADDED]) { totalCount }
  message: node(id: $note) { id } event: node(id: $noteEvent) { id }
  tickets(filter: { search: $word }) { totalCount nodes { id } }
  ticketStats(filter: { search: $word }) { total }
}"""


async def test_customers_see_no_notes_in_any_field(
    service: Service, world: World, secret: Secret
) -> None:
    variables = {
        "id": secret.id,
        "note": secret.note,
        "noteEvent": secret.note_event,
        "word": WORDS[2],
    }
    cora = await service.client(world.cora.token).run(NOTES, **variables)
    assert "gecko" not in json.dumps(cora)
    assert "NOTE_ADDED" not in json.dumps(cora)
    assert cora["ticket"]["messages"] == {
        "totalCount": 1,
        "nodes": [{"__typename": "Reply", "body": "The walrus"}],
    }
    assert cora["ticket"]["last"] == {
        "nodes": [{"body": "The walrus"}],
        "pageInfo": {"hasPreviousPage": False, "hasNextPage": False},
    }
    assert cora["ticket"]["timeline"]["totalCount"] == len(cora["ticket"]["timeline"]["nodes"]) == 4
    assert cora["ticket"]["notes"] == {"totalCount": 0, "nodes": []}
    assert cora["events"]["totalCount"] == 4
    assert cora["noted"] == {"totalCount": 0}
    assert cora["message"] is cora["event"] is None
    assert cora["tickets"] == {"totalCount": 0, "nodes": []}
    assert cora["ticketStats"] == {"total": 0}
    for name, client in (
        ("ada", service.client(world.ada.token)),
        ("machine", service.client(world.api_client_token)),
    ):
        seen = await client.run(NOTES, **variables)
        assert seen["ticket"]["messages"]["totalCount"] == 2, name
        assert (
            seen["ticket"]["notes"]["totalCount"]
            == seen["noted"]["totalCount"]
            == seen["tickets"]["totalCount"]
            == 1
        ), name
        assert seen["message"] == {"id": secret.note}, name
        assert seen["event"] == {"id": secret.note_event}, name


async def test_staff_and_api_clients_without_notes_read_see_no_notes(
    service: Service, world: World, secret: Secret
) -> None:
    scopes = ["tickets:read", "events:read", "tickets:write"]
    variables = {
        "id": secret.id,
        "note": secret.note,
        "noteEvent": secret.note_event,
        "word": WORDS[2],
    }
    for token in (
        await api_client_token("Reader", scopes),
        await token_of(await User.get(id=world.ada.id), scopes),
    ):
        seen = await service.client(token).run(NOTES, **variables)
        assert seen["ticket"]["messages"]["totalCount"] == 1
        assert seen["message"] is seen["event"] is None
        assert seen["tickets"]["totalCount"] == seen["noted"]["totalCount"] == 0


async def test_search_finds_only_text_that_the_caller_may_read(
    service: Service, world: World, secret: Secret
) -> None:
    async def count_matches(token: str, word: str) -> int:
        data = await service.client(token).run(
            "query($w: String!) { tickets(filter: {search: $w}) { totalCount } }", w=word
        )
        return int(data["tickets"]["totalCount"])

    counts = {
        token: [await count_matches(token, word) for word in WORDS]
        for token in (world.cora.token, world.olga.token, world.ada.token)
    }
    assert counts == {
        world.cora.token: [1, 1, 0],
        world.olga.token: [0, 0, 0],
        world.ada.token: [1, 1, 1],
    }


async def test_members_see_each_others_tickets_only_in_a_shared_account(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    shared, own = await cora.raise_ticket(), await olga.raise_ticket()
    for client, ticket, count in (
        (carl, shared, 1),
        (otto, own, 0),
        (olga, own, 1),
        (olga, shared, 0),
    ):
        data = await look_up(client, ticket["id"], ticket["number"], "-")
        assert (
            data["ticket"] is not None,
            data["tickets"]["totalCount"],
            data["events"]["totalCount"],
        ) == (
            bool(count),
            count,
            count,
        )
    payload = await carl.do("escalateTicket", ticketId=shared["id"], reason="We all wait.")
    assert payload["ticket"]["escalationLevel"] == 1
    await Organization.filter(name="Acme").update(shared=False)
    assert (await look_up(carl, shared["id"], shared["number"], "-"))["ticket"] is None
    assert await carl.refusal_codes("escalateTicket", ticketId=shared["id"], reason="x") == [
        "NOT_FOUND"
    ]
    assert (await look_up(cora, shared["id"], shared["number"], "-"))["ticket"] is not None


async def test_customers_without_an_account_share_no_tickets(
    service: Service, world: World
) -> None:
    sole, other = await person("sole"), await person("other")
    ticket = await service.client(sole.token).raise_ticket()
    data = await look_up(service.client(other.token), ticket["id"], ticket["number"], "-")
    assert data["tickets"]["totalCount"] == 0
    assert await service.client(other.token).refusal_codes(
        "closeTicket", ticketId=ticket["id"]
    ) == ["NOT_FOUND"]


PEOPLE = """query($id: ID!) {
  ticket(id: $id) { requester { email } assignee { email } watchers { email } }
  viewer { user { email } } }"""


async def test_an_email_is_visible_to_its_owner_and_with_users_read(
    service: Service, world: World, secret: Secret
) -> None:
    await service.client(world.carl.token).do("watchTicket", ticketId=secret.id)

    async def read_emails(token: str) -> list[str | None]:
        data = await service.client(token).run(PEOPLE, id=secret.id)
        ticket = data["ticket"]
        own = (data["viewer"]["user"] or {}).get("email")
        return [
            ticket["requester"]["email"],
            ticket["assignee"]["email"],
            ticket["watchers"][0]["email"],
            own,
        ]

    everyone = ["cora@example.com", "ada@example.com", "carl@example.com"]
    assert await read_emails(world.cora.token) == [
        "cora@example.com",
        None,
        None,
        "cora@example.com",
    ]
    assert await read_emails(world.carl.token) == [
        None,
        None,
        "carl@example.com",
        "carl@example.com",
    ]
    assert await read_emails(world.ada.token) == [*everyone, "ada@example.com"]
    assert await read_emails(world.api_client_token) == [*everyone, None]
    assert await read_emails(await api_client_token("Blind", ["tickets:read"])) == [
        None,
        None,
        None,
        None,
    ]
    without_people = await token_of(await User.get(id=world.bill.id), ["tickets:read"])
    assert await read_emails(without_people) == [None, None, None, "bill@example.com"]


async def test_customers_find_only_their_own_account_and_its_members_by_id(
    service: Service, world: World
) -> None:
    acme, other = await Organization.get(name="Acme"), await Organization.get(name="Other")
    requested = [
        world.cora.gid,
        world.carl.gid,
        world.olga.gid,
        world.ada.gid,
        f"org_{acme.id}",
        f"org_{other.id}",
    ]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on User { email } } }"
    seen = (await service.client(world.cora.token).run(query, ids=requested))["nodes"]
    assert [each and each["id"] for each in seen] == [
        world.cora.gid,
        world.carl.gid,
        None,
        None,
        f"org_{acme.id}",
        None,
    ]
    assert [each and each.get("email") for each in seen[:2]] == ["cora@example.com", None]
    data = await service.client(world.olga.token).run(query, ids=[world.otto.gid, world.olga.gid])
    unshared = data["nodes"]
    assert unshared == [None, {"id": world.olga.gid, "email": "olga@example.com"}]
    assert all((await service.client(world.ada.token).run(query, ids=requested))["nodes"])


async def test_customers_see_neither_api_client_scopes_nor_team_members(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    raised = await service.client(world.api_client_token).do(
        "createTicket",
        subject="s",
        description="d",
        category="technical",
        requesterId=world.cora.gid,
    )
    key = raised["ticket"]["id"]
    query = """query($id: ID!) { teams { slug members { displayName } }
      ticket(id: $id) { team { members { id } }
        timeline { nodes { actor { ... on ApiClient { displayName scopes } } } } } }"""
    seen = await cora.run(query, id=key)
    assert [team["members"] for team in seen["teams"]] == [[], [], []]
    assert seen["ticket"]["team"]["members"] == []
    assert seen["ticket"]["timeline"]["nodes"] == [{"actor": {"displayName": "Sync", "scopes": []}}]
    staff = await service.client(world.ada.token).run(query, id=key)
    members = {
        team["slug"]: [each["displayName"] for each in team["members"]] for team in staff["teams"]
    }
    assert members == {"billing": ["Bill"], "sales": [], "support": ["Ada"]}
    assert len(staff["ticket"]["timeline"]["nodes"][0]["actor"]["scopes"]) == 9


async def test_customers_see_no_details_of_people_and_organizations_that_they_can_not_look_up(
    service: Service, world: World
) -> None:
    olga, cora = service.client(world.olga.token), service.client(world.cora.token)
    root = service.client(world.root.token)
    await Organization.filter(name="Acme").update(external_id="acme-1")
    await Organization.filter(name="Other").update(external_id="other-1")
    gone, kept = (await olga.raise_ticket())["id"], (await cora.raise_ticket())["id"]
    await root.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    await root.do("assignTicket", ticketId=kept, assigneeId=world.ada.gid)
    query = """query($id: ID!) { ticket(id: $id) {
      organization { name shared externalId }
      requester { displayName role organization { externalId } }
      participants { displayName organization { externalId } }
      assignee { displayName role teams { slug } } } }"""
    acme = {"name": "Acme", "shared": True, "externalId": "acme-1"}
    assignee = {"displayName": "Ada", "role": "AGENT", "teams": []}
    hidden = {"organization": None}
    cora_seen = {"displayName": "Cora", "role": "CUSTOMER"}
    assert (await olga.run(query, id=kept))["ticket"] == {
        "organization": {"name": "Acme", "shared": False, "externalId": None},
        "requester": cora_seen | hidden,
        "participants": [{"displayName": "Olga", "organization": {"externalId": "other-1"}}],
        "assignee": assignee,
    }
    for token in (world.cora.token, world.carl.token):
        assert (await service.client(token).run(query, id=kept))["ticket"] == {
            "organization": acme,
            "requester": cora_seen | {"organization": {"externalId": "acme-1"}},
            "participants": [{"displayName": "Olga"} | hidden],
            "assignee": assignee,
        }
    staff = (await service.client(world.ada.token).run(query, id=kept))["ticket"]
    assert staff["assignee"]["teams"] == [{"slug": "support"}]
    assert staff["participants"][0]["organization"] == {"externalId": "other-1"}


async def test_scopes_of_an_api_client_need_users_read_or_are_its_own(
    service: Service, world: World
) -> None:
    key = (
        await service.client(world.api_client_token).do(
            "createTicket",
            subject="s",
            description="d",
            category="technical",
            requesterId=world.cora.gid,
        )
    )["ticket"]["id"]
    query = """query($id: ID!) { ticket(id: $id) { timeline { nodes { actor {
      ... on ApiClient { scopes } } } } } }"""
    for token, count in (
        (world.api_client_token, 9),
        (world.ada.token, 9),
        (await api_client_token("Reader", ["tickets:read"]), 0),
        (await api_client_token("People", ["tickets:read", "users:read"]), 9),
    ):
        ticket = (await service.client(token).run(query, id=key))["ticket"]
        assert len(ticket["timeline"]["nodes"][0]["actor"]["scopes"]) == count


async def test_only_the_owner_and_admins_find_an_api_token_by_its_id(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    data = await cora.run(
        """mutation {
          createApiToken(input: {name: "x", scopes: ["tickets:read"]}) { apiToken { id } } }"""
    )
    query = "query($id: ID!) { node(id: $id) { id } }"
    key = data["createApiToken"]["apiToken"]["id"]
    for token in (world.cora.token, world.root.token):
        assert (await service.client(token).run(query, id=key))["node"] == {"id": key}
    for token in (world.carl.token, world.ada.token):
        assert (await service.client(token).run(query, id=key))["node"] is None


async def test_visibility_follows_a_changed_role(
    service: Service, world: World, secret: Secret
) -> None:
    olga = service.client(world.olga.token)
    await User.filter(id=world.olga.id).update(role=Role.AGENT)
    assert (await look_up(olga, secret.id, secret.number, "-"))["ticket"] == {"id": secret.id}
    await User.filter(id=world.olga.id).update(role=Role.CUSTOMER)
    assert (await look_up(olga, secret.id, secret.number, "-"))["ticket"] is None
    assert await Ticket.all().count() == 1
    assert await Event.filter(internal=True).count() == 1
