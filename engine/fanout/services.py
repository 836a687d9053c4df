"""What the WebSocket and SSE endpoints hand to each of their connections."""

from __future__ import annotations

from dataclasses import dataclass

from engine.auth import Connect
from engine.execution.schema import Schema
from engine.fanout.group import Groups
from engine.limits.connections import Places


@dataclass(frozen=True, slots=True)
class ConnectionServices:
    """One for the process."""

    schema: Schema
    connect: Connect
    groups: Groups
    places: Places
