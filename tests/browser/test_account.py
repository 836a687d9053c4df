"""A person changes the password, sets up a second factor, and ends sessions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from cryptography.fernet import Fernet
from playwright.async_api import Browser, Locator, Page, expect
from support import Service, World
from support.accessibility import ZOOM_400, assert_accessible
from support.accounts import PASSWORD, code_at, enrol, hash_password, set_password, succeed
from support.browser_page import open_page
from support.desk_page import open_desk, sign_in
from support.service import running

KEY = Fernet.generate_key().decode()
NEW_PASSWORD = "a new horse battery"
STORED = """async () => {
  const all = [location.href, document.body.outerHTML, JSON.stringify({...localStorage})];
  all.push(JSON.stringify({...sessionStorage}), JSON.stringify(history.state));
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result);
    });
    for (const store of database.objectStoreNames)
      all.push(await new Promise((resolve) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(JSON.stringify(request.result));
      }));
    database.close();
  }
  return all.join("\\n");
}"""


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, encryption_keys=KEY) as found:
        yield found


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Account and security")


async def open_account(page: Page) -> Locator:
    """Open the dialog by the palette."""
    await page.keyboard.press("Control+k")
    await page.keyboard.type("Account and")
    palette = page.get_by_role("dialog", name="Search or command")
    await expect(palette.get_by_role("option").first).to_contain_text("Account and security")
    await page.keyboard.press("Enter")
    dialog = dialog_of(page)
    await expect(dialog.get_by_label("Current password")).to_be_visible()
    return dialog


async def test_a_second_factor_is_set_up_by_the_keyboard_and_leaves_no_secret(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    dialog = await open_account(page)
    await expect(dialog.get_by_role("heading", name="Password")).to_be_focused()
    await assert_accessible(page, "account")
    await dialog.get_by_role("button", name="Set up a second factor").press("Enter")
    region = dialog.get_by_role("region", name="Second factor")
    await expect(region.get_by_label("Current password")).to_be_focused()
    await page.keyboard.type("wrong password")
    await page.keyboard.press("Enter")
    await expect(region.get_by_role("alert")).not_to_be_empty()
    await region.get_by_label("Current password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    code = region.get_by_label("Code of the app")
    await expect(code).to_be_focused()
    secret = (await region.locator("code").inner_text()).replace(" ", "")
    await assert_accessible(page, "secret")
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(region.get_by_role("alert")).not_to_be_empty()
    await code.fill(code_at(service, secret))
    await page.keyboard.press("Enter")
    codes = region.get_by_role("group", name="Recovery codes")
    await expect(codes).to_be_focused()
    await expect(codes.get_by_role("listitem")).to_have_count(10)
    recovery = await codes.get_by_role("listitem").first.inner_text()
    await assert_accessible(page, "recovery codes")
    await page.set_viewport_size(ZOOM_400)
    await assert_accessible(page, "recovery codes at 400 %")
    assert {secret, recovery} & set(re.findall(r"[\w-]+", await page.evaluate(STORED))) == {
        recovery
    }
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    stored = await page.evaluate(STORED)
    assert secret not in stored
    assert recovery not in stored
    await expect(await open_account(page)).to_contain_text("each sign-in asks for a code")
    await expect(codes).to_have_count(0)


async def test_a_sign_in_asks_for_the_code(
    browser: Browser, service: Service, world: World
) -> None:
    await set_password("ada@example.com", hash_password(PASSWORD))
    secret, _ = await enrol(service, service.client(world.ada.token))
    async with open_page(browser, service.port, "status of 403") as page:
        await page.goto("/desk")
        await sign_in(page, "ada")
        code = page.get_by_label("Code of the second factor")
        await expect(code).to_be_focused()
        await assert_accessible(page, "code")
        await page.keyboard.type("000000")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await code.fill(code_at(service, secret, 1))
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/desk")


async def test_recovery_codes_are_renewed_and_the_second_factor_is_removed(
    page: Page, service: Service, world: World
) -> None:
    await open_desk(page)
    _, old = await enrol(service, service.client(world.ada.token))
    dialog = await open_account(page)
    await dialog.get_by_role("button", name="Create new recovery codes").click()
    field = dialog.get_by_label("Code of the app, or a recovery code")
    await expect(field).to_be_focused()
    await page.keyboard.type("wrong-code")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).not_to_be_empty()
    await field.fill(old[0])
    await page.keyboard.press("Enter")
    codes = dialog.get_by_role("group", name="Recovery codes")
    await expect(codes.get_by_role("listitem")).to_have_count(10)
    new = await codes.get_by_role("listitem").all_inner_texts()
    assert len(new) == len(set(new) - set(old)) == 10
    await codes.get_by_role("button", name="I have kept the codes").click()
    await expect(dialog.get_by_role("heading", name="Second factor")).to_be_focused()
    await expect(dialog).not_to_contain_text(new[0])
    await dialog.get_by_role("button", name="Remove the second factor").click()
    await field.fill(new[0])
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Set up a second factor")).to_be_visible()
    await expect(dialog.get_by_role("heading", name="Second factor")).to_be_focused()


async def test_sessions_are_ended_and_the_password_is_changed(
    page: Page, service: Service, world: World
) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    await open_desk(page)
    others = [
        service.client((await succeed(service.client(), "signIn", **account))["token"])
        for _ in range(2)
    ]
    dialog = await open_account(page)
    sessions = dialog.get_by_role("region", name="Sessions")
    rows = sessions.get_by_role("listitem")
    await expect(rows.filter(has_text="this session")).to_contain_text("Chrome, Linux")
    count = await rows.count()
    await sessions.get_by_role("button", name="End the session of").first.press("Enter")
    await expect(rows).to_have_count(count - 1)
    await expect(dialog.get_by_role("heading", name="Sessions")).to_be_focused()
    await dialog.get_by_label("Current password").fill("wrong password")
    await dialog.get_by_label("New password").fill(NEW_PASSWORD)
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).not_to_be_empty()
    await dialog.get_by_label("Current password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("The password is changed.")
    await expect(rows).to_have_count(1)
    await expect(dialog.get_by_label("New password")).to_have_value("")
    for other in others:
        assert (await other.post("{ viewer { role } }")).status_code == 401
    renewed = {"email": "ada@example.com", "password": NEW_PASSWORD}
    assert (await succeed(service.client(), "signIn", **renewed))["token"]


async def test_a_required_second_factor_is_set_up_at_the_sign_in(
    browser: Browser, url: str
) -> None:
    async with running(url, encryption_keys=KEY, require_second_factor=True) as service:
        await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        async with open_page(browser, service.port) as page:
            await page.goto("/desk")
            await sign_in(page, "ada")
            await expect(page.get_by_text("This server requires a second factor.")).to_be_visible()
            await assert_accessible(page, "required")
            await page.keyboard.type(PASSWORD)
            await page.keyboard.press("Enter")
            code = page.get_by_label("Code of the app")
            await expect(code).to_be_focused()
            secret = (await page.locator("code").inner_text()).replace(" ", "")
            await code.fill(code_at(service, secret))
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("group", name="Recovery codes")).to_be_focused()
            await assert_accessible(page, "codes")
            assert secret not in page.url
            await page.get_by_role("button", name="I have kept the codes").press("Enter")
            await page.wait_for_url("**/desk")
            await expect(page.get_by_role("heading", name="Open tickets")).to_be_visible()
