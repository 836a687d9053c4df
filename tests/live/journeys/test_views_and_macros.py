"""An agent works through a view with macros while a colleague edits the same tickets."""

from __future__ import annotations

import asyncio

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored
from support.client import EVENTS
from support.live import head_cursor
from support.macros import apply_macro, apply_refusals, create_macro, list_steps, preview_macro
from support.views import COUNTS, list_tickets, wait_for_count

from models.people.team import Membership, Team

pytestmark = [
    pytest.mark.never_retried,
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
OPEN = {"stage": {"in": ["CREATION", "RESOLUTION"]}, "inViewerTeams": True}


async def test_an_agent_empties_a_view_with_macros_while_a_colleague_edits(
    service: Service, world: World, admin: Client
) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    await Membership.create(team=await Team.get(slug="support"), user_id=world.bill.id)
    order = [{"field": "NUMBER", "direction": "ASC"}]
    view = await run_mutation(
        admin, "createSavedView", name="Queue", filter=OPEN, orderBy=order, audience="EVERYONE"
    )
    ask = await create_macro(
        ada,
        name="Ask",
        audience="TEAM",
        team="support",
        text="Hello {{requester.displayName}}, which version? ({{ticket.ref}})",
        statusAction="AWAIT_CUSTOMER",
        assignment="APPLIER",
    )
    solve = await create_macro(
        admin, name="Solve", audience="EVERYONE", text="Fixed.", statusAction="RESOLVE"
    )
    start = await head_cursor()
    async with ada.socket() as at_ada, cora.socket() as at_cora:
        await at_ada.subscribe(COUNTS)
        await at_cora.subscribe(EVENTS, after=start)
        for subject in ("VPN", "Mail", "Printer"):
            await cora.raise_ticket(subject)
        await wait_for_count(at_ada, "Queue", 3)
        vpn, mail, printer = await list_tickets(ada, view)

        # Bill answers while Ada reads the preview. Her macro is refused, and she sees his reply.
        seen = await head_cursor()
        preview = await preview_macro(ada, ask, vpn["id"])
        assert preview is not None
        assert preview["text"] == f"Hello Cora, which version? ({vpn['ref']})"
        await bill.do("replyToTicket", ticketId=vpn["id"], body="I look into it.", then="HOLD")
        async with assert_nothing_stored():
            payload = await apply_macro(ada, ask, vpn["id"], lastSeenCursor=seen)
        (error,) = payload["userErrors"]
        assert [each["body"] for each in error["messages"]] == ["I look into it."]

        # Bill changes the team's macro. Ada applies the current one, with a text of her own.
        await run_mutation(bill, "updateMacro", macroId=ask, priority="HIGH", expectedVersion=1)
        body = preview["text"].replace("which version", "which device")
        seen = await head_cursor()
        payload = await apply_macro(ada, ask, vpn["id"], body=body, lastSeenCursor=seen)
        assert (payload["userErrors"], payload["reply"]["body"]) == ([], body)
        assert payload["ticket"]["priority"] == "HIGH"
        assert payload["ticket"]["assignee"]["displayName"] == "Ada"

        # Both resolve the second ticket by the same macro: one does, the other is refused.
        payloads = await asyncio.gather(
            *(apply_macro(each, solve, mail["id"], expectedVersion=1) for each in (ada, bill))
        )
        errors = [each["code"] for payload in payloads for each in payload["userErrors"]]
        assert errors == ["STALE_VERSION"]
        await wait_for_count(at_ada, "Queue", 2)

        # The colleague moves the third ticket away, so a macro for its old version is refused.
        await bill.do("transferTicket", ticketId=printer["id"], team="billing")
        assert await apply_refusals(
            ada, solve, printer["id"], expectedVersion=printer["version"]
        ) == ["STALE_VERSION expectedVersion"]
        await cora.do("replyToTicket", ticketId=vpn["id"], body="The router. It works now!")
        assert (await apply_macro(ada, solve, vpn["id"]))["ticket"]["resolution"] == "Fixed."
        await cora.do("replyToTicket", ticketId=vpn["id"], body="Thank you!", then="CLOSE")
        await wait_for_count(at_ada, "Queue", 0)

        expected = [
            *(["TICKET_CREATED"] * 3),
            *("REPLY_ADDED", "STATUS_CHANGED"),  # Bill's reply and hold
            *("REPLY_ADDED", "ASSIGNED", "TICKET_UPDATED", "STATUS_CHANGED"),  # Ada's macro
            *("REPLY_ADDED", "STATUS_CHANGED"),  # the second ticket
            "TRANSFERRED",
            *("REPLY_ADDED", "STATUS_CHANGED"),  # Cora answers
            *("REPLY_ADDED", "STATUS_CHANGED"),  # Ada resolves
            *("REPLY_ADDED", "STATUS_CHANGED"),  # Cora confirms
        ]
        events = await at_cora.take("ticketEvents", len(expected))
        assert [each["type"] for each in events] == expected
    assert await list_steps(cora, vpn["id"]) == [
        "TICKET_CREATED",
        *("REPLY_ADDED", "HOLD"),
        *("REPLY_ADDED", "ASSIGNED", "TICKET_UPDATED", "AWAIT_CUSTOMER"),
        *("REPLY_ADDED", "RESUME"),
        *("REPLY_ADDED", "RESOLVE"),
        *("REPLY_ADDED", "CLOSE"),
    ]
