"""`python -m benchmarks desk`: the agent's desk in Chromium, with a list of many tickets.

It serves a new database of sample tickets with the usual limits, and an agent opens a saved view of
all tickets. Each round opens it in a new browser profile, whose cache is empty, and measures from
the start of the navigation

- the first paint of the page with its rows (Chromium's first contentful paint, and the first row),
- the complete list.

Then it presses j and k, one key at a time, and measures from the key event until the frame after it
has been painted.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx2
from playwright.async_api import Browser, Page, StorageState, async_playwright

from benchmarks import command_line
from benchmarks.accounts import create_account
from benchmarks.attacks.accounts import mutate
from benchmarks.databases import database_label, temporary_database
from benchmarks.programs import BenchmarkError
from benchmarks.server import run_server
from demo.seed import seed_tickets
from models import database, migrate
from models.people.password import hash_password
from models.people.user import Role, User

CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-background-networking"]
EMAIL = "benchmark-agent@example.com"
PASSWORD = "a long password"
TIMEOUT_MS = 300_000
SIZE = {"width": 1440, "height": 900}
KEYS_PER_ROUND = 200
CREATE_VIEW = """mutation($i: CreateSavedViewInput!) {
  createSavedView(input: $i) { savedView { id } userErrors { message } }
}"""
WATCH = """
window.times = {};
new MutationObserver(() => {
  if (times.row === undefined && document.querySelector("[data-id]"))
    requestAnimationFrame(() => (times.row ??= performance.now()));
  if (times.complete === undefined && document.querySelector("h1 + .quiet"))
    requestAnimationFrame(() => (times.complete ??= performance.now()));
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
"""Notes the times of the first row and of the complete list, in milliseconds."""
READ_PAINT = 'performance.getEntriesByName("first-contentful-paint")[0].startTime'
NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
PRESS = """
window.delays = [];
addEventListener("keydown", (event) => {
  requestAnimationFrame(() => {
    const painted = new MessageChannel(); // its message comes after the frame
    painted.port1.onmessage = () => delays.push(performance.now() - event.timeStamp);
    painted.port2.postMessage(null);
  });
}, { capture: true });
"""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("desk", __doc__)
    command_line.add_database_option(parser)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(command_line.run_until_stopped(run(parser.parse_args(arguments))))


async def run(options: argparse.Namespace) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise BenchmarkError("Chromium is not installed")
    async with temporary_database(options.database) as url:
        command_line.log(f"adding {options.tickets:,} tickets")
        token = await prepare_database(url, options.tickets)
        async with run_server(url) as server, async_playwright() as playwright:
            base = f"http://127.0.0.1:{server.port}"
            path = f"/desk?view={await create_view(base, token)}"
            browser = await playwright.chromium.launch(
                executable_path=program, args=CHROMIUM_OPTIONS
            )
            rounds = Rounds(browser, base, path)
            for number in range(1, options.rounds + 1):
                command_line.log(f"round {number}")
                await rounds.measure()
            await browser.close()
    print(f"{database_label(options.database)}, {options.tickets:,} tickets in the list\n")
    print(rounds.render())


async def prepare_database(url: str, tickets: int) -> str:
    """Migrate the database, add sample tickets and an agent; return the token of an admin."""
    await database.connect(url)
    try:
        await migrate.migrate()
        await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
        password_hash = await asyncio.to_thread(hash_password, PASSWORD)
        await User.create(
            email=EMAIL, display_name="Agent", role=Role.AGENT, password_hash=password_hash
        )
        return await create_account("Admin")
    finally:
        await database.disconnect()


async def create_view(base: str, token: str) -> str:
    """Create a view of all tickets for everyone, with the usual columns; return its id."""
    async with httpx2.AsyncClient(base_url=base) as http:
        payload = await mutate(http, token, CREATE_VIEW, {"name": "All", "audience": "EVERYONE"})
        view_id: str = payload["savedView"]["id"]
        return view_id


class Rounds:
    """The measured times in milliseconds, by name."""

    def __init__(self, browser: Browser, base: str, path: str) -> None:
        self.browser = browser
        self.base = base
        self.path = path
        self.times: dict[str, list[float]] = {}

    async def measure(self) -> None:
        """Open the desk in a new profile, wait for the complete list, and press keys."""
        state = await self.sign_in()
        async with await self.browser.new_context(storage_state=state, viewport=SIZE) as context:
            context.set_default_timeout(TIMEOUT_MS)
            page = await context.new_page()
            await page.add_init_script(WATCH)
            await page.goto(self.base + self.path)
            await page.locator("h1 + .quiet").wait_for()  # the number of tickets
            await page.evaluate(NEXT_FRAME)
            self.add("first contentful paint", await page.evaluate(READ_PAINT))
            self.add("first row", await page.evaluate("times.row"))
            self.add("complete list", await page.evaluate("times.complete"))
            await self.press_keys(page)

    async def sign_in(self) -> StorageState:
        """The cookies of a new session, in a profile of their own."""
        async with await self.browser.new_context() as context:
            context.set_default_timeout(TIMEOUT_MS)
            page = await context.new_page()
            await page.goto(f"{self.base}/sign-in")
            await page.get_by_label("Email address").fill(EMAIL)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in").click()
            await page.wait_for_url("**/desk")
            return await context.storage_state()

    async def press_keys(self, page: Page) -> None:
        """Move down the list and up again."""
        await page.evaluate(PRESS)
        for index in range(KEYS_PER_ROUND):
            await page.keyboard.press("j" if index < KEYS_PER_ROUND / 2 else "k")
            await page.evaluate(NEXT_FRAME)
        delays = await page.evaluate("delays")
        if len(delays) != KEYS_PER_ROUND:
            raise BenchmarkError(f"{len(delays)} of {KEYS_PER_ROUND} keys were measured")
        for delay in delays:
            self.add("key press to paint", delay)

    def add(self, name: str, milliseconds: float) -> None:
        self.times.setdefault(name, []).append(milliseconds)

    def render(self) -> str:
        lines = [
            "| | measured | median ms | 99th percentile ms | maximum ms |",
            "|---|---|---|---|---|",
        ]
        for name, times in self.times.items():
            found = (statistics.median(times), percentile(times, 0.99), max(times))
            figures = " | ".join(f"{each:,.0f}" for each in found)
            lines.append(f"| {name} | {len(times):,} | {figures} |")
        return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
