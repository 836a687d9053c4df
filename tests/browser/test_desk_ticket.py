"""What the page of a ticket keeps: refusals, texts, files, and who else is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Page, Route, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import open_page
from support.desk_page import open_desk, row_of, timeline_of
from support.files import png, running_with_files, upload
from support.presence_client import set_presence


async def test_a_refusal_that_arrives_late_stands_in_the_bar(
    page: Page, service: Service, world: World
) -> None:
    customer, bill = service.client(world.cora.token), service.client(world.bill.token)
    first, second = [await customer.raise_ticket(subject) for subject in ("Printer", "Scanner")]
    await open_desk(page, path=f"/tickets/{first['ref']}")
    has_left = asyncio.Event()

    async def wait_until_the_person_has_left(route: Route) -> None:
        if "mutation Assign" in (route.request.post_data or ""):
            await has_left.wait()
            await bill.do("assignTicket", ticketId=first["id"], assigneeId=world.bill.gid)
        await route.continue_()

    await page.route("**/graphql", wait_until_the_person_has_left)
    await page.get_by_role("button", name="Take").click()
    await row_of(page, second["ref"]).click()
    await expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text("Scanner")
    has_left.set()
    refusal = page.get_by_role("banner").get_by_role("alert")
    await expect(refusal).to_contain_text("Not assigned to you")
    await refusal.get_by_role("link", name=first["ref"]).click()
    actions = page.get_by_role("group", name="Actions")
    await expect(actions.get_by_role("alert")).to_contain_text("Not assigned to you")
    await expect(refusal).to_have_count(0)


async def test_the_text_of_a_resolution_survives_leaving_the_ticket(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    first, second = [await customer.raise_ticket(subject) for subject in ("Printer", "Scanner")]
    await open_desk(page, path=f"/tickets/{first['ref']}")
    field = page.get_by_label("How was it resolved?")
    await page.get_by_role("button", name="Resolve", exact=True).click()
    await field.fill("New toner")
    for ticket in (second, first):
        await row_of(page, ticket["ref"]).click()
        await expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text(
            ticket["subject"]
        )
        await page.get_by_role("button", name="Resolve", exact=True).click()
        await expect(field).to_have_value("New toner" if ticket is first else "")
    await field.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("to Resolved")


async def test_others_on_the_ticket_are_shown_and_see_this_person(
    page: Page, second_page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    path = f"/tickets/{ticket['ref']}"
    await open_desk(page, "ada", path)
    viewers = page.get_by_role("list", name="Also here")
    await expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text("Printer")
    await expect(viewers).to_have_count(0)
    await open_desk(second_page, "bill", path)
    await expect(viewers).to_contain_text("Bill views the ticket")
    await expect(second_page.get_by_role("list", name="Also here")).to_contain_text("Ada")
    writers = page.get_by_role("status").filter(has_text="Bill is writing")
    await second_page.get_by_label("Reply to the customer").press_sequentially("We")
    await expect(writers).to_be_visible()
    await second_page.get_by_label("Reply to the customer").blur()
    await expect(writers).to_be_hidden()
    await second_page.get_by_role("button", name="Resolve", exact=True).click()
    await second_page.get_by_label("How was it resolved?").press_sequentially("New")
    await expect(writers).to_be_visible()
    await second_page.get_by_role("link", name="Ticketwire").click()
    await expect(viewers).to_have_count(0)
    assert await set_presence(service.client(world.bill.token), ticket, "LOOKING") == {
        "Ada": "LOOKING",
        "Bill": "LOOKING",
    }


async def test_files_of_the_description_are_shown_and_a_click_asks_for_a_new_url(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    async with running_with_files(url, tmp_path / "files") as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        customer = service.client(world.cora.token)
        image = {"filename": "printer.png", "contentType": "image/png"}
        ids = [await upload(customer), await upload(customer, png(), **image)]
        ticket = await customer.raise_ticket("Printer", attachmentIds=ids)
        async with open_page(browser, service.port) as page:
            await open_desk(page, path=f"/tickets/{ticket['ref']}")
            card = timeline_of(page).get_by_role("article").first
            await expect(card).to_contain_text("notes.txt 1 kB")
            loaded = "image => image.naturalWidth > 0"
            image_box = card.locator("img")
            await expect(image_box).to_have_js_property("complete", True)
            assert await image_box.evaluate(loaded)
            asks = page.expect_request(lambda each: "FileUrls" in (each.post_data or ""))
            async with page.expect_download() as download, asks:
                await card.get_by_role("button", name="notes.txt").click()
            assert Path(await (await download.value).path()).read_bytes() == b"Hello"
