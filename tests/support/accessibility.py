"""Accessibility of pages, judged by axe-core: its default rules, and the size of targets."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from support.service import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
  const rules = { "target-size": { enabled: true } };
  const { violations } = await axe.run(document, { resultTypes: ["violations"], rules });
  return violations.map(({ id, nodes }) =>
    [id, ...nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)]);
}"""


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
