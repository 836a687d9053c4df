"""The settings of requests that the service sends to other servers."""

from __future__ import annotations

from pydantic import field_validator

from engine.limits.network import parse_networks
from models.outbound.addresses import Network
from settings.base import SettingsGroup


class OutboundSettings(SettingsGroup):
    """The addresses to which the service sends requests."""

    outbound_allowed_networks: str = ""
    """Comma-separated IP addresses or networks to which webhooks and requests to identity providers
    may go although they are not public, such as `10.1.2.0/24`. Everything in them can then be
    reached by every person who may manage webhooks."""
    allow_http_webhooks: bool = False
    """Whether the URLs of webhooks may begin with http://. Their contents can then be read on the
    way."""

    @field_validator("outbound_allowed_networks")
    @classmethod
    def check_outbound_allowed_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @property
    def allowed_networks(self) -> list[Network]:
        return parse_networks(self.outbound_allowed_networks)
