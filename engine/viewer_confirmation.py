"""Provisional viewers: known from an earlier request, until a statement confirms them.

A query whose viewer is known needs no statement for its authentication. Its first statement also
reads the permission revision (docs/decisions/0015). If that has changed, the request is
authenticated again and repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class ViewerOutdated(Exception):
    """The permissions of a provisional viewer have changed, or could not be read.

    Nothing that was computed with them may be sent. Authenticate again and repeat the operation.
    """

    give_back: Callable[[], object] | None = None
    """Gives back what the operation was charged. Call it immediately before the repetition, which
    is charged: not if the viewer is refused, because the work was done, and not earlier, because
    others could take the room in the bucket."""


class Confirmation(Protocol):
    """Confirms that a provisional viewer has the permissions of now (docs/decisions/0015).

    A context has it as `confirmation` from the authentication until its viewer is confirmed.
    """

    expression: str
    """An SQL expression. A statement that selects it confirms the viewer without a round trip."""

    def check(self, value: object) -> None:
        """Confirm the viewer by the value of the expression. Raises ViewerOutdated."""
        ...

    async def confirm(self) -> None:
        """Confirm the viewer by a statement of its own. Raises ViewerOutdated."""
        ...


async def confirm_viewer(context: Any) -> None:
    """Confirm the context's viewer if it is provisional. Raises ViewerOutdated."""
    if context.confirmation is not None:
        await context.confirmation.confirm()
