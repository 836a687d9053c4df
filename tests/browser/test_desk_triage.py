"""An agent triages 50 tickets by the keyboard alone."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect
from support import Service, World
from support.accounts import PASSWORD
from support.desk_page import WIDE, bulk_of, expect_live, jobs_of, timeline_of

TICKETS = 50
SELECTED = 10
COUNT_POINTER_EVENTS = """
window.pointerEvents = [];
for (const type of ["pointerdown", "pointermove", "mousedown", "mousemove", "touchstart", "wheel"])
  addEventListener(type, (event) => window.pointerEvents.push(event.type), { capture: true });
"""
READ = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket {
  ref status priority tags resolution assignee { displayName }
  messages(first: 9) { nodes { __typename body } } } } }"""


async def test_50_tickets_are_triaged_without_a_pointer(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(TICKETS)]
    await page.add_init_script(COUNT_POINTER_EVENTS)
    await page.set_viewport_size(WIDE)
    await open_desk_by_keys(page)
    await expect_live(page)
    together = await resolve_together(page)
    triage = (take_and_resolve, assign_and_wait, note_and_hold, reply_and_resolve)
    one_by_one: list[str] = []
    await page.keyboard.press("j")
    for number in range(TICKETS - SELECTED):
        await page.keyboard.press("j" if number else "Enter")
        one_by_one.append(await ref_of_next(page, one_by_one))
        await triage[number % len(triage)](page)
    assert await page.evaluate("window.pointerEvents") == []

    assert sorted(together + one_by_one) == sorted(each["ref"] for each in tickets)
    agent = service.client(world.ada.token)
    ids = [each["id"] for each in tickets]
    found = {each["ref"]: each for each in (await agent.run(READ, ids=ids))["nodes"]}
    for ref in together:
        assert read_triage(found[ref]) == ("RESOLVED", "NORMAL", None, [], "All have paper", [])
    for number, ref in enumerate(one_by_one):
        assert read_triage(found[ref]) == EXPECTED[number % len(triage)], ref


async def open_desk_by_keys(page: Page) -> None:
    """Sign in by the keyboard, and choose the first row."""
    await page.goto("/desk")
    await expect(page.get_by_label("Email address")).to_be_focused()
    await page.keyboard.type("ada@example.com")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Tickets").get_by_role("link").first).to_be_visible()


async def resolve_together(page: Page) -> list[str]:
    """Select the first tickets, and resolve them by one bulk change. Returns their refs."""
    rows = page.get_by_label("Tickets").get_by_role("link")
    names = [await row.get_attribute("href") or "" for row in (await rows.all())[:SELECTED]]
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    for _ in range(SELECTED - 1):
        await page.keyboard.press("Shift+J")
    await expect(bulk_of(page).get_by_role("status")).to_have_text(f"{SELECTED} selected")
    await page.keyboard.press("s")
    await page.keyboard.type("Resolve")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Resolve").get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("All have paper")
    await page.keyboard.press("Control+Enter")
    await expect(jobs_of(page).get_by_role("status")).to_have_text(f"Resolve: {SELECTED} changed")
    await expect(page.get_by_role("button", name=f"{SELECTED} gone: show")).to_be_visible()
    await page.keyboard.press(".")
    await page.keyboard.press("Escape")  # nothing is selected any more
    await expect(bulk_of(page)).to_be_hidden()
    return [name.rpartition("/")[2] for name in names]


async def ref_of_next(page: Page, earlier: list[str]) -> str:
    """Wait until another ticket is open; its ref."""
    main = page.get_by_role("main")
    await expect(main.get_by_role("article").first).to_be_visible()
    if earlier:
        await page.wait_for_url(lambda url: not url.endswith(earlier[-1]))
    ref = page.url.rpartition("/")[2].partition("?")[0]
    await expect(main.get_by_role("article", name=ref)).to_be_visible()
    return ref


async def pick(page: Page, key: str, name: str, text: str) -> None:
    await page.keyboard.press(key)
    panel = page.get_by_role("dialog", name=name, exact=True)
    await expect(panel.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type(text)
    await expect(panel.get_by_role("option").first).to_contain_text(text)
    await page.keyboard.press("Enter")


async def write(page: Page, key: str, label: str, text: str) -> None:
    await page.keyboard.press(key)
    await expect(page.get_by_role("textbox", name=label)).to_be_focused()
    await page.keyboard.type(text)


async def take_and_resolve(page: Page) -> None:
    await page.keyboard.press("i")
    await expect(page.get_by_role("main")).to_contain_text("Assignee: Ada")
    await pick(page, "p", "Priority", "High")
    await write(page, "e", "How was it resolved?", "New toner")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("group", name="Actions")).to_be_focused()
    await expect(timeline_of(page)).to_contain_text("to Resolved")


async def assign_and_wait(page: Page) -> None:
    await pick(page, "a", "Assignee", "Bill")
    await pick(page, "l", "Tags", "toner")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("toner")
    await page.keyboard.press("Escape")
    await pick(page, "s", "Status", "Wait for the customer")
    await expect(timeline_of(page)).to_contain_text("to Waiting")


async def note_and_hold(page: Page) -> None:
    await write(page, "n", "Internal note", "Ask the vendor")
    await page.keyboard.press("Control+Enter")
    await expect(timeline_of(page)).to_contain_text("Ask the vendor")
    await page.keyboard.press("Escape")  # leaves the text
    await pick(page, "s", "Status", "Put on hold")
    panel = page.get_by_role("dialog", name="Status", exact=True)
    await expect(panel.get_by_label("Until")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(timeline_of(page)).to_contain_text("to On hold")


async def reply_and_resolve(page: Page) -> None:
    await write(page, "r", "Reply to the customer", "We have sent a new one")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("Send and resolve")
    await expect(page.get_by_role("option").first).to_contain_text("Send and resolve")
    await page.keyboard.press("Enter")
    await expect(timeline_of(page)).to_contain_text("We have sent a new one")
    await expect(timeline_of(page)).to_contain_text("to Resolved")
    await page.keyboard.press("Escape")


Triaged = tuple[str, str, str | None, list[str], str | None, list[str]]
REPLY, NOTE = "Reply: We have sent a new one", "Note: Ask the vendor"
EXPECTED: list[Triaged] = [
    ("RESOLVED", "HIGH", "Ada", [], "New toner", []),
    ("WAITING_ON_CUSTOMER", "NORMAL", "Bill", ["toner"], None, []),
    ("ON_HOLD", "NORMAL", None, [], None, [NOTE]),
    ("RESOLVED", "NORMAL", None, [], "We have sent a new one", [REPLY]),
]


def read_triage(ticket: dict[str, Any]) -> Triaged:
    """What the triage has changed, in the order of `Triaged`."""
    assignee = ticket["assignee"] and ticket["assignee"]["displayName"]
    messages = [f"{each['__typename']}: {each['body']}" for each in ticket["messages"]["nodes"]]
    return (
        ticket["status"], ticket["priority"], assignee, ticket["tags"], ticket["resolution"],
        messages,
    )  # fmt: skip
