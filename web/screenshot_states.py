"""How a page of screenshot_pages.py comes into the state of which a picture is taken."""

from __future__ import annotations

from playwright.async_api import Page


async def wait_for_rows(page: Page) -> None:
    await page.locator("[data-id]").first.wait_for()
    await page.locator("header .Live").wait_for()


async def wait_for_timeline(page: Page) -> None:
    await page.locator("main ol").first.wait_for()


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


async def open_notifications(page: Page) -> None:
    await wait_for_rows(page)
    await page.keyboard.press("g")
    await page.keyboard.press("n")
    await page.get_by_role("dialog").get_by_role("listitem").first.wait_for()


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


async def open_solved_card(page: Page) -> None:
    """A ticket that waits for the customer's confirmation, in any language."""
    await page.locator("main li a", has_text="✓").first.click()
    await wait_for_timeline(page)


async def write_reply_offline(page: Page) -> None:
    await open_first_card(page)
    await page.context.set_offline(True)
    await page.get_by_label("Your reply").fill("It happens since Monday, with the old client, too.")
    await page.get_by_role("button", name="Send reply").click()
    await page.get_by_label("Unsent reply").wait_for()


async def write_form(page: Page) -> None:
    """All parts of the form, with a file that the server refuses."""
    await write_subject(page)
    await page.get_by_role("button", name="Add a server, an invoice").click()
    file = {"name": f"{'a very long name ' * 4}.png", "mimeType": "image/png", "buffer": b"no PNG"}
    await page.get_by_label("Files to attach").set_input_files([file])
    await page.get_by_text("not of the type").wait_for()


async def fail_portal(page: Page) -> None:
    await wait_for_nothing(page)
    await page.route("**/graphql", lambda route: route.abort())
    await page.reload()
    await page.get_by_role("button", name="Try again").wait_for()


async def open_first_record(page: Page) -> None:
    await page.locator("main a[data-id]").first.click()
    await page.get_by_role("button", name="Save").wait_for()
    await wait_for_nothing(page)


async def open_agent(page: Page) -> None:
    await page.get_by_role("searchbox").fill("Alex")
    await page.get_by_role("link", name="agent@example.com").click()
    await page.get_by_role("list", name="Sessions").wait_for()


async def refuse_team(page: Page) -> None:
    await page.get_by_label("Name").fill("Support")
    await page.get_by_role("button", name="Create").click()
    await page.locator("[aria-invalid]").wait_for()


async def leave_changes(page: Page) -> None:
    await open_first_record(page)
    await page.get_by_label("Name").fill("ليلى " + "Donaudampfschifffahrtsgesellschaft" * 3)
    await page.get_by_role("link", name="←").click()
    await page.get_by_role("dialog").wait_for()


async def create_token(page: Page) -> None:
    await page.get_by_role("button", name="New API token").click()
    await page.get_by_label("Name").fill("Nightly export")
    await page.get_by_label("tickets:read").check()
    await page.get_by_role("button", name="Create").click()
    await page.get_by_role("group", name="The new API token").wait_for()


async def open_audit_entry(page: Page) -> None:
    await page.locator("summary").first.click()


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


async def read_report(page: Page) -> None:
    await page.get_by_role("region", name="Data by group").wait_for()


async def scroll_report(page: Page) -> None:
    await read_report(page)
    await page.locator("summary").click()
    await page.get_by_role("region", name="SLA targets").scroll_into_view_if_needed()
    await page.get_by_role("main").evaluate("(main) => main.scrollTo(0, 640)")


async def create_webhook(page: Page, url: str, shape: str) -> str:
    """Create a webhook whose requests fail, because no such host exists; its path."""
    found = await page.evaluate(CREATE_WEBHOOK, {"url": url, "shape": shape})
    return f"/desk/webhooks/{found}"


async def open_webhook(page: Page) -> None:
    """A webhook with a failed delivery and a test."""
    await page.goto(
        await create_webhook(page, "https://hooks.example.invalid/ticketwire", "STANDARD")
    )
    await page.get_by_role("button", name="Send a test").click()
    await page.get_by_role("group", name="Result of the test").wait_for()
    await page.evaluate(CREATE_TICKET)
    row = page.get_by_role("region", name="Deliveries").get_by_role("listitem").first
    await row.get_by_text("Trying again").wait_for()
    await row.get_by_role("button", expanded=False).click()
    await row.get_by_role("group", name="Attempts").get_by_role("listitem").first.wait_for()


async def list_webhooks(page: Page) -> None:
    await create_webhook(page, "https://chat.example.invalid/" + "services/" * 20, "SLACK")
    await page.reload()
    await page.get_by_role("main").get_by_role("listitem").first.wait_for()


async def try_webhook(page: Page) -> None:
    await page.get_by_role("button", name="Show what is sent").click()
    await page.get_by_role("group", name="Body of the request").wait_for()


SEND = """(query, variables) => fetch("/graphql", {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Requested-With": "ticketwire" },
  body: JSON.stringify({ query, variables }),
}).then((response) => response.json())"""
CREATE_WEBHOOK = f"""async (input) => (await ({SEND})(
  "mutation($i: CreateWebhookInput!) {{ createWebhook(input: $i) {{ webhook {{ id }} }} }}",
  {{ i: {{ ...input, types: ["TICKET_CREATED"] }} }})).data.createWebhook.webhook.id"""
CREATE_TICKET = f"""async () => ({SEND})(
  "mutation($i: CreateTicketInput!) {{ createTicket(input: $i) {{ ref }} }}",
  {{ i: {{ category: "technical", subject: "VPN", description: "It fails.",
    requester: {{ email: "kim@example.com", displayName: "Kim" }} }} }})"""


async def sign_in(page: Page, email: str) -> None:
    await page.goto("/sign-in")
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill("demo")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/sign-in" not in url)
