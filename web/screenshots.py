"""Takes pictures of each page of the web applications, for reviews and for the documents.

Usage: python web/screenshots.py [--docs] [--only=TEXT] [FOLDER]

It serves the demo from an empty folder on a port of its own, and opens each page in Chromium, wide
and narrow, light and dark. The pictures go into FOLDER, by default web/screenshots. With --docs it
renews the pictures in docs/pictures instead. --only selects the pages whose names have the text.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, StorageState, async_playwright

ROOT = Path(__file__).parent.parent
START_SECONDS = 120
SIZES = {"wide": (1440, 900), "medium": (900, 800), "phone": (390, 844), "wall": (1920, 1080)}
USUAL_SIZES = ("wide", "medium", "phone")
WALL_SIZES = ("wall", "phone")
MAX_DOCS_BYTES = 300 * 1024

Prepare = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """A page in one state.

    name     the name of the picture
    path     the path of the page
    prepare  brings the page into the state
    email    the account; None for nobody
    sizes    the names of the sizes
    """

    name: str
    path: str
    prepare: Prepare
    email: str | None = "agent@example.com"
    sizes: tuple[str, ...] = USUAL_SIZES


async def wait_for_rows(page: Page) -> None:
    await page.locator("[data-id]").first.wait_for()
    await page.get_by_text("Live", exact=True).wait_for()


async def wait_for_timeline(page: Page) -> None:
    await page.get_by_role("list", name="Timeline").wait_for()


async def open_first(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await wait_for_timeline(page)


async def write_note(page: Page) -> None:
    await open_first(page)
    await page.keyboard.press("n")
    await page.keyboard.type("The certificate of this gateway ends on Friday.")


async def open_palette(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("in")
    await page.get_by_role("dialog").get_by_role("option").first.wait_for()


async def open_settings(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("?")
    await page.get_by_role("dialog").wait_for()


async def select_rows(page: Page) -> None:
    await wait_for_rows(page)
    for key in ("j", "x", "j", "x"):
        await page.keyboard.press(key)


async def open_account(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("Account and")
    await page.get_by_role("dialog").get_by_role("option").first.wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_role("region", name="Sessions").wait_for()


async def refuse_sign_in(page: Page) -> None:
    await page.get_by_label("Email address").fill("agent@example.com")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("alert").filter(has_text="a").wait_for()


async def fail(page: Page) -> None:
    await wait_for_rows(page)
    await page.route("**/graphql", lambda route: route.abort())
    await page.reload()
    await page.get_by_role("button", name="Try again").wait_for()


async def write_offline(page: Page) -> None:
    await open_first(page)
    await page.context.set_offline(True)
    await page.keyboard.press("r")
    await page.keyboard.type("We have found the cause, and will send a correction today.")
    await page.keyboard.press("Control+Enter")
    await page.get_by_label("Unsent message").wait_for()


async def wait_for_nothing(page: Page) -> None:
    await page.wait_for_load_state("networkidle")


async def open_first_card(page: Page) -> None:
    await page.get_by_role("list", name="Your tickets").get_by_role("link").first.click()
    await wait_for_timeline(page)


async def write_subject(page: Page) -> None:
    await page.get_by_role("radio").first.check()
    await page.get_by_label("Subject").fill("The invoice is wrong")
    await page.get_by_role("region", name="about the same").wait_for()


async def wait_for_code(page: Page) -> None:
    await page.locator(".code").wait_for()


async def pair_wall(page: Page) -> None:
    """Approve the code of a wallboard in another browser, as an agent."""
    await wait_for_code(page)
    code = await page.locator(".code").inner_text()
    browser = page.context.browser
    assert browser is not None
    context = await browser.new_context(base_url=page.url)
    agent = await context.new_page()
    await sign_in(agent, "agent@example.com")
    await agent.evaluate(APPROVE, code)
    await context.close()
    await page.get_by_text("Live, as of").wait_for()


async def turn_wall(page: Page) -> None:
    await pair_wall(page)
    await page.get_by_role("button", name="Next page").click()


async def cut_wall_off(page: Page) -> None:
    """Let half a minute pass without a response."""
    await page.clock.install()
    await page.reload()
    await pair_wall(page)
    await page.route("**/wall/session/**", lambda route: route.abort())
    await page.clock.run_for(45_000)
    await page.get_by_role("alert").wait_for()


APPROVE = """(code) => fetch("/graphql", {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Requested-With": "ticketwire" },
  body: JSON.stringify({
    query: "mutation($i: ApproveWallScreenInput!) { approveWallScreen(input: $i) { replayed } }",
    variables: { i: { code, name: "Entrance" } },
  }),
})"""
CUSTOMER = "customer@example.com"
SHOTS = (
    Shot("sign-in", "/sign-in", wait_for_nothing, None),
    Shot("desk-list", "/desk", wait_for_rows),
    Shot("desk-ticket", "/desk", open_first),
    Shot("desk-note", "/desk", write_note),
    Shot("desk-palette", "/desk", open_palette),
    Shot("desk-keys", "/desk", open_settings),
    Shot("desk-selected", "/desk", select_rows),
    Shot("sign-in-refused", "/sign-in", refuse_sign_in, None),
    Shot("desk-missing", "/tickets/999999", wait_for_nothing),
    Shot("desk-empty", "/desk?q=zzzz", wait_for_nothing),
    Shot("desk-failed", "/desk", fail),
    Shot("desk-offline", "/desk", write_offline),
    Shot("desk-account", "/desk", open_account),
    Shot("desk-hard", "/tickets/{hard}", wait_for_timeline),
    Shot("portal", "/portal", wait_for_nothing, CUSTOMER),
    Shot("portal-ticket", "/portal", open_first_card, CUSTOMER),
    Shot("portal-new", "/portal/new", write_subject, CUSTOMER),
    Shot("portal-account", "/portal/account", wait_for_nothing, CUSTOMER),
    Shot("wall-pairing", "/wall/all", wait_for_code, None, WALL_SIZES),
    Shot("wall", "/wall/all", pair_wall, None, WALL_SIZES),
    Shot("wall-hours", "/wall/all", turn_wall, None, WALL_SIZES),
    Shot("wall-stale", "/wall/all", cut_wall_off, None, WALL_SIZES),
)
HARD_TICKET = {
    "requester": {"email": "layla@example.com", "displayName": "ليلى حداد"},
    "category": "technical",
    "subject": "لا يعمل الاتصال بالشبكة " + "Donaudampfschifffahrtsgesellschaftskapitän" * 3,
    "description": "مرحبا، لا يعمل الاتصال منذ الصباح.\n\n" + "https://example.com/" + "x" * 160,
}
"""A requester who writes from right to left, and words that don't fit into a line."""
CREATE_TICKET = """async (input) => {
  const query = `mutation($input: CreateTicketInput!) {
    createTicket(input: $input) { ref userErrors { message } } }`;
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Requested-With": "ticketwire" },
    body: JSON.stringify({ query, variables: { input } }),
  });
  return (await response.json()).data.createTicket.ref;
}"""
DOCS = {
    ("desk-ticket", "wide", "light"),
    ("desk-list", "wide", "dark"),
    ("desk-note", "phone", "light"),
    ("portal", "phone", "light"),
}


