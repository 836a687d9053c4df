"""Fields of a ticket that are computed: HTML, and the end of the time for reopening."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support import Service, World

pytestmark = pytest.mark.without_default_policies

REOPEN_WINDOW = timedelta(days=14)
FIELDS = "descriptionHtml resolution resolutionHtml closedAt reopenableUntil"
READ = f"query($id: ID!) {{ ticket(id: $id) {{ {FIELDS} }} }}"


async def test_the_description_and_the_resolution_are_rendered_like_messages(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(description="**Down** <script>alert(1)</script>")
    seen = (await cora.run(READ, id=ticket["id"]))["ticket"]
    assert "<strong>Down</strong>" in seen["descriptionHtml"]
    assert "<script" not in seen["descriptionHtml"]
    assert seen["resolutionHtml"] is None
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="*Restarted*")
    seen = (await cora.run(READ, id=ticket["id"]))["ticket"]
    assert seen["resolutionHtml"] == "<p><em>Restarted</em></p>\n"
    listed = (await cora.run(f"{{ tickets {{ nodes {{ {FIELDS} }} }} }}"))["tickets"]["nodes"]
    assert listed == [seen]


async def test_a_closed_ticket_states_until_when_it_can_be_reopened(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket, other = await ada.raise_ticket(), await ada.raise_ticket()
    assert (await ada.run(READ, id=ticket["id"]))["ticket"]["reopenableUntil"] is None
    await ada.do("closeTicket", ticketId=ticket["id"], reason="INVALID")
    seen = (await ada.run(READ, id=ticket["id"]))["ticket"]
    closed_at = datetime.fromisoformat(seen["closedAt"])
    assert datetime.fromisoformat(seen["reopenableUntil"]) == closed_at + REOPEN_WINDOW
    await ada.do("reopenTicket", ticketId=ticket["id"], reason="It is valid")
    assert (await ada.run(READ, id=ticket["id"]))["ticket"]["reopenableUntil"] is None
    await ada.do("mergeTickets", ticketId=ticket["id"], intoId=other["id"])
    seen = (await ada.run(READ, id=ticket["id"]))["ticket"]
    assert seen["closedAt"] is not None
    assert seen["reopenableUntil"] is None
