"""A browser signs in, sees the tickets, and signs out."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlencode

from playwright.async_api import Page, Route, expect
from support import Service, World
from support.desk_page import expect_live, row_of, sign_in

SEND_QUERY = """() => fetch("/graphql", {
  method: "POST",
  body: JSON.stringify({ query: "{ viewer { __typename } }" }),
  headers: { "content-type": "application/json", authorization: "Bearer ended" },
})"""


async def test_an_agent_signs_in_sees_the_tickets_and_signs_out(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("<b>VPN</b> is down")
    await page.goto("/")
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await sign_in(page, "ada")
    await expect(page).to_have_url(re.compile("/desk$"))
    row = row_of(page, ticket["ref"])
    await expect(row).to_contain_text("<b>VPN</b> is down")
    await page.reload()
    await expect(row).to_be_visible()
    cookies = await page.context.cookies()
    assert [(each["name"], each["httpOnly"], each["sameSite"]) for each in cookies] == [
        ("ticketwire-session", True, "Lax")
    ]
    stored = await page.evaluate("document.cookie + JSON.stringify({...localStorage})")
    assert stored == '{"ticketwire-language":"en"}'
    await row.click()
    await expect(page).to_have_url(re.compile(f"/tickets/{ticket['ref']}$"))
    await expect(page.get_by_role("main").get_by_role("heading")).to_have_text("<b>VPN</b> is down")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await page.goto("/desk")
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_a_link_to_a_ticket_survives_the_sign_in(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Invoice")
    await page.goto(f"/tickets/{ticket['ref']}")
    await sign_in(page, "ada")
    await expect(page).to_have_url(re.compile(f"/tickets/{ticket['ref']}$"))
    await expect(page.get_by_role("main").get_by_role("heading")).to_have_text("Invoice")


async def test_a_link_to_another_site_is_not_followed_after_the_sign_in(page: Page) -> None:
    for target in (
        *("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"),
        *("/.//evil.example", "/%2e//evil.example", "/a/..//evil.example", "/.\\\\evil.example"),
    ):
        await page.goto("/sign-in?" + urlencode({"next": target}))
        await sign_in(page, "ada")
        await expect(page).to_have_url(re.compile("^http://127.0.0.1:[0-9]+/desk$"))


async def test_a_customer_gets_to_the_portal(page: Page) -> None:
    await page.goto("/desk")
    await sign_in(page, "cora")
    await expect(page).to_have_url(re.compile("/portal$"))
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/sign-in$"))


async def test_the_session_works_over_http_and_over_a_websocket(page: Page) -> None:
    await page.goto("/sign-in")
    await sign_in(page, "ada")
    await expect(page).to_have_url(re.compile("/desk$"))
    own = "fetch('/graphql', {method: 'POST', headers: {'Content-Type': 'application/json', "
    own += "'X-Requested-With': 'x'}, body: JSON.stringify({query: '{ viewer { role } }'})})"
    assert await page.evaluate(f"{own}.then((r) => r.json()).then((r) => r.data.viewer)") == {
        "role": "AGENT"
    }
    socket = """new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/graphql`, "graphql-transport-ws");
      socket.onopen = () => socket.send(JSON.stringify({type: "connection_init"}));
      socket.onclose = (event) => resolve(event.code);
      socket.onmessage = ({data}) => {
        const message = JSON.parse(data);
        if (message.type === "connection_ack") {
          const payload = {query: "{ viewer { role } }"};
          socket.send(JSON.stringify({type: "subscribe", id: "1", payload}));
        } else if (message.type === "next") resolve(message.payload.data.viewer);
      };
    })"""
    assert await page.evaluate(socket) == {"role": "AGENT"}


async def test_what_fails_while_a_person_signs_out_leads_to_no_other_page(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Invoice")
    closed = asyncio.Event()
    page.on("websocket", lambda socket: socket.on("close", lambda _: closed.set()))
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url))
    await page.goto("/sign-in")
    await sign_in(page, "ada")
    await row_of(page, ticket["ref"]).click()
    await expect_live(page)

    async def end_the_session_and_wait(route: Route) -> None:
        response = await route.fetch()
        await closed.wait()  # the page knows that its session has ended
        # The page may then send a request, for example that the ticket was seen. It is refused.
        await page.evaluate(SEND_QUERY)
        await route.fulfill(response=response)

    await page.route("**/session", end_the_session_and_wait)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/sign-in$"))
    assert [path for path in paths if "next=" in path] == []


async def test_an_html_page_in_place_of_the_response_is_shown_as_unavailable(page: Page) -> None:
    await page.route(
        "**/session",
        lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Oops</h1>"),
    )
    await page.goto("/sign-in")
    await sign_in(page, "ada")
    await expect(page.get_by_role("alert")).to_have_text(
        "The server is not available (HTTP status 200). Try again in a minute."
    )
