"""Arguments that many fields share, described once."""

from __future__ import annotations

from typing import Annotated

import strawberry

First = Annotated[
    int | None, strawberry.argument(description="How many from the start, 1 to 100; 25 where neither first nor last is given.")
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 100. Not together with first.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
