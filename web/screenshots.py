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
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).parent.parent
CHROMIUM = "chromium"
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


async def open_first(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.get_by_role("list", name="Timeline").wait_for()


async def write_note(page: Page) -> None:
    await open_first(page)
    await page.keyboard.press("n")
    await page.keyboard.type("The certificate of this gateway ends on Friday.")


async def open_palette(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("in")
    await page.get_by_role("option").first.wait_for()


async def open_settings(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("?")
    await page.get_by_role("dialog").wait_for()


async def select_rows(page: Page) -> None:
    await wait_for_rows(page)
    for key in ("j", "x", "j", "x"):
        await page.keyboard.press(key)


async def wait_for_nothing(page: Page) -> None:
    await page.wait_for_load_state("networkidle")


async def open_first_card(page: Page) -> None:
    await page.get_by_role("list", name="Your tickets").get_by_role("link").first.click()
    await page.get_by_role("list", name="Timeline").wait_for()


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
    Shot("desk-missing", "/tickets/999999", wait_for_nothing),
    Shot("portal", "/portal", wait_for_nothing, CUSTOMER),
    Shot("portal-ticket", "/portal", open_first_card, CUSTOMER),
    Shot("portal-new", "/portal/new", write_subject, CUSTOMER),
    Shot("portal-account", "/portal/account", wait_for_nothing, CUSTOMER),
    Shot("wall-pairing", "/wall/all", wait_for_code, None, WALL_SIZES),
    Shot("wall", "/wall/all", pair_wall, None, WALL_SIZES),
    Shot("wall-hours", "/wall/all", turn_wall, None, WALL_SIZES),
    Shot("wall-stale", "/wall/all", cut_wall_off, None, WALL_SIZES),
)
DOCS = {
    ("desk-ticket", "wide", "light"),
    ("desk-list", "wide", "dark"),
    ("desk-note", "phone", "light"),
}


async def main(arguments: list[str]) -> None:
    is_for_docs = "--docs" in arguments
    only = "".join(each.partition("=")[2] for each in arguments if each.startswith("--only="))
    folders = [each for each in arguments if not each.startswith("--")]
    default = ROOT / ("docs/pictures" if is_for_docs else "web/screenshots")
    folder = Path(folders[0]) if folders else default
    folder.mkdir(parents=True, exist_ok=True)
    with serve_demo() as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_chromium(), args=["--no-sandbox"]
            )
            for shot in [each for each in SHOTS if only in each.name]:
                for size in shot.sizes:
                    for scheme in ("light", "dark"):
                        if not is_for_docs or (shot.name, size, scheme) in DOCS:
                            name = f"{shot.name}-{size}-{scheme}"
                            await take(browser, url, shot, size, scheme, folder / name)
            await browser.close()
    if is_for_docs:
        total = sum(each.stat().st_size for each in folder.iterdir())
        assert total <= MAX_DOCS_BYTES, f"the pictures have {total} bytes, over {MAX_DOCS_BYTES}"


def find_chromium() -> str:
    found = shutil.which(CHROMIUM)
    if found is None:
        raise SystemExit("Chromium is not installed.")
    return found


async def take(browser: Browser, url: str, shot: Shot, size: str, scheme: str, path: Path) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
    )
    page = await context.new_page()
    if shot.email is not None:
        await sign_in(page, shot.email)
    await page.goto(shot.path)
    await shot.prepare(page)
    if shot.sizes == USUAL_SIZES:  # a wallboard always waits for a response
        await page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
    picture.save(path.with_suffix(".webp"), quality=85, method=6)
    print(path.name, flush=True)
    await context.close()


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
    asyncio.run(main(sys.argv[1:]))
