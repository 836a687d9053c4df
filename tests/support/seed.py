"""The seed of all random tests: the same in each run, unless TEST_SEED names another one.

A test takes the fixture `random`, or `random_for` with its own words if it needs several
generators. The seed is printed at the start of a run and with each failure. `make stress` runs the
tests marked `stress` with other seeds; tests/conftest.py marks all tests of hypothesis and all that
take the fixture `random`.
"""

from __future__ import annotations

import os
from random import Random

from hypothesis import core, settings

SEED = int(os.environ.get("TEST_SEED", "1"))
IS_FIXED = "TEST_SEED" not in os.environ


def random_for(*words: object) -> Random:
    """A random generator that depends on the run's seed and on the words, and on nothing else."""
    return Random(":".join(map(str, (SEED, *words))))


def configure_hypothesis() -> None:
    """The same examples in each run, unless TEST_SEED is set.

    How long an example takes doesn't matter.
    """
    settings.register_profile(
        "suite", derandomize=IS_FIXED, deadline=None, database=None, print_blob=True
    )
    settings.load_profile("suite")
    if not IS_FIXED:
        core.global_force_seed = SEED  # what --hypothesis-seed sets