def main(arguments: list[str]) -> None:
    is_for_docs = "--docs" in arguments
    only = "".join(each.partition("=")[2] for each in arguments if each.startswith("--only="))
    default = str(ROOT / ("docs/pictures" if is_for_docs else "web/screenshots"))
    folder = Path(next((each for each in arguments if not each.startswith("--")), default))
    folder.mkdir(parents=True, exist_ok=True)
    with serve_demo() as url:
        asyncio.run(take_all(url, folder, only, is_for_docs))
    if is_for_docs:
        total = sum(each.stat().st_size for each in folder.iterdir())
        assert total <= MAX_DOCS_BYTES, f"the pictures have {total} bytes, over {MAX_DOCS_BYTES}"


class Studio:
    """Takes pictures of a server's pages into a folder. Each account signs in once."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self.browser = browser
        self.url = url
        self.folder = folder
        self.sessions: dict[str, StorageState] = {}
        self.hard_ref = ""

    async def prepare(self, is_for_docs: bool) -> None:
        """Sign the accounts in. For reviews, create the ticket whose texts are hard to show."""
        for email in {shot.email for shot in SHOTS} - {None}:
            assert email is not None
            page = await self.browser.new_page(base_url=self.url)
            await sign_in(page, email)
            if email != CUSTOMER and not is_for_docs:
                self.hard_ref = await page.evaluate(CREATE_TICKET, HARD_TICKET)
            self.sessions[email] = await page.context.storage_state()
            await page.close()

    async def take(self, shot: Shot, size: str, scheme: str) -> None:
        width, height = SIZES[size]
        context = await self.browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
            storage_state=self.sessions[shot.email] if shot.email else None,
        )
        page = await context.new_page()
        await page.goto(shot.path.format(hard=self.hard_ref))
        await shot.prepare(page)
        if shot.sizes == USUAL_SIZES:  # a wallboard always waits for a response
            await page.wait_for_load_state("networkidle")
        picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
        name = f"{shot.name}-{size}-{scheme}"
        picture.save(self.folder / f"{name}.webp", quality=80, method=6)
        print(name, flush=True)
        await context.close()


async def take_all(url: str, folder: Path, only: str, is_for_docs: bool) -> None:
    async with async_playwright() as playwright:
        chromium, arguments = find_chromium(), ["--no-sandbox"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        studio = Studio(browser, url, folder)
        await studio.prepare(is_for_docs)
        for shot in [each for each in SHOTS if only in each.name]:
            for size, scheme in itertools.product(shot.sizes, ("light", "dark")):
                if not is_for_docs or (shot.name, size, scheme) in DOCS:
                    await studio.take(shot, size, scheme)
        await browser.close()


def find_chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        raise SystemExit("Chromium is not installed.")
    return found


async def sign_in(page: Page, email: str) -> None:
    await page.goto("/sign-in")
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill("demo")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/sign-in" not in url)


@contextlib.contextmanager
def serve_demo() -> Iterator[str]:
    """Serve the demo from an empty folder until the end; its URL."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cli", "serve", "--demo", "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TICKETWIRE_LOG_LEVEL": "error"}
        process = subprocess.Popen(command, cwd=folder, env=environment)
        try:
            wait_until_ready(port, process)
            yield url
        finally:
            process.terminate()
            process.wait(60)


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise SystemExit("The demo did not start.")


if __name__ == "__main__":
    main(sys.argv[1:])
