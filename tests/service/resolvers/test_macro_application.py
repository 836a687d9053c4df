"""Macros on tickets: their effects, in one change and a stated order, and every refusal."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored
from support.macros import apply_macro, apply_refusals, create_macro, list_steps, preview_macro
from support.ticket_commands import (
    clear_notifications,
    list_mails,
    list_notifications,
    run_notifier,
)

from models.log.event import encode_cursor, read_head
from models.macros.macro import Macro
from models.people.team import Membership, Team
from models.people.user import User
from models.tickets.ticket import Ticket

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]

ALL_ACTIONS = {
    "text": "{{requester.displayName}}: {{ticket.ref}} ({{ticket.team}}) {{agent.displayName}}",
    "statusAction": "AWAIT_CUSTOMER",
    "assignment": "PERSON",
    "newTeam": "billing",
    "priority": "HIGH",
    "addTags": ["invoice", "VPN"],
    "removeTags": ["old"],
}


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


async def test_a_macro_makes_its_changes_in_order_and_in_one_transaction(
    cora: Client, ada: Client, world: World
) -> None:
    ticket = await cora.raise_ticket(tags=["old", "vpn"])
    macro = await create_macro(ada, **ALL_ACTIONS, assigneeId=world.bill.gid)
    preview = await preview_macro(ada, macro, ticket["id"])
    text = f"Cora: {ticket['ref']} (Support) Ada"
    payload = await apply_macro(ada, macro, ticket["id"])
    assert payload["userErrors"] == []
    after = payload["ticket"]
    assert (payload["reply"], payload["event"]["type"]) == ({"body": text}, "REPLY_ADDED")
    assert after == {
        **ticket,
        "status": "WAITING_ON_CUSTOMER",
        "stage": "RESOLUTION",
        "priority": "HIGH",
        "tags": ["invoice", "vpn"],
        "team": {"slug": "billing"},
        "assignee": {"id": world.bill.gid, "displayName": "Bill"},
        "version": ticket["version"] + 1,
        **{name: after[name] for name in ("updatedAt", "firstRespondedAt", "allowedActions")},
    }
    assert await list_steps(ada, ticket["id"]) == [
        "TICKET_CREATED",
        "REPLY_ADDED",
        "TRANSFERRED",
        "ASSIGNED",
        "TICKET_UPDATED",
        "TICKET_UPDATED",
        "AWAIT_CUSTOMER",
    ]
    assert preview is not None
    assert (preview["text"], preview["userErrors"]) == (text, [])
    teams = [f"team_{(await Team.get(slug=slug)).id}" for slug in ("support", "billing")]
    assert [(each["field"], each["from"], each["to"]) for each in preview["changes"]] == [
        ("team", *teams),
        ("assignee", None, world.bill.gid),
        ("priority", "NORMAL", "HIGH"),
        ("tags", "old, vpn", "vpn, invoice"),
        ("status", "NEW", "WAITING_ON_CUSTOMER"),
    ]


async def test_what_the_ticket_has_already_is_not_changed(
    cora: Client, ada: Client, world: World
) -> None:
    ticket = await cora.raise_ticket()
    actions = {key: value for key, value in ALL_ACTIONS.items() if key != "text"}
    macro = await create_macro(ada, **actions, assigneeId=world.bill.gid)
    first = await apply_macro(ada, macro, ticket["id"])
    steps = await list_steps(ada, ticket["id"])
    async with assert_nothing_stored():
        again = await apply_macro(ada, macro, ticket["id"])
    assert (again["ticket"], again["event"], again["reply"]) == (first["ticket"], None, None)
    assert (again["cursor"], again["userErrors"]) == (first["cursor"], [])
    preview = await preview_macro(ada, macro, ticket["id"])
    assert preview == {"text": None, "changes": [], "userErrors": []}
    assert steps == [
        *("TICKET_CREATED", "TRANSFERRED", "ASSIGNED", "TICKET_UPDATED", "TICKET_UPDATED"),
        "AWAIT_CUSTOMER",
    ]


@pytest.mark.parametrize(
    ("actions", "expected", "steps"),
    [
        ({"text": "Hi"}, {"status": "OPEN"}, ["REPLY_ADDED", "START"]),
        ({"statusAction": "START"}, {"status": "OPEN"}, ["START"]),
        (
            {"statusAction": "START", "assignment": "APPLIER"},
            {"status": "OPEN", "assignee": "Ada"},
            ["ASSIGNED", "START"],
        ),
        ({"assignment": "APPLIER"}, {"status": "OPEN"}, ["ASSIGNED", "START"]),
        (
            {"text": "Hi", "assignment": "APPLIER"},
            {"status": "OPEN"},
            ["REPLY_ADDED", "START", "ASSIGNED"],
        ),
        ({"statusAction": "HOLD"}, {"status": "ON_HOLD", "heldUntil": None}, ["HOLD"]),
        (
            {"statusAction": "RESOLVE", "text": "Done, {{requester.displayName}}."},
            {"status": "RESOLVED", "resolution": "Done, Cora."},
            ["REPLY_ADDED", "RESOLVE"],
        ),
        (
            {"statusAction": "CLOSE", "closeReason": "SPAM"},
            {"status": "CLOSED", "closeReason": "SPAM"},
            ["CLOSE"],
        ),
        ({"priority": "LOW"}, {"priority": "LOW", "status": "NEW"}, ["TICKET_UPDATED"]),
    ],
)
async def test_each_action_has_its_effect(
    cora: Client,
    ada: Client,
    actions: dict[str, Any],
    expected: dict[str, Any],
    steps: list[str],
) -> None:
    ticket = await cora.raise_ticket()
    payload = await apply_macro(ada, await create_macro(ada, **actions), ticket["id"])
    assert payload["userErrors"] == []
    after = payload["ticket"]
    if "assignee" in expected:
        after["assignee"] = after["assignee"]["displayName"]
    assert {name: after[name] for name in expected} == expected
    assert await list_steps(ada, ticket["id"]) == ["TICKET_CREATED", *steps]


async def test_a_hold_lasts_for_the_duration_of_the_macro(cora: Client, ada: Client) -> None:
    ticket = await cora.raise_ticket()
    macro = await create_macro(ada, statusAction="HOLD", holdFor="P3D")
    after = (await apply_macro(ada, macro, ticket["id"]))["ticket"]
    held = datetime.fromisoformat(after["heldUntil"]) - datetime.fromisoformat(after["updatedAt"])
    assert held == timedelta(days=3)


async def test_a_transfer_keeps_or_removes_the_assignee(
    cora: Client, ada: Client, world: World
) -> None:
    transfer = await create_macro(ada, newTeam="billing")
    release = await create_macro(ada, newTeam="sales", assignment="NOBODY")
    take = await create_macro(ada, newTeam="billing", assignment="APPLIER")
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
    assert (await apply_macro(ada, transfer, ticket))["ticket"]["assignee"] is None
    await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
    before = await list_steps(ada, ticket)
    assert (await apply_macro(ada, release, ticket))["ticket"]["assignee"] is None
    assert (await list_steps(ada, ticket))[len(before) :] == ["TRANSFERRED", "ASSIGNED"]
    taken = (await apply_macro(ada, take, ticket))["ticket"]
    assert (taken["team"]["slug"], taken["assignee"]["displayName"]) == ("billing", "Ada")


async def test_the_agents_own_text_replaces_that_of_the_macro_literally(
    cora: Client, ada: Client
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    macro = await create_macro(ada, text="Hi", statusAction="RESOLVE")
    body = "{{ticket.ref}} {{unknown}} *own*"
    payload = await apply_macro(ada, macro, ticket, body=body)
    assert (payload["reply"]["body"], payload["ticket"]["resolution"]) == (body, body)
    without_text = await create_macro(ada, priority="LOW")
    payload = await apply_macro(ada, without_text, ticket, body="More.")
    assert payload["reply"]["body"] == "More."


async def test_hostile_names_are_shown_as_text(cora: Client, ada: Client, world: World) -> None:
    name = "{{agent.displayName}} [x](https://evil.example) <img src=x onerror=alert(1)> **B**"
    await User.filter(id=world.cora.id).update(display_name=name)
    ticket = (await cora.raise_ticket("# {{ticket.ref}}"))["id"]
    macro = await create_macro(ada, text="{{requester.displayName}}\n\n{{ticket.subject}}")
    await apply_macro(ada, macro, ticket)
    query = "query($id: ID!) { ticket(id: $id) { messages { nodes { bodyHtml } } } }"
    (reply,) = (await cora.run(query, id=ticket))["ticket"]["messages"]["nodes"]
    assert reply["bodyHtml"] == (
        "<p>{{agent.displayName}} [x](https://evil.example) "
        "&lt;img src=x onerror=alert(1)&gt; **B**</p>\n<p># {{ticket.ref}}</p>\n"
    )


async def test_a_text_that_grows_too_long_is_refused(cora: Client, ada: Client) -> None:
    ticket = (await cora.raise_ticket("s" * 200))["id"]
    macro = await create_macro(ada, text="{{ticket.subject}}" * 400)
    assert await apply_refusals(ada, macro, ticket) == ["TOO_LONG macroId"]
    preview = await preview_macro(ada, macro, ticket)
    assert preview is not None
    assert (preview["text"], [each["code"] for each in preview["userErrors"]]) == (
        None,
        ["TOO_LONG"],
    )
    assert (await apply_macro(ada, macro, ticket, body="short"))["userErrors"] == []


async def test_a_text_that_is_blank_for_the_ticket_is_refused(
    service: Service, world: World, ada: Client
) -> None:
    own = (await ada.raise_ticket())["id"]
    macro = await create_macro(ada, text=" {{requester.organization}} ")
    assert await apply_refusals(ada, macro, own) == ["REQUIRED body"]
    for body, code in (("", "REQUIRED"), ("b" * 65_537, "TOO_LONG"), ("\0", "INVALID")):
        assert await apply_refusals(ada, macro, own, body=body) == [f"{code} body"]


async def test_macros_that_can_not_be_applied_any_more_are_refused(
    cora: Client, ada: Client, admin: Client, world: World
) -> None:
    ticket = (await cora.raise_ticket(tags=[f"t{n}" for n in range(20)]))["id"]
    query = "mutation($input: CreateTeamInput!) { createTeam(input: $input) { team { slug } } }"
    await admin.run(query, input={"slug": "old", "name": "Old"})
    moving = await create_macro(ada, text="Hi", newTeam="old")
    assigning = await create_macro(
        ada, text="Hi", assignment="PERSON", assigneeId=world.bill.gid, addTags=["more"]
    )
    await Team.filter(slug="old").update(active=False)
    await User.filter(id=world.bill.id).update(active=False)
    assert await apply_refusals(ada, moving, ticket) == ["INVALID macroId"]
    assert await apply_refusals(ada, assigning, ticket) == ["INVALID macroId"] * 2
    preview = await preview_macro(ada, assigning, ticket)
    assert preview is not None
    assert [each["message"] for each in preview["userErrors"]] == [
        "assigns the ticket to a person who is no active agent or admin; change it",
        "can leave at most 20 tags; the ticket would have 21",
    ]
    await User.filter(id=world.bill.id).delete()
    assert (await Macro.get(new_team=None, assignment="person")).assignee_id is None
    assert await apply_refusals(ada, assigning, ticket) == ["INVALID macroId"] * 2
    archived = await create_macro(ada, text="Hi")
    await run_mutation(ada, "archiveMacro", macroId=archived)
    assert await apply_refusals(ada, archived, ticket) == ["INVALID macroId"]
    assert await apply_refusals(ada, archived, ticket, body="own") == ["INVALID macroId"]


async def test_all_errors_of_the_reply_and_the_actions_are_returned(
    cora: Client, ada: Client, service: Service, world: World
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    seen = encode_cursor(await read_head())
    await cora.do("replyToTicket", ticketId=ticket, body="by Cora")
    await ada.do("closeTicket", ticketId=ticket, reason="SPAM")
    macro = await create_macro(ada, text="Hi", statusAction="HOLD")
    assert await apply_refusals(ada, macro, ticket, lastSeenCursor=seen) == [
        "UNSEEN_MESSAGES lastSeenCursor",
        "TRANSITION_REFUSED",
        "TRANSITION_REFUSED",
    ]
    assert await apply_refusals(ada, macro, ticket, expectedVersion=1) == [
        "STALE_VERSION expectedVersion"
    ]
    assert await apply_refusals(ada, macro, ticket, expectedVersion=0) == [
        "INVALID expectedVersion"
    ]
    with pytest.raises(Refused) as refused:
        await apply_macro(ada, macro, ticket, lastSeenCursor="x")
    assert refused.value.code == "CURSOR_INVALID"


async def test_macros_and_tickets_that_do_not_exist_for_the_viewer(
    cora: Client, ada: Client, service: Service, world: World
) -> None:
    bill = service.client(world.bill.token)
    ticket = (await cora.raise_ticket())["id"]
    macro = await create_macro(ada, text="Hi")
    gone = "00000000-0000-7000-8000-000000000000"
    for macro_id, ticket_id in (
        (macro, ticket),  # another person's
        (f"mac_{gone}", ticket),
        ("", ticket),
        (ticket, ticket),
        ("mac_1", ticket),
    ):
        assert await apply_refusals(bill, macro_id, ticket_id) == ["NOT_FOUND macroId"]
        assert await preview_macro(bill, macro_id, ticket_id) is None
    assert await apply_refusals(ada, macro, f"tkt_{gone}") == ["NOT_FOUND ticketId"]
    assert await preview_macro(ada, macro, f"tkt_{gone}") is None
    assert await preview_macro(ada, macro, macro) is None
    writer = service.client(await token_of(await User.get(id=world.ada.id), ["tickets:write"]))
    payload = await writer.run(
        "mutation($input: ApplyMacroInput!) { applyMacro(input: $input) { "
        "replyId ref ticket { id } reply { id } userErrors { code } } }",
        input={"macroId": macro, "ticketId": ticket},
    )
    applied = payload["applyMacro"]
    assert (applied["ticket"], applied["reply"], applied["userErrors"]) == (None, None, [])
    assert applied["replyId"]


async def test_a_repeated_application_changes_nothing(cora: Client, ada: Client) -> None:
    ticket = (await cora.raise_ticket())["id"]
    macro = await create_macro(ada, text="Hi", statusAction="AWAIT_CUSTOMER")
    first = await apply_macro(ada, macro, ticket, idempotencyKey="k")
    async with assert_nothing_stored():
        again = await apply_macro(ada, macro, ticket, idempotencyKey="k")
        other = await apply_macro(ada, macro, ticket, idempotencyKey="k", body="x")
    assert again == {**first, "replayed": True}
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_the_new_assignee_and_the_customer_are_notified_once(
    cora: Client, ada: Client, world: World
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("startTicket", ticketId=ticket)
    await Membership.filter(user_id=world.root.id).delete()
    macro = await create_macro(ada, **{**ALL_ACTIONS, "newTeam": None}, assigneeId=world.bill.gid)
    await clear_notifications()
    await apply_macro(ada, macro, ticket)
    await run_notifier()
    assert await list_mails() == ["bill assigned", "cora awaiting_customer"]
    assert sorted(await list_notifications()) == [
        "bill ASSIGNED ASSIGNEE",
        "cora STATUS_CHANGED REQUESTER",
    ]


async def test_of_two_applications_at_once_one_is_refused(
    cora: Client, ada: Client, service: Service, world: World, admin: Client
) -> None:
    bill = service.client(world.bill.token)
    ticket = (await cora.raise_ticket())["id"]
    macro = await create_macro(admin, audience="EVERYONE", text="Done.", statusAction="RESOLVE")
    payloads = await asyncio.gather(*(apply_macro(each, macro, ticket) for each in (ada, bill)))
    errors = [error["code"] for each in payloads for error in each["userErrors"]]
    assert errors == ["TRANSITION_REFUSED"]
    assert await list_steps(ada, ticket) == ["TICKET_CREATED", "REPLY_ADDED", "RESOLVE"]


async def test_a_macro_archived_at_the_same_time_is_applied_wholly_or_not(
    cora: Client, ada: Client, service: Service, world: World, admin: Client
) -> None:
    for _ in range(5):
        ticket = (await cora.raise_ticket())["id"]
        macro = await create_macro(ada, text="Hi", statusAction="HOLD", priority="LOW")
        payload, archived = await asyncio.gather(
            apply_macro(ada, macro, ticket), run_mutation(ada, "archiveMacro", macroId=macro)
        )
        assert not archived["active"]
        steps = await list_steps(ada, ticket)
        if payload["userErrors"]:
            assert [each["code"] for each in payload["userErrors"]] == ["INVALID"]
            assert steps == ["TICKET_CREATED"]
        else:
            assert steps == ["TICKET_CREATED", "REPLY_ADDED", "TICKET_UPDATED", "HOLD"]
        assert await apply_refusals(ada, macro, ticket) == ["INVALID macroId"]


async def test_a_ticket_closed_at_the_same_time_gets_no_part_of_the_macro(
    cora: Client, ada: Client, service: Service, world: World
) -> None:
    for _ in range(5):
        ticket = (await cora.raise_ticket())["id"]
        macro = await create_macro(ada, text="Hi", statusAction="HOLD", addTags=["x"])
        payload, _ = await asyncio.gather(
            apply_macro(ada, macro, ticket), cora.do("closeTicket", ticketId=ticket)
        )
        if payload["userErrors"]:
            assert {each["code"] for each in payload["userErrors"]} == {"TRANSITION_REFUSED"}
            assert await list_steps(ada, ticket) == ["TICKET_CREATED", "CLOSE"]
        else:
            expected = ["TICKET_CREATED", "REPLY_ADDED", "TICKET_UPDATED", "HOLD", "CLOSE"]
            assert await list_steps(ada, ticket) == expected
        assert (await Ticket.all().order_by("-number").first()).status.name == "CLOSED"  # pyright: ignore[reportOptionalMemberAccess]
