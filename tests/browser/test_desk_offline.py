"""The network fails for a minute while an agent writes: afterwards everything has arrived once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accounts import PASSWORD, hash_password, set_password
from support.browser_page import NETWORK_ERRORS, open_page
from support.desk_page import WIDE, expect_live, open_desk, timeline_of
from support.live import until
from support.tcp_proxy import TcpProxy, run_tcp_proxy

MINUTE_MS = 60_000
OFFLINE = re.compile(r"Offline, as of [0-9:]{7,8}")
READ = """query($id: ID!) { ticket(id: $id) {
  priority assignee { displayName } messages(first: 9) { nodes { __typename body } }
  timeline(first: 99) { nodes { __typename } } } }"""
IS_CLOSE_PREVENTED = """
() => !dispatchEvent(new Event("beforeunload", { cancelable: true }))
"""


@pytest.fixture
async def proxy(service: Service, world: World) -> AsyncIterator[TcpProxy]:
    """The network between the browser and the server."""
    await set_password("ada@example.com", hash_password(PASSWORD))
    async with run_tcp_proxy(service.port) as found:
        yield found


async def read_ticket(service: Service, world: World, ticket_id: str) -> dict[str, Any]:
    return (await service.client(world.ada.token).run(READ, id=ticket_id))["ticket"]


async def test_what_is_done_in_a_minute_without_a_network_arrives_once(
    browser: Browser, proxy: TcpProxy, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    async with open_page(browser, proxy.port, *NETWORK_ERRORS) as page:
        await page.clock.install()
        await page.set_viewport_size(WIDE)
        await open_desk(page, path=f"/tickets/{ticket['ref']}")
        reply = page.get_by_label("Reply to the customer")
        await reply.fill("We send ")
        await cut(page, proxy)
        await work_without_network(page)
        before = await read_ticket(service, world, ticket["id"])
        assert (before["priority"], before["assignee"]) == ("NORMAL", None)
        assert before["messages"]["nodes"] == []
        await mend(page, proxy)
        await expect(page.get_by_label("Unsent message")).to_have_count(0)
        for text in ("We send a new one", "The vendor has one", "to Urgent", "assigned it to Ada"):
            await expect(timeline_of(page)).to_contain_text(text)
        await expect(reply).to_have_value("By the way")

    async def has_all() -> bool:
        found = await read_ticket(service, world, ticket["id"])
        return found["priority"] == "URGENT" and len(found["messages"]["nodes"]) == 2

    await until(has_all)
    after = await read_ticket(service, world, ticket["id"])
    assert after["assignee"] == {"displayName": "Ada"}
    assert after["messages"]["nodes"] == [
        {"__typename": "Reply", "body": "We send a new one"},
        {"__typename": "Note", "body": "The vendor has one"},
    ]
    kinds = [each["__typename"] for each in after["timeline"]["nodes"]]
    for kind in ("TicketReplied", "TicketNoted", "TicketAssigned", "TicketUpdated"):
        assert kinds.count(kind) == 1, kinds


async def cut(page: Page, proxy: TcpProxy) -> None:
    proxy.cut()
    await page.context.set_offline(True)
    await expect(page.locator("header .status")).to_have_text(OFFLINE)


async def mend(page: Page, proxy: TcpProxy) -> None:
    proxy.mend()
    await page.context.set_offline(False)
    await expect_live(page)


async def work_without_network(page: Page) -> None:
    """Send a reply and a note, change two properties, and write on, for longer than a minute."""
    main = page.get_by_role("main")
    reply = page.get_by_label("Reply to the customer")
    await reply.press("End")
    await page.keyboard.type("a new one")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    unsent = page.get_by_label("Unsent message")
    await expect(unsent).to_contain_text("It is sent when the connection is back")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("The vendor has one")
    await page.keyboard.press("Control+Enter")
    await expect(unsent).to_have_count(2)
    await page.keyboard.press("Escape")
    await page.keyboard.press("i")
    await page.keyboard.press("p")
    await page.keyboard.type("Urgent")
    panel = page.get_by_role("dialog", name="Priority", exact=True)
    await expect(panel.get_by_role("option").first).to_contain_text("Urgent")
    await page.keyboard.press("Enter")
    await expect(panel).to_be_hidden()
    await page.keyboard.press("r")
    await page.keyboard.type("By the way")
    for _ in range(4):
        await page.clock.fast_forward(MINUTE_MS // 4)
        await expect(page.locator("header .status")).to_have_text(OFFLINE)
    await expect(main).to_contain_text("Assignee: Ada")
    await expect(main.get_by_role("group", name="Priority", exact=True)).to_contain_text("Urgent")
    await expect(main.get_by_role("alert")).to_have_count(0)
    await expect(unsent).to_have_count(2)
    assert await page.evaluate(IS_CLOSE_PREVENTED)  # the two changes are only in this page


async def test_texts_survive_a_reload_while_the_api_cannot_be_reached(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("ada@example.com", hash_password(PASSWORD))
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    async with open_page(browser, service.port, *NETWORK_ERRORS) as page:
        await open_desk(page, path=f"/tickets/{ticket['ref']}")
        reply, unsent = (
            page.get_by_label("Reply to the customer"),
            page.get_by_label("Unsent message"),
        )
        await page.route("**/graphql", lambda route: route.abort("connectionrefused"))
        await reply.fill("We send a new one")
        await reply.press("Control+Enter")
        await expect(unsent).to_contain_text("We send a new one")
        await reply.fill("By the way")
        await expect(page.get_by_text("Draft saved")).to_be_visible()
        assert not await page.evaluate(IS_CLOSE_PREVENTED)  # the browser has stored both
        await page.reload()
        await expect(page.get_by_role("alert")).to_contain_text("The server can't be reached.")
        await page.unroute("**/graphql")
        await page.get_by_role("button", name="Try again").click()
        await expect(timeline_of(page)).to_contain_text("We send a new one")
        await expect(reply).to_have_value("By the way")
        await expect(unsent).to_have_count(0)
    found = await read_ticket(service, world, ticket["id"])
    assert [each["body"] for each in found["messages"]["nodes"]] == ["We send a new one"]
