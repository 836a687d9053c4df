"""An agent creates a ticket for somebody else."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from support import Service, World
from support.desk_page import open_desk
from support.live import until

READ_DRAFTS = """
async () => {
  const found = [];
  const wait = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  for (const { name } of await indexedDB.databases()) {
    const database = await wait(indexedDB.open(name));
    found.push(await wait(database.transaction("drafts").objectStore("drafts").getAll()));
    database.close();
  }
  return JSON.stringify(found);
}
"""


async def test_a_ticket_is_created_for_a_customer(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    await page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New ticket")
    await page.keyboard.type("cora")
    await expect(dialog.get_by_role("option", name="Cora")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_label("Category")).to_be_focused()
    await dialog.get_by_label("Category").select_option("technical")
    await dialog.get_by_label("Subject").fill("Printer on fire")
    await dialog.get_by_label("Description").fill("Cora called.")
    await dialog.get_by_label("Priority").select_option("HIGH")
    await page.keyboard.press("Control+Enter")
    await expect(page).to_have_url(re.compile("/tickets/TKT-"))
    main = page.get_by_role("main")
    await expect(main.get_by_role("heading", level=1)).to_have_text("Printer on fire")
    await expect(main).to_contain_text("Cora")
    await expect(dialog).to_be_hidden()


async def test_what_is_filled_in_survives_a_reload(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    await page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New ticket")
    await page.keyboard.type("cora")
    await dialog.get_by_role("option", name="Cora").click()
    await dialog.get_by_label("Subject").fill("Printer on fire")

    async def is_kept() -> bool:
        return "Printer on fire" in await page.evaluate(READ_DRAFTS)

    await until(is_kept)
    await page.reload()
    await page.get_by_role("button", name="New ticket").click()
    await expect(dialog.get_by_label("Subject")).to_have_value("Printer on fire")
    await expect(dialog.locator(".person")).to_contain_text("Cora")
    await dialog.get_by_role("button", name="Discard").click()
    await expect(dialog).to_be_hidden()

    async def is_forgotten() -> bool:
        return "Printer on fire" not in await page.evaluate(READ_DRAFTS)

    await until(is_forgotten)


async def test_a_ticket_is_created_for_somebody_new_and_a_refusal_is_shown(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    await open_desk(page)
    await page.get_by_role("button", name="New ticket").click()
    dialog = page.get_by_role("dialog", name="New ticket")
    await dialog.get_by_role("button", name="Somebody new").click()
    await dialog.get_by_label("Email address").fill("nora@example.com")
    await dialog.get_by_label("Name", exact=True).fill("Nora")
    await dialog.get_by_label("Category").select_option("technical")
    await dialog.get_by_label("Subject").fill("\N{ZERO WIDTH SPACE} ")
    await dialog.get_by_label("Description").fill(" ")
    await dialog.get_by_role("button", name="Create ticket").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("must not be blank")
    await dialog.get_by_label("Subject").fill("Scanner")
    await dialog.get_by_label("Description").fill("Nora called.")
    await dialog.get_by_role("button", name="Create ticket").click()
    await expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text("Scanner")
    query = "{ tickets(first: 9) { nodes { requester { email } } } }"
    nodes = (await agent.run(query))["tickets"]["nodes"]
    assert [each["requester"]["email"] for each in nodes] == ["nora@example.com"]
