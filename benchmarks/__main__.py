"""`python -m benchmarks [queries]`: run the benchmarks, or those named."""

from __future__ import annotations

import argparse
import asyncio

from benchmarks import queries

ALL = {"queries": queries.main}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[*ALL, []], default=list(ALL))
    parser.add_argument("--tickets", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a Postgres server's maintenance database")
    options = parser.parse_args()
    for name in options.names or list(ALL):
        asyncio.run(ALL[name](options))


if __name__ == "__main__":
    main()
