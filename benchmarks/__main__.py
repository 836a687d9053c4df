"""`python -m benchmarks`: runs a benchmark, or without a name a short run of queries, clocks and
wakeup."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import clocks, costs, desk, live_memory, matching, plot, revocation, wakeup
from benchmarks.attacks import __main__ as attacks
from benchmarks.caches import __main__ as caches
from benchmarks.exports import __main__ as exports
from benchmarks.fanout import __main__ as fanout
from benchmarks.growth import __main__ as growth
from benchmarks.queries import __main__ as queries
from benchmarks.soak import __main__ as soak

BENCHMARKS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "attacks": attacks.main,
    "caches": caches.main,
    "clocks": clocks.main,
    "costs": costs.main,
    "desk": desk.main,
    "exports": exports.main,
    "fanout": fanout.main,
    "growth": growth.main,
    "live-memory": live_memory.main,
    "matching": matching.main,
    "plot": plot.main,
    "queries": queries.main,
    "revocation": revocation.main,
    "soak": soak.main,
    "wakeup": wakeup.main,
}
SUMMARIES = """\
benchmarks:
  attacks   how long other clients wait while one client attacks the server
  caches    responses and events in another order, in our client's store and other caches
  clocks    a run of the ticket timers over many open tickets
  costs     the time of operations next to their costs
  desk      the desk in a browser with a list of 10,000 tickets
  exports   exports of 100,000 tickets: rate, memory, and a killed worker
  fanout    live events to many subscribers, compared with servers of Node.js
  growth    reads with 10,000 to 1,000,000 tickets
  live-memory  the memory of live statistics and lists
  matching  how long an event takes with 100 filters of subscriptions
  plot      draws the figures of queries or growth as an SVG
  queries   reads and a write over HTTP, compared with other servers
  revocation  how long sockets stay open after their permission has ended
  soak      500 sockets and steady writes for 30 minutes: nothing may grow
  wakeup    signals over Redis, and reconnects after outages

Each has its own options: python -m benchmarks NAME --help
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        usage="python -m benchmarks [-h] [NAME [OPTION ...]]",
        description="Runs a benchmark. Without a name: a short run of queries, clocks and wakeup.",
        epilog=SUMMARIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", choices=BENCHMARKS, metavar="NAME", help="see below")
    options = parser.parse_args(sys.argv[1:2])
    if options.name is not None:
        return BENCHMARKS[options.name](sys.argv[2:])
    queries.main(["--quick"])
    clocks.main([])
    wakeup.main([])
    return None


if __name__ == "__main__":
    main()
