"""An agent attaches files to replies and notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import open_desk, row_of, timeline_of
from support.files import running_with_files

MESSAGES = """query($id: ID!) { ticket(id: $id) { messages(first: 9) { nodes {
  __typename attachments { filename size } } } } }"""
WITH_FILE = """(element, [kind, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/plain" }));
  const options = { bubbles: true, cancelable: true };
  element.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: data })
    : new DragEvent("drop", { ...options, dataTransfer: data }));
}"""


@pytest.fixture
async def service(url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running_with_files(url, tmp_path, max_attachment_bytes=1000) as found:
        yield found


@pytest.fixture
async def page(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A page in which uploads may fail."""
    await set_password("ada@example.com", hash_password(PASSWORD))
    async with open_page(browser, service.port, *NETWORK_ERRORS, "Failed to load resource") as page:
        yield page


def text_file(name: str, size: int = 5) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": b"x" * size}


def files_of(page: Page) -> Locator:
    return page.get_by_role("list", name="Files").get_by_role("listitem")


async def open_ticket(page: Page, service: Service, world: World) -> dict[str, Any]:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    return ticket


async def test_files_come_by_paste_drop_and_button_and_survive_a_reload(
    page: Page, service: Service, world: World
) -> None:
    ticket = await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("See the manual")
    await reply.evaluate(WITH_FILE, ["paste", "pasted.txt", "Hello"])
    await reply.evaluate(WITH_FILE, ["drop", "dropped.txt", "Hello"])
    await page.get_by_label("Files to attach").set_input_files(text_file("chosen.txt"))
    await expect(files_of(page)).to_have_count(3)
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await page.get_by_role("button", name="Remove dropped.txt").click()
    await expect(reply).to_be_focused()
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.get_by_role("button", name="Note", exact=True).click()
    await expect(files_of(page)).to_have_count(0)
    await page.get_by_label("Internal note").fill("Internal")
    await page.get_by_label("Files to attach").set_input_files(text_file("secret.txt"))
    await expect(page.get_by_role("button", name="Remove secret.txt")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await page.get_by_label("Internal note").press("Control+Enter")
    await expect(timeline_of(page).get_by_role("button", name="secret.txt")).to_be_visible()
    await page.reload()
    await expect(files_of(page)).to_have_count(2)
    await reply.press("Control+Enter")
    await expect(timeline_of(page).get_by_role("button", name="pasted.txt")).to_be_visible()
    await expect(files_of(page)).to_have_count(0)
    found = await service.client(world.ada.token).run(MESSAGES, id=ticket["id"])
    names = [
        (each["__typename"], sorted(file["filename"] for file in each["attachments"]))
        for each in found["ticket"]["messages"]["nodes"]
    ]
    assert names == [("Note", ["secret.txt"]), ("Reply", ["chosen.txt", "pasted.txt"])]


async def test_a_message_waits_for_its_files(page: Page, service: Service, world: World) -> None:
    await open_ticket(page, service, world)
    arrives = asyncio.Event()

    async def hold(route: Route) -> None:
        await arrives.wait()
        await route.continue_()

    await page.route("**/files/**", hold)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("See the manual")
    await page.get_by_label("Files to attach").set_input_files(text_file("manual.txt"))
    await expect(page.get_by_role("progressbar", name="Upload of manual.txt")).to_be_visible()
    await reply.press("Control+Enter")
    form = page.get_by_role("form", name="Message")
    await expect(form.get_by_role("alert")).to_have_text("A file is still being uploaded.")
    await expect(reply).to_have_value("See the manual")
    arrives.set()
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await expect(form.get_by_role("alert")).to_have_count(0)
    await reply.press("Control+Enter")
    await expect(timeline_of(page).get_by_role("button", name="manual.txt")).to_be_visible()


async def test_an_upload_that_fails_says_why_and_can_be_repeated_or_removed(
    page: Page, service: Service, world: World
) -> None:
    await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("See the manual")
    await page.get_by_label("Files to attach").set_input_files(text_file("large.txt", 1001))
    large = files_of(page).filter(has_text="large.txt")
    await expect(large.get_by_role("alert")).to_contain_text("size must be at most 1,000 bytes")
    await reply.press("Control+Enter")
    await expect(page.get_by_text("Try it again, or remove it.")).to_be_visible()
    await page.get_by_role("button", name="Remove large.txt").click()
    await page.route("**/files/**", lambda route: route.abort(), times=1)
    await page.get_by_label("Files to attach").set_input_files(text_file("manual.txt"))
    await expect(files_of(page).get_by_role("alert")).to_contain_text("interrupted")
    await page.get_by_role("button", name="Try again").click()
    await expect(files_of(page).get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await reply.press("Control+Enter")
    await expect(timeline_of(page).get_by_role("button", name="manual.txt")).to_be_visible()


async def test_an_upload_goes_on_when_another_ticket_is_opened(
    page: Page, service: Service, world: World
) -> None:
    other = await service.client(world.cora.token).raise_ticket("Scanner")
    ticket = await open_ticket(page, service, world)
    arrives = asyncio.Event()

    async def hold(route: Route) -> None:
        await arrives.wait()
        await route.continue_()

    await page.route("**/files/**", hold)
    await page.get_by_label("Reply to the customer").fill("See the manual")
    await page.get_by_label("Files to attach").set_input_files(text_file("manual.txt"))
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await row_of(page, other["ref"]).click()
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await row_of(page, ticket["ref"]).click()
    reply = page.get_by_label("Reply to the customer")
    await expect(reply).to_have_value("See the manual")
    await expect(page.get_by_role("progressbar", name="Upload of manual.txt")).to_be_visible()
    await reply.press("Control+Enter")
    alert = page.get_by_role("form", name="Message").get_by_role("alert")
    await expect(alert).to_have_text("A file is still being uploaded.")
    arrives.set()
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await expect(files_of(page)).to_contain_text("manual.txt")
    await reply.press("Control+Enter")
    await expect(timeline_of(page).get_by_role("button", name="manual.txt")).to_be_visible()
