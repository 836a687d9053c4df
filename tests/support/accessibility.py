"""Accessibility of pages: axe-core's default rules, the size of targets, and the width."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from playwright.async_api import Page, ViewportSize, expect

from support.service import ROOT

PHONE: ViewportSize = {"width": 360, "height": 740}
ZOOM_400: ViewportSize = {"width": 320, "height": 256}
"""The size, in CSS pixels, of a window of 1280 × 1024 at 400 %."""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
SMALL_TARGETS = """(least) => [...document.querySelectorAll(
    "a, button, select, summary, textarea, input:not([type=file], [type=radio], [type=checkbox])"
)].filter((each) => {
    const isInText = each.tagName === "A" && each.closest(".body") !== null;
    const { width, height } = each.getBoundingClientRect();
    return !isInText && width > 0 && (width < least || height < least);
}).map((each) => [each.outerHTML.slice(0, 120), JSON.stringify(each.getBoundingClientRect())])"""
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
  const rules = { "target-size": { enabled: true } };
  const { violations } = await axe.run(document, { resultTypes: ["violations"], rules });
  return violations.map(({ id, nodes }) =>
    [id, ...nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)]);
}"""


async def show_widest_time(page: Page) -> None:
    """Cut the page off the network, and show the widest hour in "Offline, as of 9:43:05"."""
    await page.context.set_offline(True)
    status = page.get_by_role("status").filter(has_text=re.compile("[0-9]+:[0-9]+:[0-9]+"))
    await status.evaluate(
        "(found) => { found.lastChild.data = found.lastChild.data.replace(/[0-9]+:/, '12:'); }"
    )
    await expect(status).to_contain_text("12:")


async def find_violations(page: Page) -> list[Any]:
    """The rules that the page breaks in its present state, with the elements and what to do."""
    # By the debugger, because the content security policy permits no script element.
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(AXE.read_text())
    return list(await page.evaluate(RUN))


async def assert_accessible(page: Page, state: str) -> None:
    """Check the state of a page in the light and the dark scheme."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        violations = await find_violations(page)
        assert not violations, (state, scheme, violations)
    await page.emulate_media(color_scheme="light")


async def assert_usable(page: Page, state: str, sizes: Sequence[tuple[ViewportSize, int]]) -> None:
    """Check the state of a page at sizes of the window: axe-core, targets and the width.

    With each size comes the least width and height of targets, in CSS pixels.
    """
    for size, least in sizes:
        await page.set_viewport_size(size)
        await assert_accessible(page, f"{state} at {size['width']} px")
        assert await page.evaluate(SMALL_TARGETS, least) == [], (state, size)
        assert await page.evaluate(OVERFLOW) <= 0, (state, size)
