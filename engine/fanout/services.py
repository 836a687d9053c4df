"""The objects that the WebSocket and SSE endpoints share with their connections."""

from __future__ import annotations

from dataclasses import dataclass

from engine.auth import AuthHooks
from engine.execution.schema import Schema
from engine.fanout.group import SubscriptionGroups
from engine.limits.connections import ConnectionRegistry


@dataclass(frozen=True, slots=True)
class ConnectionServices:
    """Created once per process."""

    schema: Schema
    auth: AuthHooks
    groups: SubscriptionGroups
    registry: ConnectionRegistry
