"""The demo has something to show in each application, on each day of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from demo.seed import seed_demo
from models.access.viewer import SYSTEM
from models.queries.statistics.report import read_report
from models.queries.statistics.report_groups import ReportGroupBy, ReportGroups, ReportRange
from models.queries.statistics.stats import read_stats
from models.sla.snapshot import Metric

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("weekday", [0, 2, 6])
async def test_reports_and_wallboards_have_content(database: str, weekday: int) -> None:
    now = MONDAY + timedelta(days=weekday)
    await seed_demo(now)
    days = ReportRange((now - timedelta(days=29)).date(), now.date(), "UTC")
    (total,) = (await read_report(SYSTEM, None, ReportGroups.build(None, days), now)).groups
    assert total.ratings >= 3
    for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION):
        attainment = total.attainments[metric]
        assert min(attainment.met, attainment.missed) >= 2, metric
    for by in (ReportGroupBy.TEAM, ReportGroupBy.CATEGORY, ReportGroupBy.ASSIGNEE):
        groups = (await read_report(SYSTEM, None, ReportGroups.build(by, days), now)).groups
        assert len(groups) >= 3, by
    stats = await read_stats(SYSTEM, None, None, now)
    assert min(stats.open, stats.unassigned, stats.breached) >= 3, stats
