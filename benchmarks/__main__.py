"""`python -m benchmarks` runs queries (quickly), clocks and doorbell, or one of the last two where it is named.

`python -m benchmarks queries`, `attacks`, `growth` and `fanout` have options of their own: --help tells.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import clocks, doorbell
from benchmarks.attacks import __main__ as attacks
from benchmarks.fanout import __main__ as fanout
from benchmarks.growth import __main__ as growth
from benchmarks.queries import __main__ as queries

OWN = {"attacks": attacks.main, "fanout": fanout.main, "growth": growth.main, "queries": queries.main}
"""Those that take options of their own."""
SMALL = {"clocks": clocks.main, "doorbell": doorbell.main}


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name in OWN:
        return OWN[name](arguments)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", epilog=f"python -m benchmarks {'|'.join(OWN)} --help")
    parser.add_argument("names", nargs="*", choices=[*SMALL, []], default=list(SMALL))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a Postgres server's maintenance database")
    options = parser.parse_args()
    if not name:
        queries.main(["--quick"])
    for each in options.names or list(SMALL):
        asyncio.run(SMALL[each](options))
    return None


if __name__ == "__main__":
    main()
