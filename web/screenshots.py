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
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, StorageState, async_playwright
from screenshot_pages import AGENT, DOCS, SHOTS, SIZES, USUAL_SIZES, Shot
from screenshot_states import sign_in

ROOT = Path(__file__).parent.parent
START_SECONDS = 120
MAX_DOCS_BYTES = 300 * 1024
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
            if email == AGENT and not is_for_docs:
                self.hard_ref = await page.evaluate(CREATE_TICKET, HARD_TICKET)
            # without the language that the page has stored
            cookies = (await page.context.storage_state()).get("cookies", [])
            self.sessions[email] = {"cookies": cookies, "origins": []}
            await page.close()

    async def take(self, shot: Shot, size: str, scheme: str) -> None:
        width, height = SIZES[size]
        context = await self.browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=shot.locale,
            storage_state=self.sessions[shot.email] if shot.email else None,
        )
        page = await context.new_page()
        await page.goto(shot.path.format(hard=self.hard_ref))
        await shot.prepare(page)
        if shot.sizes == USUAL_SIZES:  # a wallboard always waits for a response
            await page.wait_for_load_state("networkidle")
        picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
        name = f"{shot.name}-{size}-{scheme}"
        # Lossless is smaller than a quality of 60 here: the pages are flat areas and text.
        picture.save(self.folder / f"{name}.webp", lossless=True, quality=100, method=6)
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
