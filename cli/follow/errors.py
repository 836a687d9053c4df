"""The errors of `ticketwire follow`. A FollowError ends it; its text is one line for the user.

The two others do not end it by themselves: the follower sends the query again, with a smaller page
or from the first page, or raises a ServerError.
"""

from __future__ import annotations

OTHER_LOG = (
    "the server's log is not the one that this target has followed: it is another server, or was "
    "restored from a backup. Use a new target"
)


class FollowError(Exception):
    """The follower can't go on. What it has stored stays complete, and the next run continues."""


class TargetError(FollowError):
    """The target can't be opened or written, or has other content."""


class ServerError(FollowError):
    """The server refused a request for good, or could not be reached for too long."""


class QueryTooExpensive(Exception):
    """The server refused a query because of its cost. A smaller page may be accepted."""


class PageCursorInvalid(Exception):
    """The server does not accept the cursor of a page any more. The list must be read again."""
