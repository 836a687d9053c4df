"""MarkdownCache: each text is rendered once for all callers, and the cache has a maximum size."""

from __future__ import annotations

import asyncio

import pytest

from resolvers.services import markdown_cache
from resolvers.services.markdown_cache import MarkdownCache


async def test_a_text_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def record(text: str) -> str:
        rendered.append(text)
        return f"<p>{text}</p>"

    monkeypatch.setattr(markdown_cache, "render", record)
    cache = MarkdownCache(max_chars=100)
    assert [await cache.render("ada", "x") for _ in range(3)] == ["<p>x</p>"] * 3
    assert await cache.render("bill", "x") == "<p>x</p>"
    assert rendered == ["x"]
    for number in range(50):
        await cache.render("ada", f"{number:03}")
        await cache.render("ada", "x")
    assert rendered.count("x") == 1, "recently used texts stay in the cache"
    assert (
        cache.cached_chars
        == sum(len(text) + len(html) for text, html in cache.html_by_text.items())
        <= 100
    )
    await asyncio.gather(*(cache.render(caller, "z" * 200) for caller in ("ada", "bill")))
    assert cache.cached_chars == 0
    rendered.clear()
    second_cache = MarkdownCache()
    await asyncio.gather(*(second_cache.render("ada", "y") for _ in range(20)))
    assert rendered == ["y"], "concurrent calls render the text once too"
    second_cache.close()
    cache.close()
