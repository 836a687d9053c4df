"""The input for the days or hours of statistics."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.core.errors import BadRequest
from models.queries.statistics.stats_groups import TIME_UNITS, GroupBy
from models.queries.statistics.time_buckets import (
    DEFAULT_LAST,
    DEFAULT_TIME_ZONE,
    FIRST_YEAR,
    LAST_YEAR,
    MAX_DAYS,
    MAX_HOURS,
    StatsPeriod,
)
from schema.inputs.fields import optional


@strawberry.input(
    description="The days or hours by which `ticketStats` groups tickets. They are whole days or "
    "hours of the time zone, also on days when daylight saving time starts or "
    "ends."
)
class TicketStatsPeriod:
    last: int | None = optional(
        f"The number of days, 1 to {MAX_DAYS}, or of hours, 1 to {MAX_HOURS}. Null: "
        f"{DEFAULT_LAST}.",
        DEFAULT_LAST,
    )
    until: datetime | None = optional(
        "A time within the last day or hour to return, in the years "
        f"{FIRST_YEAR} to {LAST_YEAR}. Null: now; a subscription moves on when a day or an hour "
        "begins."
    )
    time_zone: str | None = optional(
        f"The IANA name of a time zone, such as Europe/Berlin. Null: {DEFAULT_TIME_ZONE}.",
        DEFAULT_TIME_ZONE,
    )


def build_period(group: GroupBy | None, period: TicketStatsPeriod | None) -> StatsPeriod | None:
    """The period to count; None if the groups are not days or hours.

    Raises BadRequest if the period is not valid, or if the groups are not days or hours.
    """
    unit = TIME_UNITS.get(group)
    if unit is None:
        if period is not None:
            raise BadRequest("`period` requires `groupBy: DAY` or `groupBy: HOUR`.")
        return None
    if period is None:
        return StatsPeriod(unit)
    last = DEFAULT_LAST if period.last is None else period.last
    time_zone = DEFAULT_TIME_ZONE if period.time_zone is None else period.time_zone
    result = StatsPeriod(unit, time_zone, last, period.until)
    result.check()
    return result
