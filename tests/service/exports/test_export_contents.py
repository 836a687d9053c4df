"""What the files of exports contain."""

from __future__ import annotations

from support import Client, Service, World
from support.exports import export, parse_csv, parse_lines

from workers.ticket_exports import TicketExports


async def test_a_line_has_a_ticket_with_its_messages_and_events(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    ticket = await cora.raise_ticket("Printer", description="It smokes.")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="Pull the plug.")
    await ada.do("addNote", ticketId=ticket["id"], body="Third time this week.")
    (line,) = parse_lines(await export(ada, worker))
    assert (line["ref"], line["subject"], line["description"]) == (
        *(ticket["ref"], "Printer", "It smokes."),
    )
    assert line["requester"] == {
        "__typename": "User",
        "displayName": "Cora",
        "id": world.cora.gid,
        "email": "cora@example.com",
    }
    bodies = [(each["__typename"], each["body"]) for each in line["messages"]]
    assert bodies == [("Reply", "Pull the plug."), ("Note", "Third time this week.")]
    types = [each["type"] for each in line["events"]]
    assert types == ["TICKET_CREATED", "REPLY_ADDED", "STATUS_CHANGED", "NOTE_ADDED"]


async def test_a_row_of_csv_has_a_ticket(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    ticket = await cora.raise_ticket("=HYPERLINK(1)", description='One\nTwo, "three"')
    (row,) = parse_csv(await export(ada, worker, "CSV"))
    assert row["ref"] == ticket["ref"]
    assert row["subject"] == "'=HYPERLINK(1)"
    assert row["description"] == 'One\nTwo, "three"'
    assert row["messageCount"] == "0"
    assert row["createdAt"].endswith("Z")
    assert row["externalId"] == ""
