"""Replies in the desk that the server refuses, because the customer was faster."""

from __future__ import annotations

from playwright.async_api import Page, Route, expect

from support.actors import World
from support.desk_page import timeline_of
from support.service import Service


async def refuse_the_first_reply(page: Page, service: Service, world: World, ticket: str) -> None:
    """Let the customer write while the agent's reply is under way."""
    customer = service.client(world.cora.token)
    sent = False

    async def answer(route: Route) -> None:
        nonlocal sent
        if "mutation Reply" in (route.request.post_data or "") and not sent:
            sent = True
            await customer.do("replyToTicket", ticketId=ticket, body="It works again")
        await route.continue_()

    await page.route("**/graphql", answer)
    reply = page.get_by_label("Reply to the customer")
    await reply.fill("We send a new one")
    await reply.press("Control+Enter")
    await expect(page.get_by_label("Unsent message")).to_contain_text("Not sent")
    await expect(timeline_of(page)).to_contain_text("It works again")
