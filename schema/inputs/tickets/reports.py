"""The input for the days of a report."""

from __future__ import annotations

from datetime import date

import strawberry

from schema.inputs.fields import required


@strawberry.input(
    description="Whole days of the report's time zone, at most 400 by default, in the years 1970 "
    "to 9000."
)
class ReportRangeInput:
    first_day: date = required("The first day.")
    last_day: date = required("The last day, which the report includes. Not before `firstDay`.")
