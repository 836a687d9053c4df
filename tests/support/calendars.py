"""Calendars for tests of SLA clocks."""

from __future__ import annotations

from models.sla.calendars.calendar import WHOLE_DAY, Calendar

AROUND_THE_CLOCK = Calendar("UTC", (WHOLE_DAY,) * 7, frozenset())
