"""Policy snapshots: a policy's targets and calendar at one time, identified by a digest.

Columns and attributes named `terms` hold the digest of a snapshot. The log does too, so old events
keep their meaning when the policy changes.
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

from models.sla.calendars.calendar import Calendar


class Metric(Enum):
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"


@dataclass(frozen=True)
class PolicySnapshot:
    """The contents of one policy at one time.

    `targets` are working time of the calendar. A clock is at risk when `at_risk_percent` of its
    target is spent.
    """

    policy_id: UUID
    policy_name: str
    targets: Mapping[Metric, timedelta]
    at_risk_percent: int
    calendar: Calendar

    def to_dict(self) -> dict[str, object]:
        """The snapshot as JSON data. The digest depends on it, so its format must not change."""
        seconds = {metric.value: int(time.total_seconds()) for metric, time in self.targets.items()}
        return {
            "policy": str(self.policy_id),
            "name": self.policy_name,
            "targets": seconds,
            "at_risk_percent": self.at_risk_percent,
            "calendar": self.calendar.to_dict(),
        }

    @cached_property
    def digest(self) -> str:
        return sha256(orjson.dumps(self.to_dict(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> PolicySnapshot:
        seconds = cast("Mapping[str, int]", data["targets"])
        metrics = [metric for metric in Metric if metric.value in seconds]
        return cls(
            UUID(cast("str", data["policy"])),
            cast("str", data["name"]),
            {metric: timedelta(seconds=seconds[metric.value]) for metric in metrics},
            cast("int", data["at_risk_percent"]),
            Calendar.from_dict(cast("Mapping[str, object]", data["calendar"])),
        )

    def at_risk_after(self, target: timedelta) -> timedelta:
        """The working time after which a clock with this target is at risk."""
        return target * self.at_risk_percent / 100
