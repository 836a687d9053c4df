"""The list of tags."""

from __future__ import annotations

import strawberry

from models.core.paging.pagination import Page, parse_page_arguments
from models.queries.tags import Tag, list_tags
from schema.pagination import After, Before, First, Last


async def tags(
    info: strawberry.Info,
    search: str | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> Page[Tag]:
    return await list_tags(search, parse_page_arguments(first, after, last, before))
