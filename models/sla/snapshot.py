"""The terms that a ticket's clocks run by: a policy's targets and calendar as they were, found by what they say.

The log names terms by their digest, so that old entries keep their meaning whatever becomes of the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property
from hashlib import sha256
from typing import cast
from uuid import UUID

import orjson

from models.sla.calendar import Calendar


class Metric(Enum):
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


@dataclass(frozen=True)
class PolicySnapshot:
    """What one policy promised. `at_risk_percent` is the share of a target after which it is at risk."""

    policy_id: UUID
    policy_name: str
    targets: Mapping[Metric, timedelta]
    at_risk_percent: int
    calendar: Calendar

    def plain(self) -> dict[str, object]:
        return {
            "policy": str(self.policy_id),
            "name": self.policy_name,
            "targets": {metric.value: int(target.total_seconds()) for metric, target in self.targets.items()},
            "at_risk_percent": self.at_risk_percent,
            "calendar": self.calendar.plain(),
        }

    @cached_property
    def digest(self) -> str:
        return sha256(orjson.dumps(self.plain(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]

    @classmethod
    def of(cls, data: Mapping[str, object]) -> PolicySnapshot:
        targets = cast("Mapping[str, int]", data["targets"])
        return cls(
            UUID(cast("str", data["policy"])),
            cast("str", data["name"]),
            {metric: timedelta(seconds=targets[metric.value]) for metric in Metric if metric.value in targets},
            cast("int", data["at_risk_percent"]),
            Calendar.of(cast("Mapping[str, object]", data["calendar"])),
        )

    def warning(self, target: timedelta) -> timedelta:
        """How much of a target may be spent before it is at risk."""
        return target * self.at_risk_percent / 100
