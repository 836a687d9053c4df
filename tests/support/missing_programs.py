"""Skips tests whose programs are not installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_unless_in_ci(reason: str) -> NoReturn:
    """Skip the test because a program is missing. In CI, fail it instead."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must not skip this")
    pytest.skip(reason)
