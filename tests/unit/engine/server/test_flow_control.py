"""The stall detector: a client is stalled if it accepts no bytes, whatever else is written."""

from __future__ import annotations

import pytest

from engine.server.flow_control import StallDetector

TIMEOUT_SECONDS = 10.0

STEPS = {
    "a client that reads while more is written": [(100, 100), (300, 250), (900, 800), (2000, 1850)],
    "a client that reads the backlog": [(100, 100), (100, 50), (100, 1), (100, 0)],
    "a client whose backlog stays equal": [(100, 100), (150, 100), (200, 100), (250, 100)],
    "a backlog after an idle time": [(100, 0), (100, 0), (100, 0), (200, 100)],
    "an idle connection": [(0, 0), (0, 0), (0, 0), (0, 0)],
}
"""Bytes written, and those of them that are unsent, at intervals of the timeout."""


@pytest.mark.parametrize("name", STEPS)
def test_a_client_that_accepts_bytes_is_not_stalled(name: str) -> None:
    detector = StallDetector(TIMEOUT_SECONDS)
    for index, (written_bytes, unsent_bytes) in enumerate(STEPS[name]):
        accepted_bytes = written_bytes - unsent_bytes
        assert not detector.update(accepted_bytes, unsent_bytes > 0, index * TIMEOUT_SECONDS)


def test_a_client_that_accepts_nothing_is_stalled_after_the_timeout() -> None:
    detector = StallDetector(TIMEOUT_SECONDS)
    assert not detector.update(600, True, 5.0)
    assert not detector.update(600, True, 14.9)
    assert detector.update(600, True, 15.0)


def test_a_client_that_begins_to_read_again_gets_the_whole_timeout() -> None:
    detector = StallDetector(TIMEOUT_SECONDS)
    assert not detector.update(600, True, 0.0)
    assert not detector.update(601, True, 9.0)
    assert not detector.update(601, True, 18.0)
    assert detector.update(601, True, 19.0)
