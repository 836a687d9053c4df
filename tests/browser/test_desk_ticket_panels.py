"""What belongs to a ticket: SLA clocks, the customer, links, watchers, resources and merges."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect
from support import Service, World
from support.desk_page import open_desk, timeline_of
from support.live import until

READ = """query($id: ID!) { ticket(id: $id) {
  watchers { displayName } resources { kind externalId } escalationLevel
  links { kind ticket { ref } } mergedInto { ref } status } }"""

FIRST_LETTER_IS_IN_VIEW = """(element) => {
  const range = document.createRange();
  range.setStart(element.firstChild, 0);
  range.setEnd(element.firstChild, 1);
  const [letter, line] = [range, element.parentElement].map((each) => each.getBoundingClientRect());
  return letter.width > 0 && letter.left >= line.left && letter.right <= line.right;
}"""


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name="Properties").get_by_role("region", name=name)


async def open_ticket(page: Page, ref: str) -> None:
    """Open a ticket in a window that shows the properties as a column."""
    await page.set_viewport_size({"width": 1440, "height": 1200})
    await open_desk(page, path=f"/tickets/{ref}")
    await expect(panel(page, "Customer")).to_be_visible()


async def test_each_clock_counts_down_and_has_its_ledger(
    page: Page, service: Service, world: World
) -> None:
    agent = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await agent.do("updateTicket", ticketId=ticket["id"], priority="URGENT")  # around the clock
    await agent.do("replyToTicket", ticketId=ticket["id"], body="We look into it")
    await agent.do("awaitCustomer", ticketId=ticket["id"])
    await open_ticket(page, ticket["ref"])
    clocks = panel(page, "SLA targets")
    await expect(clocks).to_contain_text("First response achieved")
    await expect(clocks).to_contain_text("Resolution paused: waiting for customer")
    await clocks.get_by_role("button", name="paused").click()
    ledger = page.get_by_role("dialog", name="Resolution: what has counted")
    await expect(ledger.get_by_role("listitem").first).to_contain_text("Cora created the ticket")
    pause = ledger.get_by_role("listitem").filter(has_text="waiting for customer").last
    await expect(pause).to_contain_text("changed the status from Open to Waiting")
    await page.keyboard.press("Escape")
    await agent.do("resumeTicket", ticketId=ticket["id"])
    running = clocks.get_by_role("button").last
    await expect(running).not_to_contain_text("paused")
    before = await running.inner_text()
    await expect(running).not_to_have_text(before)


async def test_the_panel_of_the_customer_opens_their_history(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    tickets = [await customer.raise_ticket(f"Printer {number}") for number in range(7)]
    await service.client(world.carl.token).raise_ticket("Not of Cora")
    await open_ticket(page, tickets[0]["ref"])
    shown = panel(page, "Customer")
    await expect(shown).to_contain_text("cora@example.com")
    await expect(shown.get_by_role("list").get_by_role("link")).to_have_count(5)
    await shown.get_by_role("button", name="All other tickets: 6").click()
    history = page.get_by_role("dialog", name="Tickets of Cora")
    await expect(history.get_by_role("link")).to_have_count(7)
    await history.get_by_role("link", name="Printer 1").click()
    heading = page.get_by_role("main").get_by_role("heading", level=1)
    await expect(heading).to_have_text("Printer 1")
    await expect(history).to_be_hidden()


async def test_the_start_of_a_subject_from_right_to_left_is_in_view(
    page: Page, service: Service, world: World
) -> None:
    customer = service.client(world.cora.token)
    await customer.raise_ticket("لا يعمل الاتصال بالشبكة منذ صباح اليوم في المكتب الرئيسي " * 2)
    ticket = await customer.raise_ticket("Printer")
    await open_ticket(page, ticket["ref"])
    subject = panel(page, "Customer").get_by_role("listitem").locator("bdi").first
    await expect(subject).to_contain_text("لا يعمل")
    assert await subject.evaluate(FIRST_LETTER_IS_IN_VIEW)


async def test_links_watchers_and_resources_are_added_and_removed(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = [await customer.raise_ticket(each) for each in ("Printer", "Scanner")]
    await open_ticket(page, ticket["ref"])
    links, watchers = panel(page, "Linked tickets"), panel(page, "Watchers")
    resources = panel(page, "Resources")
    await links.get_by_role("button", name="Link a ticket").click()
    add = page.get_by_role("dialog", name="Link a ticket")
    await add.get_by_label("This ticket is").select_option("part of")
    await add.get_by_role("combobox", name="Link a ticket").fill(other["ref"])
    await add.get_by_role("option", name="Scanner").click()
    await expect(links.get_by_role("listitem")).to_contain_text(f"part of {other['ref']}")
    await watchers.get_by_role("button", name="Add a watcher").click()
    await page.keyboard.type("bill")
    await page.keyboard.press("Enter")
    await expect(watchers.get_by_role("listitem")).to_contain_text("Bill")
    await page.keyboard.press("Escape")
    await resources.get_by_role("button", name="Add a resource").click()
    form = page.get_by_role("dialog", name="Add a resource")
    await form.get_by_label("Kind").fill("server")
    await form.get_by_label("Id in the other system").fill("web-1")
    await form.get_by_role("button", name="Add a resource").click()
    await expect(resources.get_by_role("listitem")).to_contain_text("server web-1")
    found = (await agent.run(READ, id=ticket["id"]))["ticket"]
    assert found["links"] == [{"kind": "CHILD_OF", "ticket": {"ref": other["ref"]}}]
    assert found["resources"] == [{"kind": "server", "externalId": "web-1"}]
    await expect(timeline_of(page)).to_contain_text("changed the watchers")
    await links.get_by_role("button", name="Remove the link").click()
    await watchers.get_by_role("button", name="Remove the watcher Bill").click()
    await resources.get_by_role("button", name="Remove the resource web-1").click()
    await expect(timeline_of(page)).to_contain_text("removed the resource")
    found = (await agent.run(READ, id=ticket["id"]))["ticket"]
    assert (found["links"], found["watchers"], found["resources"]) == ([], [], [])


async def test_an_agent_shares_a_ticket_with_its_organization(
    page: Page, service: Service, world: World
) -> None:
    otto = service.client(world.otto.token)
    ticket = await service.client(world.olga.token).raise_ticket("Printer")
    query = f"{{ ticketByNumber(number: {ticket['number']}) {{ ref }} }}"

    async def is_seen() -> bool:
        return (await otto.run(query))["ticketByNumber"] is not None

    await open_ticket(page, ticket["ref"])
    name = "Everyone at Other can see this ticket and reply"
    choice = panel(page, "Watchers").get_by_role("checkbox", name=name)
    await expect(choice).not_to_be_checked()
    await choice.check()
    await until(is_seen)
    await expect(timeline_of(page)).to_contain_text("shared the ticket with the organization")
    await otto.do("replyToTicket", ticketId=ticket["id"], body="I have it, too")
    await choice.uncheck()
    await expect(timeline_of(page)).to_contain_text("ended the sharing with the organization")
    assert not await is_seen()


async def choose_in_menu(page: Page, title: str) -> None:
    await page.get_by_role("main").get_by_role("button", name="More actions").click()
    await page.get_by_role("option", name=title).click()


async def test_a_merge_is_confirmed_and_can_be_undone(
    page: Page, service: Service, world: World
) -> None:
    customer, agent = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = [await customer.raise_ticket(each) for each in ("Printer", "Printer again")]
    await open_ticket(page, other["ref"])
    await choose_in_menu(page, "Merge into another ticket")
    dialog = page.get_by_role("dialog", name=f"Merge {other['ref']}")
    await dialog.get_by_role("combobox").fill(ticket["ref"])
    await dialog.get_by_role("option", name=ticket["ref"]).click()
    await expect(dialog).to_contain_text(f"{other['ref']} becomes Closed")
    await dialog.get_by_role("button", name=f"Merge into {ticket['ref']}").click()
    main = page.get_by_role("main")
    banner = main.get_by_role("status").filter(has_text="This ticket was merged into")
    await expect(banner.get_by_role("link", name=ticket["ref"])).to_be_visible()
    found = (await agent.run(READ, id=other["id"]))["ticket"]
    assert (found["status"], found["mergedInto"]) == ("CLOSED", {"ref": ticket["ref"]})
    await banner.get_by_role("button", name="Undo the merge").click()
    await expect(banner).to_contain_text("The ticket becomes Open")
    await banner.get_by_role("button", name="Undo the merge").click()
    await expect(banner).to_have_count(0)
    found = (await agent.run(READ, id=other["id"]))["ticket"]
    assert (found["status"], found["mergedInto"]) == ("OPEN", None)


async def test_the_menu_escalates_and_copies_the_link(
    page: Page, service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket("Printer")
    await open_ticket(page, ticket["ref"])
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await choose_in_menu(page, "Copy the link")
    await expect(page.get_by_text("Link copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/tickets/{ticket['ref']}")
    await choose_in_menu(page, "Escalate")
    dialog = page.get_by_role("dialog", name="Escalate")
    await dialog.get_by_label("Reason").fill("The boss needs it")
    await dialog.get_by_role("button", name="Escalate").click()
    await expect(timeline_of(page)).to_contain_text("escalated it to level 1")
    await expect(timeline_of(page)).to_contain_text("The boss needs it")
