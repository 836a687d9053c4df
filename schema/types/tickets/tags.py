"""Tags of tickets."""

from __future__ import annotations

import strawberry

from models.queries.tags import MAX_COUNTED


@strawberry.type(
    name="Tag",
    description="A tag that at least one ticket has. Spellings that differ only by case are one "
    "tag; `name` is that of the oldest ticket.",
)
class TagType:
    name: str = strawberry.field(description="The tag, 1 to 50 characters.")
    ticket_count: int = strawberry.field(
        description="The number of tickets with the tag, open or not. The server counts at most "
        f"{MAX_COUNTED:,} tickets: {MAX_COUNTED:,} means that there may be more."
    )
