"""Runs the tests marked `stress` over and over, each time with another seed, until one fails or the
time is over.

Usage: stress.py MINUTES [pytest arguments…]. These are the random tests, and those of kills and
outages. A failure names the seed that repeats it. Nothing is retried here. Some tests are longer:
WEBHOOK_EVENTS is how many events the receivers of webhooks must get, by default 10,000.
FOLLOW_KILLS is how often the two sides of a mirror are killed in each round, by default 500 times.
SOAK_SECONDS is how long a wallboard is watched in each round, by default an hour.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONG_TESTS = {"WEBHOOK_EVENTS": "10000", "FOLLOW_KILLS": "500", "SOAK_SECONDS": "3600"}
"""How much these tests do, unless the environment says something else."""


def main(minutes: float, arguments: list[str]) -> int:
    end = time.monotonic() + minutes * 60
    rounds = 0
    while time.monotonic() < end:
        seed = random.randrange(2**31)
        rounds += 1
        print(f"=== round {rounds}, TEST_SEED={seed}", flush=True)
        command = [sys.executable, "tests/run.py", "-m", "stress", *arguments]
        environment = {**LONG_TESTS, **os.environ, "TEST_SEED": str(seed), "TEST_REPEATS": "0"}
        code = subprocess.call(command, cwd=ROOT, env=environment)
        if code:
            print(f"round {rounds} failed. To repeat it: TEST_SEED={seed} make test T='-m stress'")
            return code
    print(f"{rounds} rounds passed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]), sys.argv[2:]))
