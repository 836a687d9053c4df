"""A bulk change that runs shows its progress, and can be cancelled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import bulk_of, jobs_of, open_desk
from support.service import running


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """The service without background jobs, so that each bulk change waits."""
    async with running(url, run_jobs=False) as found:
        yield found


async def test_a_bulk_change_shows_its_progress_and_can_be_cancelled(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(2)]
    await open_desk(page)
    await expect(page.get_by_label("Tickets").get_by_role("link")).to_have_count(2)
    await page.keyboard.press("Shift+A")
    await bulk_of(page).get_by_role("button", name="Status").click()
    await page.get_by_role("option", name="Put on hold").click()
    jobs = jobs_of(page)
    await expect(jobs.get_by_role("status")).to_have_text("Put on hold: running")
    await expect(jobs).to_contain_text("0 of 2")
    await expect(jobs.get_by_role("progressbar")).to_be_visible()
    await jobs.get_by_role("button", name="Cancel").click()
    await expect(jobs.get_by_role("status")).to_have_text("Put on hold: 0 changed, cancelled")
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket { status } } }"
    found = (await agent.run(query, ids=[each["id"] for each in tickets]))["nodes"]
    assert [each["status"] for each in found] == ["NEW", "NEW"]
