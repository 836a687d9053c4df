"""A pytest plugin that writes the failed tests to TEST_REPORT. tests/run.py repeats them."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

failures: dict[str, dict[str, object]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.user_properties.append(
        ("never_retried", item.get_closest_marker("never_retried") is not None)
    )
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a failure.

    With pytest-xdist this is called in the controlling process too, for all tests of all workers.
    """
    if report.failed:
        found = failures.setdefault(report.nodeid, {"text": report.longreprtext})
        # Only a report that pytest-xdist makes for a worker that died lacks the property: a crash
        # is not retried
        found["never_retried"] = dict(report.user_properties).get("never_retried", True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["TEST_REPORT"]).write_text(json.dumps(failures))
