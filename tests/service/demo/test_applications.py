"""The demo has something to show in each application, on each day of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from demo.seed import seed_demo
from models.access.viewer import SYSTEM
from models.queries.statistics.report import read_report
from models.queries.statistics.report_groups import ReportGroupBy, ReportGroups, ReportRange
from models.queries.statistics.stats import read_stats
from models.queries.wall import list_next_breaches
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


@pytest.mark.parametrize("hours", [0, 111, 156])
async def test_wallboards_show_targets_on_track_at_risk_and_breached(
    database: str, hours: int
) -> None:
    """At noon of a Monday, and in nights of a weekend: calendars must not decide it."""
    now = MONDAY + timedelta(hours=hours)
    await seed_demo(now)
    tickets = await list_next_breaches(None, now, limit=10)
    at_risk = [each.breaches_at - now for each in tickets if each.is_at_risk]
    assert len(at_risk) == (await read_stats(SYSTEM, None, None, now)).at_risk >= 1
    assert min(at_risk) >= timedelta(minutes=30), "it is at risk until somebody has looked"
    times = [each.breaches_at for each in tickets if not each.is_at_risk]
    assert any(time > now for time in times), "on track"
    assert any(time <= now for time in times), "breached"
