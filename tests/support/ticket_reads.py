"""Faults of the reads of tickets for the events of subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.execution.plans import Planner
from schema.records.loaders import Loaders


def replace_ticket_reads(patch: pytest.MonkeyPatch, read: Callable[..., Any]) -> None:
    """Let graphql-core execute everything, also open subscriptions, and read tickets by `read`."""
    patch.setattr(Planner, "get_plans", lambda *_: None)
    patch.setattr(Loaders, "read_tickets", read)
