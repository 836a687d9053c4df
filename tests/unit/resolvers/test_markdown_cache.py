"""HTML is made once for all who look at it, and what is kept of it is bounded."""

from __future__ import annotations

import asyncio

import pytest

from resolvers import markdown_cache
from resolvers.markdown_cache import MarkdownCache


async def test_a_text_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def noted(text: str) -> str:
        made.append(text)
        return f"<p>{text}</p>"

    monkeypatch.setattr(markdown_cache, "render", noted)
    found = MarkdownCache(max_characters=100)
    assert [await found.render("ada", "x") for _ in range(3)] == ["<p>x</p>"] * 3
    assert await found.render("bill", "x") == "<p>x</p>"
    assert made == ["x"]
    for number in range(50):
        await found.render("ada", f"{number:03}")
        await found.render("ada", "x")
    assert made.count("x") == 1, "what is looked at stays"
    assert found.characters == sum(len(text) + len(html) for text, html in found.html_by_text.items()) <= 100
    await asyncio.gather(*(found.render(who, "z" * 200) for who in ("ada", "bill")))
    assert found.characters == 0
    made.clear()
    again = MarkdownCache()
    await asyncio.gather(*(again.render("ada", "y") for _ in range(20)))
    assert made == ["y"], "also where it is asked for many times at once"
    again.close()
    found.close()
