"""The server keeps a person's draft, and API clients propose drafts."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, Locator, Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import open_desk, sign_in, timeline_of
from support.drafts import propose_draft, read_draft
from support.live import until


async def open_ticket(page: Page, service: Service, world: World) -> dict[str, Any]:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    return ticket


def banner_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Draft from elsewhere")


async def test_a_draft_continues_on_another_device_and_ends_when_it_is_sent(
    page: Page, second_page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await open_ticket(page, service, world)
    await page.get_by_label("Reply to the customer").fill("We send a new one")
    draft = await until(lambda: read_draft(agent, ticket["id"]))
    assert (draft["kind"], draft["body"]) == ("REPLY", "We send a new one")
    await expect(banner_of(page)).to_have_count(0)
    await second_page.goto(f"/tickets/{ticket['ref']}")
    await sign_in(second_page, "ada")
    await expect(banner_of(second_page)).to_contain_text("Your reply from another device")
    await expect(banner_of(second_page)).to_contain_text("We send a new one")
    await second_page.get_by_role("button", name="Continue", exact=True).click()
    reply = second_page.get_by_label("Reply to the customer")
    await expect(reply).to_have_value("We send a new one")
    await expect(reply).to_be_focused()
    await reply.press("Control+Enter")
    await expect(timeline_of(second_page)).to_contain_text("We send a new one")
    assert await read_draft(agent, ticket["id"]) is None
    await expect(banner_of(second_page)).to_have_count(0)


async def test_an_emptied_text_is_no_draft_any_more(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await open_ticket(page, service, world)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We send a new one")
    await until(lambda: read_draft(agent, ticket["id"]))
    await reply.fill("")

    async def is_gone() -> bool:
        return await read_draft(agent, ticket["id"]) is None

    await until(is_gone)


async def test_a_proposal_of_an_api_client_is_taken_or_dismissed(
    page: Page, service: Service, world: World
) -> None:
    agent, machine = service.client(world.ada.token), service.client(world.api_client_token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await propose_draft(machine, ticket["id"], userId=world.ada.gid, body="Restart it.")
    await open_desk(page, path=f"/tickets/{ticket['ref']}")
    banner = banner_of(page)
    await expect(banner).to_contain_text("proposes a reply")
    await banner.get_by_role("button", name="Dismiss").click()
    await expect(banner).to_have_count(0)

    async def is_gone() -> bool:
        return await read_draft(agent, ticket["id"]) is None

    await until(is_gone)
    await propose_draft(machine, ticket["id"], userId=world.ada.gid, body="Restart it twice.")
    await page.reload()
    reply = page.get_by_label("Reply to the customer")
    await expect(banner).to_contain_text("Restart it twice.")
    await banner.get_by_role("button", name="Use this text").click()
    await expect(reply).to_have_value("Restart it twice.")

    async def is_own() -> bool:
        draft = await read_draft(agent, ticket["id"])
        return draft is not None and draft["proposedBy"] is None

    await until(is_own)
    await reply.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("Restart it twice.")
    assert await read_draft(agent, ticket["id"]) is None


async def test_a_draft_that_was_not_saved_is_saved_after_the_interruption(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("ada@example.com", hash_password(PASSWORD))
    agent = service.client(world.ada.token)

    async def is_saved() -> bool:
        return (await read_draft(agent, ticket["id"]) or {}).get("body") == "We send a new one"

    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        ticket = await open_ticket(page, service, world)
        await page.context.set_offline(True)
        async with page.expect_event("requestfailed", lambda each: "SaveDraft" in each.post_data):
            await page.get_by_label("Reply to the customer").fill("We send a new one")
        await page.context.set_offline(False)
        await until(is_saved)
