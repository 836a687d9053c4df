"""Why a request to another server was not sent, or had no usable response.

The messages are shown to the people who entered the URL. They contain no address that a host name
resolved to, because that could describe a private network.
"""

from __future__ import annotations


class OutboundError(Exception):
    """A request had no response. `message` is an English sentence without a full stop."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AddressRefused(OutboundError):
    """The URL, or an address of its host, is not permitted. The service sent nothing."""


class TargetUnavailable(OutboundError):
    """The target could not be reached, or did not send a whole response in time."""
