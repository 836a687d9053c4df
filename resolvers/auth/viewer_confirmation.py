"""Confirms that a cached viewer has the permissions of the current revision."""

from __future__ import annotations

from collections.abc import Callable

from engine.viewer_confirmation import ViewerOutdated
from models.access.revision import REVISION_SQL
from resolvers.auth.viewer_cache import ViewerCache
from resolvers.context import Context


class RevisionConfirmation:
    """Compares the revision of a context's viewer with the current one.

    The viewer was read when the revision was already `revision`, and revisions only increase. If a
    statement that began after the request arrived reads the same revision, no permission has
    changed up to that statement.
    """

    expression = REVISION_SQL

    def __init__(
        self, context: Context, viewers: ViewerCache, revision: int, accept: Callable[[], None]
    ) -> None:
        """`accept` is called when the viewer is confirmed."""
        self.context = context
        self.viewers = viewers
        self.revision = revision
        self.accept = accept

    def check(self, value: object) -> None:
        if value != self.revision:
            raise ViewerOutdated
        if self.context.confirmation is self:
            self.context.confirmation = None
            self.accept()

    async def confirm(self) -> None:
        try:
            revision = await self.viewers.read_revision()
        except Exception as error:
            raise ViewerOutdated from error  # the authentication then reports the outage
        self.check(revision)
