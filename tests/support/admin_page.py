"""The administration in a browser, by pointer or by keyboard."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from models.people.user import Role
from support.accounts import set_passwords
from support.actors import Person, person
from support.desk_page import sign_in

MAX_TABS = 120


async def make_admin(name: str = "root") -> Person:
    """An admin with a password, in a database that has nobody else."""
    found = await person(name, Role.ADMIN)
    await set_passwords(name)
    return found


async def open_admin(page: Page, path: str = "/admin", name: str = "root") -> None:
    """Sign in, and wait until the page is shown."""
    await page.goto(path)
    await sign_in(page, name)
    await expect(page).to_have_url(re.compile(f"{re.escape(path)}$"))
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


class Pointer:
    """A person who clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, control: Locator) -> None:
        await control.click()

    async def fill(self, label: str, text: str) -> None:
        field = self.page.get_by_label(label, exact=True)
        await self.press(field)
        await field.fill(text)

    async def choose(self, label: str, option: str) -> None:
        await self.page.get_by_label(label, exact=True).select_option(label=option)

    async def check(self, label: str) -> None:
        await self.press(self.page.get_by_label(label, exact=True))

    async def open_section(self, name: str) -> None:
        await self.press(self.page.get_by_role("navigation").get_by_role("link", name=name))
        await expect(self.page.get_by_role("heading", level=1, name=name)).to_be_visible()

    async def start_new(self, name: str) -> None:
        await self.press(self.page.get_by_role("main").get_by_role("link", name=name).first)
        await expect(self.page.get_by_role("heading", level=1, name=name)).to_be_visible()

    async def save(self) -> None:
        await self.press(self.page.get_by_role("button", name="Create", exact=True))


class Keyboard(Pointer):
    """A person who has no pointer: each control is reached with Tab."""

    async def reach(self, control: Locator) -> None:
        """Press Tab until the control has the focus."""
        await expect(control).to_be_visible()
        for _ in range(MAX_TABS):
            if await control.evaluate("(element) => element === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{control} can't be reached with Tab")

    async def press(self, control: Locator) -> None:
        await self.reach(control)
        await self.page.keyboard.press("Enter")

    async def fill(self, label: str, text: str) -> None:
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def choose(self, label: str, option: str) -> None:
        select = self.page.get_by_label(label, exact=True)
        await self.reach(select)
        await self.page.keyboard.type(option)

    async def check(self, label: str) -> None:
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("Space")

    async def save(self) -> None:
        await self.page.keyboard.press("Control+Enter")


HANDS = {"pointer": Pointer, "keyboard": Keyboard}
