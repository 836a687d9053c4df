"""A wallboard in a browser: paired by an agent, left alone, cut off, updated and revoked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from support import Service, World
from support.accessibility import OVERFLOW, assert_accessible
from support.admin_mutations import run_mutation, send_mutation
from support.browser_page import open_page
from support.desk_page import open_desk
from support.live import until
from support.service import Process, start
from support.wall_page import (
    UNPAIRED,
    approve,
    assert_screen_usable,
    expect_live,
    figure_of,
    open_screen,
)

import web_routes
from resolvers.wall import endpoints

TEXTS = ("Kryptonite", "Lex Luthor", "daily-planet", "cora", "Cora", "Acme")
SECRET: dict[str, Any] = {"description": "Lex Luthor sent it.", "tags": ["daily-planet"]}


@pytest.fixture
async def screen(browser: Browser, service: Service, world: World) -> AsyncIterator[Page]:
    """A screen that shows a code."""
    async with open_screen(browser, service.port) as found:
        yield found


async def test_an_agent_approves_a_screen_which_follows_the_tickets_until_it_is_revoked(
    screen: Page, page: Page, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await open_desk(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("wallboard")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Approve a wallboard screen")
    await dialog.get_by_label("Code on the screen").fill("AAAA-AAAA")
    await dialog.get_by_label("Name").fill("Entrance")
    await dialog.get_by_label("Board").select_option("support")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("No screen shows this code")
    code = (await screen.locator(".code").inner_text()).replace("\n", "")
    await dialog.get_by_label("Code on the screen").fill(code.lower())
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog.get_by_role("listitem")).to_contain_text("Entrance Support")
    await expect(dialog.get_by_role("listitem")).to_contain_text("approved by Ada")
    await expect(dialog.get_by_role("status")).to_contain_text("Do you see it on your screen?")
    await expect(dialog.get_by_role("status").get_by_role("button", name="Revoke")).to_be_enabled()
    await assert_accessible(page, "dialog of wallboard screens")

    await expect_live(screen)
    await expect(screen).to_have_url(re.compile("/wall/support$"))
    await expect(screen.get_by_role("heading", name="Support")).to_be_visible()
    await expect(figure_of(screen, "Open")).to_have_text("0")
    ticket = await cora.raise_ticket("Kryptonite", **SECRET)
    await expect(figure_of(screen, "Open")).to_have_text("1")
    await expect(screen.get_by_role("row").filter(has_text=ticket["ref"])).to_contain_text("First")

    await dialog.get_by_role("button", name="Revoke Entrance").click()
    await expect(screen.get_by_role("heading", name="Pair this screen")).to_be_visible()
    await expect(dialog.get_by_role("listitem")).to_have_count(0)
    await expect(dialog.get_by_role("status")).to_have_count(0)
    assert (await screen.locator(".code").inner_text()).replace("\n", "") != code


async def test_no_text_of_a_customer_is_in_a_response_or_on_the_screen(
    screen: Page, service: Service, world: World
) -> None:
    bodies: list[str] = []

    async def note(response: Any) -> None:
        bodies.append(await response.text())

    screen.on("response", note)
    cora = service.client(world.cora.token)
    await approve(screen, service.client(world.ada.token))
    for _ in range(3):
        ticket = await cora.raise_ticket("Kryptonite", **SECRET)
    await expect(screen.get_by_role("row").filter(has_text=ticket["ref"])).to_be_visible()

    async def is_received() -> bool:
        return any(ticket["ref"] in each for each in bodies)

    await until(is_received)
    screen.remove_listener("response", note)
    everything = "".join(bodies) + await screen.content()
    assert [text for text in TEXTS if text in everything] == []


async def test_a_screen_that_is_cut_off_says_so_and_recovers(
    browser: Browser, service: Service, world: World
) -> None:
    async with open_screen(browser, service.port) as screen:
        await approve(screen, service.client(world.ada.token))
        await screen.clock.install()
        await screen.reload()
        await expect_live(screen)
        await screen.route("**/wall/session/**", lambda route: route.abort())
        await screen.clock.fast_forward(15_000)
        await expect(screen.get_by_text("Reconnecting, as of")).to_be_visible()
        await expect(screen.get_by_role("alert")).to_have_count(0)
        await screen.clock.fast_forward(16_000)
        overlay = screen.get_by_role("alert")
        await expect(overlay).to_have_text(re.compile(r"Not live since \d\d:\d\d:\d\d"))
        await assert_accessible(screen, "stale")
        await service.client(world.cora.token).raise_ticket("Printer")
        await screen.unroute("**/wall/session/**")
        await screen.clock.fast_forward(10_000)
        await expect(overlay).to_have_count(0)
        await expect_live(screen)
        await expect(figure_of(screen, "Open")).to_have_text("1")


@pytest.mark.both_databases
async def test_a_screen_recovers_from_a_restart_of_the_server(
    browser: Browser, url: str, people: World
) -> None:
    process: Process = await start(url)
    try:
        async with open_screen(browser, process.port) as screen:
            await approve(screen, process.client(people.ada.token))
            process.kill()
            await expect(screen.get_by_text("Reconnecting, as of")).to_be_visible()
            process.popen = (await start(url, process.port)).popen
            await process.client(people.cora.token).raise_ticket("Printer")
            await expect_live(screen)
            await expect(figure_of(screen, "Open")).to_have_text("1")
    finally:
        process.stop()


async def test_a_new_version_of_the_server_reloads_the_page_once(
    screen: Page, service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approve(screen, service.client(world.ada.token))
    web_routes.hash_page.cache_clear()
    async with screen.expect_event("load"):
        monkeypatch.setattr(web_routes, "find_software_version", lambda: "2.0")
    await expect_live(screen)
    # a server whose page stays the old one must not cause a loop
    await screen.evaluate("window.isOldPage = true")
    web_routes.hash_page.cache_clear()
    monkeypatch.setattr(web_routes, "find_software_version", lambda: "3.0")
    cora = service.client(world.cora.token)
    for count in (1, 2):
        await cora.raise_ticket("Printer")
        await expect(figure_of(screen, "Open")).to_have_text(str(count))
    assert await screen.evaluate("window.isOldPage")
    web_routes.hash_page.cache_clear()


async def test_a_screen_keeps_its_board_while_the_new_page_can_not_be_loaded(
    browser: Browser, service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora = service.client(world.cora.token)
    async with open_screen(browser, service.port, "status of 502") as screen:
        await approve(screen, service.client(world.ada.token))
        await screen.route("**/wall/all", lambda route: route.fulfill(status=502, body="Bad"))
        web_routes.hash_page.cache_clear()
        monkeypatch.setattr(web_routes, "find_software_version", lambda: "4.0")
        for count in (1, 2):
            await cora.raise_ticket("Printer")
            await expect(figure_of(screen, "Open")).to_have_text(str(count))
        async with screen.expect_event("load"):
            await screen.unroute("**/wall/all")
        await expect_live(screen)
    web_routes.hash_page.cache_clear()


async def test_the_pages_rotate_until_somebody_pauses_them(
    browser: Browser, service: Service, world: World
) -> None:
    async with open_screen(browser, service.port) as screen:
        await screen.clock.install()
        await approve(screen, service.client(world.ada.token))
        await expect(screen.get_by_text("Page 1 of 2")).to_be_visible()
        await screen.clock.run_for(31_000)
        await expect(screen.get_by_text("Page 2 of 2")).to_be_visible()
        await expect(screen.get_by_text("0 resolved")).to_be_visible()
        await screen.get_by_role("button", name="Pause").click()
        await screen.clock.run_for(60_000)
        await expect(screen.get_by_text("Page 2 of 2")).to_be_visible()
        await screen.get_by_role("button", name="Next page").click()
        await expect(screen.get_by_text("Page 1 of 2")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "title", "live"),
    [
        ("Deutsch", "Bildschirm freigeben", "Live, Stand"),
        ("हिन्दी", "यह स्क्रीन जोड़ें", "लाइव"),
    ],
)
async def test_a_screen_speaks_the_language_that_is_chosen_while_pairing(
    language: str, title: str, live: str, screen: Page, service: Service, world: World
) -> None:
    await screen.get_by_role("button", name=language).click()
    await expect(screen.get_by_role("heading", name=title)).to_be_visible()
    code = await screen.locator(".code").inner_text()
    ada = service.client(world.ada.token)
    await run_mutation(ada, "approveWallScreen", code=code, name="Eingang")
    await expect(screen.get_by_text(live)).to_be_visible()
    assert await screen.evaluate("document.documentElement.lang") in ("de", "hi")
    await assert_accessible(screen, language)
    assert await screen.evaluate(OVERFLOW) <= 0


async def test_a_screen_waits_and_tries_again_if_too_many_wait_for_approval(
    browser: Browser, service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "PAIRING_COST", 10**9)
    async with open_page(browser, service.port, UNPAIRED, "status of 429") as screen:
        await screen.goto("/wall/all")
        await expect(screen.get_by_role("alert")).to_contain_text("Too many screens")
        await assert_screen_usable(screen, "too many")
        monkeypatch.setattr(endpoints, "PAIRING_COST", 0)
        await expect(screen.locator(".code")).to_be_visible()
        await expect(screen.get_by_role("alert")).to_have_count(0)


async def test_a_screen_of_a_revoked_session_asks_for_a_new_code(
    screen: Page, service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    first = await approve(screen, ada)
    await send_mutation(ada, "revokeWallScreen", screenId=first)
    await expect(screen.locator(".code")).to_be_visible()
    await approve(screen, ada, "billing")
    await expect(screen.get_by_role("heading", name="Billing")).to_be_visible()
