"""Addresses and names in unusual places: they are replaced, or the verification reports them."""

from __future__ import annotations

import pytest
from support import Service, World
from support.erasure import erase, find_rows

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]

ADDRESS = "cora@example.com"


async def test_markdown_and_letters_without_spaces_hide_no_address(
    service: Service, world: World
) -> None:
    carl, ada = service.client(world.carl.token), service.client(world.ada.token)
    cora = service.client(world.cora.token)
    own = (await cora.raise_ticket())["id"]
    await ada.do("addNote", ticketId=own, body=f"_Cora_ 様Cora様 _{ADDRESS}_")
    other = (await carl.raise_ticket())["id"]
    await ada.do("addNote", ticketId=other, body=f"联系{ADDRESS}吧, ...{ADDRESS}, -{ADDRESS}")
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert (job["failed"], job["erasure"]["remaining"]) == (0, [])
    assert await find_rows(ADDRESS) == []
    assert "messages.body" in await find_rows("_[erased]_ 様[erased]様 _[erased]_")


async def test_the_verification_reports_what_the_replacement_leaves(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("addNote", ticketId=ticket, body=f"Not x{ADDRESS}, and not CORA")
    job = await erase(service.client(world.root.token), world.cora.gid)
    assert {"name": "messages.body", "count": 2} in job["erasure"]["remaining"]
