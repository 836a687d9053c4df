"""`python -m benchmarks` runs a short queries benchmark, clocks and wakeup.

`python -m benchmarks clocks` or `wakeup` runs only that one, and `--rounds` or `--database` alone
both. `attacks`, `costs`, `fanout`, `growth`, `live-memory`, `matching` and `queries` have their own
options; see their --help.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import clocks, costs, live_memory, matching, wakeup
from benchmarks.attacks import __main__ as attacks
from benchmarks.fanout import __main__ as fanout
from benchmarks.growth import __main__ as growth
from benchmarks.queries import __main__ as queries

WITH_OPTIONS = {
    "attacks": attacks.main,
    "costs": costs.main,
    "fanout": fanout.main,
    "growth": growth.main,
    "live-memory": live_memory.main,
    "matching": matching.main,
    "queries": queries.main,
}
SMALL = {"clocks": clocks.main, "wakeup": wakeup.main}


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name in WITH_OPTIONS:
        return WITH_OPTIONS[name](arguments)
    epilog = f"python -m benchmarks {'|'.join(WITH_OPTIONS)} --help"
    parser = argparse.ArgumentParser(prog="python -m benchmarks", epilog=epilog)
    parser.add_argument("names", nargs="*", choices=[*SMALL, []])
    parser.add_argument("--rounds", type=int, default=3)
    database = "sqlite, or the URL of a Postgres server's maintenance database"
    parser.add_argument("--database", default="sqlite", help=database)
    options = parser.parse_args()
    if not name:
        queries.main(["--quick"])
    for each in options.names or list(SMALL):
        asyncio.run(SMALL[each](options))
    return None


if __name__ == "__main__":
    main()
